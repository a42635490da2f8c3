//! How connections are kept and how they end, on a clock that stands still unless all wait.

mod http2;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep, timeout};

use super::activity::UNREAD;
use super::activity::{HEAD_WITHIN, IDLE, IDLE_IN_A_CROWD};
use super::connections::{CROWD, Connections, GOODBYE, STREAMS, WINDOW};
use super::house::{ANSWERS, House};
use super::observed::LINGER;
use crate::limits::Engaged;

const LONG: Duration = Duration::from_hours(2);
/// More than lies between a client and the server.
const LARGE: usize = 4 * 64 * 1024;
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const GET_LONG: &[u8] = b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n";

fn connections() -> Connections {
    Connections::new(routes())
}

fn routes() -> Router {
    let long = || async {
        sleep(LONG).await;
        "done"
    };
    // A body is refused unread.
    let refuse = |_: Body| async { (StatusCode::UNAUTHORIZED, "no") };
    let engaged = |Extension(engaged): Extension<Engaged>| async move {
        let _slot = engaged.begin();
        sleep(LONG).await;
        "done"
    };
    Router::new()
        .route("/", get(async || "yes"))
        .route("/engaged", get(engaged))
        .route("/long", get(long))
        .route("/refuse", post(refuse))
        .route("/large", get(async || vec![b'x'; LARGE]))
}

/// A client's end of a connection, whose other end is served.
fn connect(connections: &Connections) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = duplex(64 * 1024);
    (client, tokio::spawn(connections.attend(server)))
}

