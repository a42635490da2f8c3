//! Bodies of callers who are known: how fast they have to come, and what they are charged with.

use axum::response::{IntoResponse as _, Response};

use super::*;
use crate::base::json::NODE_BYTES;
use crate::caller::Caller;
use crate::limits::body::{DEADLINE, IDLE, PIECE};
use crate::limits::{MAX_BYTES_OF_ONE, share};

/// A body in pieces of so many bytes, each after a pause, then its end.
fn in_pieces(pieces: impl IntoIterator<Item = (Duration, usize), IntoIter: Send + 'static>) -> Body {
    Body::from_stream(stream::iter(pieces).then(|(pause, bytes)| async move {
        sleep(pause).await;
        Ok::<_, std::io::Error>(Bytes::from(vec![b' '; bytes]))
    }))
}

fn request(body: Body) -> Request {
    let mut request = Request::post("/mcp").body(body).expect("a request");
    request.extensions_mut().insert(Caller::Public);
    request
}

/// Reads all of the body, as every handler does.
async fn read(request: Request) -> Response {
    match request.into_body().collect().await {
        Ok(_) => "read".into_response(),
        Err(_) => StatusCode::IM_A_TEAPOT.into_response(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_has_to_come_at_a_rate_and_in_a_time() {
    let (app, _router) = server();
    let second = Duration::from_secs(1);
    // Never in the moment in which the time is up.
    let drip = Duration::from_millis(700);
    let nearly = IDLE.checked_sub(MOMENT).expect("it is longer");
    let minute: usize = DEADLINE.as_secs().try_into().expect("small");
    for (what, body, status, after) in [
        ("nothing", in_pieces([(DEADLINE, 1)]), StatusCode::REQUEST_TIMEOUT, IDLE),
        ("a byte now and then", in_pieces(vec![(drip, 1); 20]), StatusCode::REQUEST_TIMEOUT, IDLE),
        (
            "a little less than a piece",
            in_pieces(vec![(drip, PIECE / 20); 20]),
            StatusCode::REQUEST_TIMEOUT,
            IDLE,
        ),
        (
            "a piece, and then a drip",
            in_pieces([(nearly, PIECE)].into_iter().chain(vec![(drip, 1); 20])),
            StatusCode::REQUEST_TIMEOUT,
            nearly + IDLE,
        ),
        ("a piece in time", in_pieces(vec![(nearly, PIECE); 3]), StatusCode::OK, nearly * 3),
        ("a short end", in_pieces([(nearly, PIECE), (nearly, 1)]), StatusCode::OK, nearly * 2),
        ("a minute of pieces", in_pieces(vec![(second, PIECE); minute - 1]), StatusCode::OK, second * 59),
        (
            "more than a minute",
            in_pieces(vec![(second, PIECE); minute * 2]),
            StatusCode::REQUEST_TIMEOUT,
            DEADLINE,
        ),
    ] {
        let begun = Instant::now();
        let answer = share(&app.limits, request(body), read).await;
        assert_eq!((answer.status(), begun.elapsed()), (status, after), "{what}");
        drop(answer);
        assert_eq!(app.limits.in_flight(), (0, 0), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_tree_of_a_request_is_charged_until_its_answer_is_there() {
    const NODES: usize = 20_000;
    let (app, _router) = server();
    let body = format!("[{}0]", "0,".repeat(NODES - 1));
    let cost = body.len() + NODES * NODE_BYTES;
    let many = MAX_BYTES_OF_ONE / cost;
    let ask = || async {
        let work = async |request| {
            let answer = read(request).await;
            sleep(MOMENT).await;
            answer
        };
        let answer = share(&app.limits, request(Body::from(body.clone())), work).await;
        (answer.status(), answer)
    };
    let mut all = Box::pin(join_all((0..=many).map(|_| ask())));
    assert!(timeout(MOMENT / 2, &mut all).await.is_err(), "they are worked on");
    assert_eq!(app.limits.in_flight().1, many * cost + body.len(), "as trees, but for one that had no room");
    let answers = all.await;
    let refused = answers.iter().filter(|(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE).count();
    assert_eq!(refused, 1, "the one whose tree has no room");
    assert_eq!(app.limits.in_flight(), (0, many * "read".len()), "what is left to be read");
    drop(answers);
    assert_eq!(app.limits.in_flight(), (0, 0));
}
