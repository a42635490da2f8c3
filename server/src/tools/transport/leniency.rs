//! Two narrow concessions to clients in wide use. Both conformance suites pass with them in place.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What the header of the mistaken requests says.
const STALE: &str = "2025-11-25";
/// What their body says.
const MODERN: &str = "2026-07-28";
/// Only bodies up to here are looked into: the client in question passes what a model wrote.
const MAX_PEEK_BYTES: usize = 256 * 1024;

/// Puts right what can only have one meaning.
pub(super) async fn be_lenient(mut request: Request, next: Next) -> Response {
    accept_anything(request.headers_mut());
    match agree(request).await {
        Ok(request) => next.run(request).await,
        Err(response) => response,
    }
}

/// A client that takes anything takes both of MCP's types (RFC 9110, section 12.5.1; no field means anything).
fn accept_anything(headers: &mut HeaderMap) {
    let anything = match headers.get(ACCEPT) {
        None => true,
        Some(value) => value.to_str().is_ok_and(|value| {
            value.split(',').any(|range| matches!(range.split(';').next().map(str::trim), Some("*/*")))
        }),
    };
    if anything {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    }
}

/// claude.ai's connectors put 2025-11-25 in the header and 2026-07-28 in the body
/// (anthropics/claude-code#93290). For exactly that pair the headers that mirror the body are set from it; any other
/// disagreement stays the error that MCP makes it.
async fn agree(request: Request) -> Result<Request, Response> {
    let headers = request.headers();
    let length: Option<usize> =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let suspect = headers.get(&VERSION).is_some_and(|value| value == STALE)
        && length.is_some_and(|length| length <= MAX_PEEK_BYTES);
    if !suspect {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_PEEK_BYTES)
        .await
        .map_err(|_| (axum::http::StatusCode::BAD_REQUEST, "The body ended early").into_response())?;
    if let Some(mirrored) = Mirrored::read(&bytes) {
        mirrored.set(&mut parts.headers);
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// What of the body the headers mirror (MCP 2026-07-28, transports, request headers).
struct Mirrored {
    method: String,
    name: Option<String>,
}

impl Mirrored {
    /// `None` unless the body is a request of the modern era.
    fn read(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Message {
            method: String,
            params: Params,
        }
        #[derive(Deserialize)]
        struct Params {
            #[serde(rename = "_meta")]
            meta: Meta,
            name: Option<String>,
            uri: Option<String>,
        }
        #[derive(Deserialize)]
        struct Meta {
            #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
            version: String,
        }
        let modern = bytes.windows(MODERN.len()).any(|window| window == MODERN.as_bytes());
        let message: Message = modern.then(|| serde_json::from_slice(bytes).ok())??;
        (message.params.meta.version == MODERN)
            .then_some(Self { method: message.method, name: message.params.name.or(message.params.uri) })
    }

    fn set(&self, headers: &mut HeaderMap) {
        headers.insert(VERSION, HeaderValue::from_static(MODERN));
        for (header, value) in [(METHOD, Some(&self.method)), (NAME, self.name.as_ref())] {
            // Present and different is a disagreement of another kind: rmcp answers it.
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok())
                && !headers.contains_key(&header)
            {
                headers.insert(header, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn passed(header: &str, body: &str) -> HeaderMap {
        let request = Request::builder()
            .header(VERSION, header)
            .header(CONTENT_LENGTH, body.len())
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let request = agree(request).await.expect("passed on");
        let (parts, rest) = request.into_parts();
        assert_eq!(to_bytes(rest, 10_000).await.expect("the body"), body.as_bytes());
        parts.headers
    }

    #[tokio::test]
    async fn exactly_one_disagreement_is_put_right() {
        let body = |version: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"list_workflows",
                    "_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}"}}}}}}"#
            )
        };
        let headers = passed(STALE, &body(MODERN)).await;
        assert_eq!(headers[VERSION], MODERN);
        assert_eq!(
            (&headers[METHOD], &headers[NAME]),
            (&"tools/call".parse().unwrap(), &"list_workflows".parse().unwrap())
        );
        for (header, body) in
            [("2025-06-18", body(MODERN)), (STALE, body("2025-06-18")), (STALE, "{}".to_owned())]
        {
            let headers = passed(header, &body).await;
            assert_eq!(headers[VERSION], header);
            assert!(!headers.contains_key(METHOD));
        }
    }

    #[test]
    fn who_takes_anything_takes_both_types() {
        for (given, expected) in [
            (None, "application/json, text/event-stream"),
            (Some("*/*"), "application/json, text/event-stream"),
            (Some("text/html, */*;q=0.1"), "application/json, text/event-stream"),
            (Some("application/json"), "application/json"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(ACCEPT, HeaderValue::from_static(given));
            }
            accept_anything(&mut headers);
            assert_eq!(headers[ACCEPT], expected);
        }
    }
}
