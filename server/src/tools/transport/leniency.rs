//! Two narrow concessions to clients in wide use. Both conformance suites pass with them in place.

use axum::http::header::{ACCEPT, CONTENT_LENGTH, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use serde::Deserialize;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What the header of the mistaken requests says.
const STALE: &str = "2025-11-25";
/// What their body says.
const MODERN: &str = "2026-07-28";
/// Only bodies up to here are looked into: the client in question passes what a model wrote.
pub(super) const MAX_PEEK_BYTES: usize = 256 * 1024;

/// A client that takes anything takes both of MCP's types (RFC 9110, section 12.5.1; no field means anything).
pub(super) fn accept_anything(headers: &mut HeaderMap) {
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

/// Whether the body may have to be looked into.
pub(super) fn is_suspect(headers: &HeaderMap) -> bool {
    headers.get(&VERSION).is_some_and(|value| value == STALE)
}

/// Whether the body is small enough for that, as it says.
pub(super) fn is_small(headers: &HeaderMap) -> bool {
    let length: Option<usize> =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.is_some_and(|length| length <= MAX_PEEK_BYTES)
}

/// claude.ai's connectors put 2025-11-25 in the header and 2026-07-28 in the body
/// (anthropics/claude-code#93290). For exactly that pair the headers that mirror the body are set from it; any other
/// disagreement stays the error that MCP makes it.
pub(super) fn agree(headers: &mut HeaderMap, body: &[u8]) {
    if is_suspect(headers)
        && let Some(mirrored) = Mirrored::read(body)
    {
        mirrored.set(headers);
    }
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

    fn passed(header: &'static str, body: &str) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(VERSION, HeaderValue::from_static(header))]);
        agree(&mut headers, body.as_bytes());
        headers
    }

    #[test]
    fn exactly_one_disagreement_is_put_right() {
        let body = |version: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"list_workflows",
                    "_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}"}}}}}}"#
            )
        };
        let headers = passed(STALE, &body(MODERN));
        assert_eq!(headers[VERSION], MODERN);
        assert_eq!(
            (&headers[METHOD], &headers[NAME]),
            (&"tools/call".parse().unwrap(), &"list_workflows".parse().unwrap())
        );
        for (header, body) in
            [("2025-06-18", body(MODERN)), (STALE, body("2025-06-18")), (STALE, "{}".to_owned())]
        {
            let headers = passed(header, &body);
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