/// An answer with a short body, as far as one comes; empty where the connection ends before.
async fn answer(client: &mut DuplexStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains("\r\n\r\n") || text.ends_with("\r\n\r\n") {
        match client.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    text
}

async fn ask(client: &mut DuplexStream, request: &[u8]) -> String {
    client.write_all(request).await.expect("sent");
    answer(client).await
}

/// After how long the server closes the connection, if nothing is sent any more.
async fn closes_after(client: &mut DuplexStream) -> Duration {
    let begun = Instant::now();
    let read = client.read(&mut [0; 64]).await;
    assert_eq!(read.expect("an orderly end"), 0);
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_those_that_clients_and_proxies_keep() {
    let connections = connections();
    let (mut client, served) = connect(&connections);
    for _ in 0..3 {
        assert!(ask(&mut client, GET).await.ends_with("yes"));
        sleep(Duration::from_mins(10)).await;
    }
    assert!(ask(&mut client, GET).await.ends_with("yes"));
    let closed = closes_after(&mut client).await;
    assert!(closed >= IDLE && closed < IDLE + Duration::from_secs(1), "{closed:?}");
    served.await.expect("its task ends");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_stops_in_a_head_is_not_kept() {
    let connections = connections();
    for (sent, limit) in [
        (&b""[..], IDLE),
        (b"P", HEAD_WITHIN),
        (b"PRI * HTTP/2.0\r\n\r\nSM", HEAD_WITHIN),
        (b"GET / HTTP/1.1\r\nhost:", HEAD_WITHIN),
    ] {
        let (mut client, served) = connect(&connections);
        client.write_all(sent).await.expect("sent");
        let closed = closes_after(&mut client).await;
        assert!(closed >= limit && closed < limit + Duration::from_secs(1), "{sent:?}: {closed:?}");
        served.await.expect("its task ends");
    }
    // The second head as the first one; dripping it does not help.
    let (mut client, served) = connect(&connections);
    assert!(ask(&mut client, GET).await.ends_with("yes"));
    for _ in 0..5 {
        client.write_all(b"G").await.expect("sent");
        sleep(HEAD_WITHIN / 5).await;
    }
    assert!(closes_after(&mut client).await < Duration::from_secs(1));
    served.await.expect("its task ends");
}

#[tokio::test(start_paused = true)]
async fn in_a_crowd_idle_connections_are_not_kept_for_long() {
    let connections = connections();
    let mut crowd: Vec<_> = (0..2 * CROWD).map(|_| connect(&connections)).collect();
    crowd[0].0.write_all(GET_LONG).await.expect("sent");
    sleep(2 * IDLE_IN_A_CROWD).await;
    let kept = crowd.iter().filter(|(_, served)| !served.is_finished()).count();
    assert_eq!(kept, CROWD);
    let (busy, _) = &mut crowd[0];
    assert!(answer(busy).await.ends_with("done"), "what is under way goes on");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_long_is_never_cut() {
    let connections = connections();
    let (mut client, _served) = connect(&connections);
    let begun = Instant::now();
    assert!(ask(&mut client, GET_LONG).await.ends_with("done"));
    assert!(begun.elapsed() >= LONG);
    assert!(ask(&mut client, GET).await.ends_with("yes"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_who_reads_it_slowly_and_not_for_who_does_not() {
    let connections = connections();
    let request = b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (mut client, served) = connect(&connections);
    client.write_all(request).await.expect("sent");
    let (mut read, mut part) = (0, vec![0; 16 * 1024]);
    loop {
        sleep(UNREAD / 2).await;
        match client.read(&mut part).await.expect("it is still there") {
            0 => break,
            more => read += more,
        }
    }
    assert!(read > LARGE, "{read}");
    served.await.expect("its task ends");

    let (mut client, served) = connect(&connections);
    let begun = Instant::now();
    client.write_all(request).await.expect("sent");
    served.await.expect("its task ends");
    assert!(begun.elapsed() >= UNREAD && begun.elapsed() < 2 * UNREAD, "{:?}", begun.elapsed());
}

/// As if the process had got no time between the arrival of a request and the moment that it is late for.
#[tokio::test(start_paused = true)]
async fn what_has_arrived_is_read_before_anything_is_judged() {
    let connections = connections();
    let (mut idle, _served) = connect(&connections);
    let (mut in_a_head, _served) = connect(&connections);
    let (mut new, _served) = connect(&connections);
    assert!(ask(&mut idle, GET).await.ends_with("yes"));
    in_a_head.write_all(&GET[..10]).await.expect("sent");
    tokio::task::yield_now().await;

    idle.write_all(GET).await.expect("sent");
    in_a_head.write_all(&GET[10..]).await.expect("sent");
    new.write_all(GET).await.expect("sent");
    advance(2 * IDLE).await;
    for client in [&mut idle, &mut in_a_head, &mut new] {
        assert!(answer(client).await.ends_with("yes"));
    }

    // The same where the instance stops. A request that is half here is waited for.
    in_a_head.write_all(&GET[..10]).await.expect("sent");
    tokio::task::yield_now().await;
    let (mut unseen, _served) = connect(&connections);
    for client in [&mut idle, &mut unseen] {
        client.write_all(GET).await.expect("sent");
    }
    let stopped = tokio::spawn(connections.stop());
    for client in [&mut idle, &mut unseen] {
        assert!(answer(client).await.ends_with("yes"));
        assert_eq!(closes_after(client).await, Duration::ZERO);
    }
    assert_eq!(closes_after(&mut new).await, Duration::ZERO, "nothing is under way on it");
    let late = ask(&mut in_a_head, &GET[10..]).await;
    assert!(late.contains("connection: close") && late.ends_with("yes"), "{late}");
    stopped.await.expect("all are closed");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_still_sending_gets_to_read_the_refusal() {
    const REQUEST: &[u8] = b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    let connections = connections();
    let (mut client, served) = connect(&connections);
    client.write_all(REQUEST).await.expect("sent");
    client.write_all(&[b'x'; 1000]).await.expect("sent");
    // The answer is out by now.
    sleep(LINGER / 2).await;
    client.write_all(&vec![b'x'; 999_000]).await.expect("the rest is taken in");
    let text = answer(&mut client).await;
    assert!(text.starts_with("HTTP/1.1 401") && text.ends_with("no"), "{text}");
    assert!(text.contains("connection: close"), "nothing more is answered here: {text}");
    assert!(!served.is_finished(), "the client has not closed yet");
    drop(client);
    timeout(Duration::from_secs(1), served).await.expect("it ends with the client").expect("its task ends");

    // Who neither reads nor closes is not kept.
    let (mut client, served) = connect(&connections);
    client.write_all(REQUEST).await.expect("sent");
    timeout(2 * LINGER, served).await.expect("it ends").expect("its task ends");
}

#[tokio::test(start_paused = true)]
async fn in_a_full_house_the_longest_silent_one_goes_and_newcomers_are_served() {
    const ROOM: usize = 8;
    let connections = Connections::in_house(House::of(ROOM, ANSWERS), routes());
    let (mut busy, busy_served) = connect(&connections);
    busy.write_all(b"GET /engaged HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    sleep(Duration::from_millis(1)).await;
    let mut others = Vec::new();
    for _ in 1..ROOM {
        let (mut client, served) = connect(&connections);
        client.write_all(&GET[..10]).await.expect("sent");
        sleep(Duration::from_millis(1)).await;
        others.push((client, served));
    }
    // Who speaks last is not the longest silent one, whoever came first.
    others[0].0.write_all(&GET[10..12]).await.expect("sent");
    for _ in 0..2 {
        sleep(Duration::from_millis(1)).await;
        let (mut newcomer, _served) = connect(&connections);
        assert!(ask(&mut newcomer, GET).await.ends_with("yes"));
    }
    sleep(Duration::from_millis(1)).await;
    let gone: Vec<_> = others.iter().map(|(_, served)| served.is_finished()).collect();
    assert_eq!(
        gone,
        [false, true, false, false, false, false, false],
        "a newcomer that has left makes room, too"
    );
    assert!(!busy_served.is_finished(), "what holds a slot goes on");
    assert!(answer(&mut busy).await.ends_with("done"));
}

/// Else whoever fills the house with requests that are done, and then connects again and again, lets nobody in.
#[tokio::test(start_paused = true)]
async fn a_newcomer_has_time_for_a_head_in_a_house_full_of_those_who_have_asked() {
    const ROOM: usize = 16;
    let connections = Connections::in_house(House::of(ROOM, ANSWERS), routes());
    let mut others = Vec::new();
    for _ in 0..ROOM {
        let (mut client, served) = connect(&connections);
        assert!(ask(&mut client, GET).await.ends_with("yes"));
        sleep(Duration::from_millis(1)).await;
        others.push((client, served));
    }
    let (mut newcomer, _served) = connect(&connections);
    let mut crowd = Vec::new();
    for _ in 0..ROOM / 4 - 1 {
        sleep(Duration::from_millis(1)).await;
        crowd.push(connect(&connections));
    }
    assert!(ask(&mut newcomer, GET).await.ends_with("yes"), "it was given the time");
    let gone = others.iter().take_while(|(_, served)| served.is_finished()).count();
    assert_eq!(gone, ROOM / 4, "those who have been silent for longest");
    assert!(others[gone..].iter().all(|(_, served)| !served.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn a_head_is_not_kept_beyond_its_bound() {
    let connections = connections();
    let (mut client, served) = connect(&connections);
    let head = [&b"GET / HTTP/1.1\r\nhost: x\r\nx: "[..], &vec![b'x'; 17 * 1024]].concat();
    client.write_all(&head).await.expect("sent");
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 431"));
    drop(client);
    served.await.expect("its task ends");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_two_hosts_or_none_is_refused_before_any_route() {
    let connections = connections();
    for request in [
        &b"GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://y/ HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let (mut client, _served) = connect(&connections);
        let text = ask(&mut client, request).await;
        assert!(text.starts_with("HTTP/1.1 400") && text.contains("bad_host"), "{text}");
    }
    // Probes name whatever they are told.
    let (mut client, _served) = connect(&connections);
    assert!(ask(&mut client, b"GET / HTTP/1.1\r\nhost: 10.0.0.7:8080\r\n\r\n").await.ends_with("yes"));
}
