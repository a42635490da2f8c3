//! Answers as event streams: for clients that take nothing else, and for those that would hear nothing while they wait.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use crate::base::json;

/// Whatever is wrong with a request, and a run that is finished already, is known by then: such an answer keeps its own status and
/// form.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Below the 5 s without a byte after which the most impatient HTTP clients give up.
const BETWEEN: Duration = Duration::from_secs(3);
/// A line that says nothing (HTML standard, section 9.2.5), with the blank one that some readers wait for.
const COMMENT: Bytes = Bytes::from_static(b": the run goes on\n\n");
/// Far above any result.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// nginx passes a stream on as it comes where an answer says so.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An answer that was asked for, until it is there.
type Awaited = Pin<Box<dyn Future<Output = Response> + Send>>;

/// An answer in JSON as the one event of a stream. A refusal by HTTP status stays what it is.
pub(super) async fn in_events(response: Response) -> Response {
    if response.status() != StatusCode::OK || !is(response.headers(), "application/json") {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let event = event(body).await;
    parts.headers.remove(CONTENT_LENGTH);
    dress(&mut parts.headers);
    Response::from_parts(parts, Body::from(event))
}

/// The answer, and until it is there a comment every few seconds, so that the connection is not silent.
pub(super) async fn with_comments(mut answer: Awaited) -> Response {
    if let Ok(response) = timeout(AT_ONCE, &mut answer).await {
        return response;
    }
    let rest = stream::unfold(Some(answer), |awaited| async {
        let mut answer = awaited?;
        match timeout(BETWEEN, &mut answer).await {
            Err(_) => Some((COMMENT, Some(answer))),
            Ok(response) => Some((last(response).await, None)),
        }
    });
    let events = stream::once(std::future::ready(COMMENT)).chain(rest).map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::from_stream(events));
    dress(response.headers_mut());
    response
}

/// What a stream that has begun ends with.
async fn last(response: Response) -> Bytes {
    let events = is(response.headers(), "text/event-stream");
    let body = response.into_body();
    if events { to_bytes(body, MAX_ANSWER_BYTES).await.unwrap_or_default() } else { event(body).await }
}

/// The event of a message. It is written without line ends, which would be the end of a line of the event.
async fn event(body: Body) -> Bytes {
    let message = to_bytes(body, MAX_ANSWER_BYTES).await.unwrap_or_default();
    let mut event = BytesMut::with_capacity(message.len() + 8);
    event.put_slice(b"data: ");
    event.extend(message.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    event.put_slice(b"\n\n");
    event.freeze()
}

fn is(headers: &HeaderMap, kind: &str) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(kind.as_bytes()))
}

fn dress(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
}

/// Whether a body is a call that waits for a run and does not ask for progress.
pub(super) fn is_silent_wait(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Call {
        method: String,
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        name: String,
        #[serde(rename = "_meta")]
        meta: Option<Meta>,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "progressToken")]
        token: Option<IgnoredAny>,
    }
    // Most bodies are something else, and are not read for it.
    memchr::memmem::find(body, b"wait_for_run").is_some()
        && json::document::<Call>(body).is_ok_and(|Call { method, params }| {
            method == "tools/call"
                && params.name == "wait_for_run"
                && params.meta.is_none_or(|meta| meta.token.is_none())
        })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http_body_util::BodyExt as _;
    use tokio::time::{Instant, sleep};

    use super::*;

    fn answer(text: &'static str) -> Response {
        ([(CONTENT_TYPE, "application/json")], text).into_response()
    }

    async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_message_is_one_event_and_a_refusal_stays_one() {
        let response = in_events(answer("{\"id\":1,\n\"result\":{}}")).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        assert!(!response.headers().contains_key(CONTENT_LENGTH));
        assert_eq!(text(response).await, "data: {\"id\":1,\"result\":{}}\n\n");
        let refused = (StatusCode::METHOD_NOT_ALLOWED, answer("{}")).into_response();
        let refused = in_events(refused).await;
        assert_eq!(refused.headers()[CONTENT_TYPE], "application/json");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_soon_is_the_answer_itself() {
        let soon = async {
            sleep(AT_ONCE / 2).await;
            (StatusCode::BAD_REQUEST, answer("{}")).into_response()
        };
        let response = with_comments(Box::pin(soon)).await;
        assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::BAD_REQUEST, "{}"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_hears_a_comment_every_few_seconds_and_then_the_answer() {
        let late = async {
            sleep(Duration::from_secs(20)).await;
            answer(r#"{"id":1,"result":{}}"#)
        };
        let started = Instant::now();
        let response = with_comments(Box::pin(late)).await;
        assert_eq!((started.elapsed(), response.status()), (AT_ONCE, StatusCode::OK));
        let mut heard = Vec::new();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            heard.push((started.elapsed(), frame.expect("a frame").into_data().expect("data")));
        }
        let (end, answer) = heard.pop().expect("an answer");
        assert_eq!((end.as_secs(), &answer[..]), (20, &b"data: {\"id\":1,\"result\":{}}\n\n"[..]));
        assert!(heard.len() >= 6 && heard.iter().all(|(_, piece)| *piece == COMMENT), "{heard:?}");
        assert!(heard.windows(2).all(|pair| pair[1].0 < pair[0].0 + Duration::from_secs(5)), "{heard:?}");
    }

    #[test]
    fn only_a_wait_that_asks_for_no_progress_is_a_silent_one() {
        let call = |name: &str, meta: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{{}}{meta}}}}}"#
            )
        };
        for (body, silent) in [
            (call("wait_for_run", ""), true),
            (call("wait_for_run", r#","_meta":{}"#), true),
            (call("wait_for_run", r#","_meta":{"progressToken":null}"#), true),
            (call("wait_for_run", r#","_meta":{"progressToken":0}"#), false),
            (call("get_run_status", r#","x":"wait_for_run""#), false),
            (r#"{"method":"tools/list","params":{"name":"wait_for_run"}}"#.to_owned(), false),
            ("wait_for_run".to_owned(), false),
        ] {
            assert_eq!(is_silent_wait(body.as_bytes()), silent, "{body}");
        }
    }
}
