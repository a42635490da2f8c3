//! Narrow concessions to clients in wide use. Both conformance suites pass with them in place.

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
const BOTH: &str = "application/json, text/event-stream";
/// Only bodies up to here are looked into: the client in question passes what a model wrote.
pub(super) const MAX_PEEK_BYTES: usize = 256 * 1024;

/// Which of MCP's two types a client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    /// Both, or neither, which rmcp refuses.
    AsMcpSays,
    /// No event stream.
    JsonAlone,
    /// Nothing but an event stream.
    EventsAlone,
}

/// Reads `Accept` (RFC 9110, section 12.5.1) and says to rmcp, which knows no ranges, that both types are taken. MCP wants
/// clients to take both; one that takes one of them alone gets that one.
pub(super) fn accept(headers: &mut HeaderMap) -> Accepted {
    let ranges: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let takes = |kind, essence| {
        let ranges = ranges.iter().flat_map(|value| value.split(','));
        takes(ranges, kind, essence)
    };
    let json = ranges.is_empty() || takes("application", "application/json");
    let events = ranges.is_empty() || takes("text", "text/event-stream");
    if json || events {
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH));
    }
    match (json, events) {
        (true, false) => Accepted::JsonAlone,
        (false, true) => Accepted::EventsAlone,
        _ => Accepted::AsMcpSays,
    }
}

/// Whether the most specific range that fits a type lets it through.
fn takes<'a>(ranges: impl Iterator<Item = &'a str>, kind: &str, essence: &str) -> bool {
    let fitting = ranges.filter_map(|range| {
        let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
        let range = range.trim().to_ascii_lowercase();
        let specific = match range.as_str() {
            "*/*" => 0,
            range if range == essence => 2,
            range if range.strip_suffix("/*") == Some(kind) => 1,
            _ => return None,
        };
        Some((specific, !is_zero(parameters)))
    });
    fitting.max().is_some_and(|(_, taken)| taken)
}

/// Whether a range's weight is 0, which means `not this`.
fn is_zero(parameters: &str) -> bool {
    let weight = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let weight =
        weight.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")).map(|(_, value)| value.trim());
    weight.into_iter().any(|value| value.parse() == Ok(0.0_f32))
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
    fn ranges_and_weights_are_read_as_http_means_them() {
        use Accepted::{AsMcpSays, EventsAlone, JsonAlone};
        for (given, accepted, said) in [
            (&[][..], AsMcpSays, BOTH),
            (&["*/*"], AsMcpSays, BOTH),
            (&["text/html, */*;q=0.1"], AsMcpSays, BOTH),
            (&["application/json", "text/event-stream"], AsMcpSays, BOTH),
            (&["Application/JSON, text/*"], AsMcpSays, BOTH),
            (&["application/json"], JsonAlone, BOTH),
            (&["application/*"], JsonAlone, BOTH),
            (&["application/json;charset=utf-8"], JsonAlone, BOTH),
            (&["*/*, text/event-stream;q=0"], JsonAlone, BOTH),
            (&["application/json, text/event-stream; q=0.0"], JsonAlone, BOTH),
            (&["text/event-stream"], EventsAlone, BOTH),
            (&["text/*;q=0.5, text/html"], EventsAlone, BOTH),
            (&["*/*, application/json;q=0"], EventsAlone, BOTH),
            (&["text/html"], AsMcpSays, "text/html"),
            (&["*/*;q=0"], AsMcpSays, "*/*;q=0"),
        ] {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(accept(&mut headers), accepted, "{given:?}");
            assert_eq!(headers[ACCEPT], said, "{given:?}");
        }
    }
}
