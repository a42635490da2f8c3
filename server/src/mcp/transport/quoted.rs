//! Errors of rmcp quote what they are about: the version, the name, the header. Of what a client sent, no more goes back than
//! fits a line, however much it was.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use http_body::Body as _;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::clean::short;
use crate::base::json as json_of_others;

/// Errors up to here quote little enough.
const MAX_ERROR_BYTES: u64 = 4 * 1024;
/// Of each text in a longer one.
const MAX_QUOTED_BYTES: usize = 256;
/// An error of rmcp has a code, a message and some data.
const MAX_NODES: usize = 200;

#[derive(Deserialize, Serialize)]
struct Message<'a> {
    jsonrpc: &'a str,
    /// As it came: whoever chose a long one is told by it which request it was.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    error: &'a RawValue,
}

/// The same answer; where it is an error that quotes more than a little, with the beginnings of its texts.
pub(super) async fn shortly(response: Response) -> Response {
    // What is a stream has its answer from a tool, which quotes nothing at length.
    let whole = response.body().size_hint().exact().is_some_and(|length| length > MAX_ERROR_BYTES);
    let is_json = |kind: &[u8]| kind.starts_with(b"application/json");
    if !whole || !response.headers().get(CONTENT_TYPE).is_some_and(|kind| is_json(kind.as_bytes())) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    match shortened(&body) {
        Some(short) => {
            parts.headers.remove(CONTENT_LENGTH);
            Response::from_parts(parts, short.into())
        }
        None => Response::from_parts(parts, Body::from(body)),
    }
}

/// `None` where it is no error.
fn shortened(body: &[u8]) -> Option<Vec<u8>> {
    // Most answers are results: this tells at a glance.
    memmem::find(body, br#""error":"#)?;
    let Message { jsonrpc, id, error } = serde_json::from_slice(body).ok()?;
    let mut short: Value = json_of_others::read(error.get().as_bytes(), MAX_NODES).ok()?;
    shorten(&mut short);
    let error = serde_json::value::to_raw_value(&short).ok()?;
    serde_json::to_vec(&Message { jsonrpc, id, error: &error }).ok()
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => *text = short(text, MAX_QUOTED_BYTES),
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Object(members) => members.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_keeps_its_form_and_the_beginnings_of_its_texts() {
        let long = "ü".repeat(100_000);
        let data = json!({ "requested": long, "supported": ["2025-11-25"] });
        let error = json!({ "code": -32022, "message": format!("Not {long}"), "data": data });
        let message = json!({ "jsonrpc": "2.0", "id": "a\"b", "error": error }).to_string();
        let short = shortened(message.as_bytes()).expect("an error");
        assert!(short.len() < 1024, "{} bytes", short.len());
        let short: Value = serde_json::from_slice(&short).expect("JSON");
        assert_eq!((&short["id"], &short["error"]["code"]), (&json!("a\"b"), &json!(-32022)));
        assert!(short["error"]["message"].as_str().is_some_and(|text| text.starts_with("Not üü")));
        assert_eq!(short["error"]["data"]["supported"], json!(["2025-11-25"]));
        let result = json!({ "jsonrpc": "2.0", "id": 1, "result": { "error": long } }).to_string();
        assert_eq!(shortened(result.as_bytes()), None);
    }
}
