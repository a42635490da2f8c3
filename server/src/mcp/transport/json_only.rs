//! For clients that take JSON alone: the message at the end of an event stream, without what came before it.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// One event: far above any result.
const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;

/// Waits for the answer where it would come as an event; progress on the way is left out.
pub(super) async fn in_json(response: Response) -> Response {
    let events = response.headers().get(CONTENT_TYPE);
    if !events.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Some(answer) = answer(body).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer))
}

/// The first event that is a response (HTML standard, section 9.2.6: a blank line ends an event).
async fn answer(mut body: Body) -> Option<Bytes> {
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = memchr::memmem::find(&pending, b"\n\n") {
            let event: Vec<u8> = pending.drain(..end + 2).collect();
            if let Some(message) = response_in(&event) {
                return Some(message);
            }
        }
        if pending.len() > MAX_EVENT_BYTES {
            return None;
        }
    }
    None
}

fn response_in(event: &[u8]) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Message {
        result: Option<IgnoredAny>,
        error: Option<IgnoredAny>,
    }
    let mut data = Vec::new();
    for line in event.split(|byte| *byte == b'\n') {
        if let Some(value) = line.strip_prefix(b"data:") {
            data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
    let message: Message = serde_json::from_slice(&data).ok()?;
    (message.result.is_some() || message.error.is_some()).then(|| Bytes::from(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_response_is_taken_out_of_the_stream() {
        let events: [&[u8]; 4] = [
            b": a comment\n\nid: 0\ndata:\n\ndata: {\"method\":\"notifications/progress\"}\n",
            b"\ndata: {\"id\":1,\"res",
            b"ult\":{\"a\":1.10}}\n",
            b"\ndata: {\"id\":2,\"result\":{}}\n\n",
        ];
        let chunks = events.map(|event| Ok::<_, std::io::Error>(Bytes::from_static(event)));
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let response = ([(CONTENT_TYPE, "text/event-stream")], body).into_response();
        let response = in_json(response).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, r#"{"id":1,"result":{"a":1.10}}"#);
    }
}
