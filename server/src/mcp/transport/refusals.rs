//! What the transport refuses before it is a message, in the words of JSON-RPC: rmcp answers it with plain text, and
//! malformed JSON with 415, which tells a client's author that the Content-Type is wrong.

use axum::Json;
use axum::body::to_bytes;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};

use super::unreadable;
use crate::base::refusal::HttpRefusal;
use crate::config::Settings;

/// Far above rmcp's sentences.
const MAX_TEXT_BYTES: usize = 4096;
/// JSON-RPC 2.0, section 5.1.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
/// MCP 2026-07-28, versioning.
const UNSUPPORTED_VERSION: i32 = -32022;
/// Of what a client sent, no more is repeated: a version has ten characters.
const MAX_QUOTED_CHARS: usize = 64;

/// A refusal.
struct Refusal {
    status: StatusCode,
    code: i32,
    /// What is wrong, and what to do.
    message: String,
    /// Of the request, where one could be read.
    id: Option<Value>,
    data: Option<Value>,
}

impl Refusal {
    fn new(status: StatusCode, code: i32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), id: None, data: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::info!(status = self.status.as_u16(), code = self.code, "request refused by the transport");
        let mut body = json!({ "jsonrpc": "2.0" });
        // Without a request to take it from, there is none.
        if let Some(id) = self.id {
            body["id"] = id;
        }
        body["error"] = json!({ "code": self.code, "message": self.message });
        if let Some(data) = self.data {
            body["error"]["data"] = data;
        }
        (self.status, Json(body)).into_response()
    }
}

/// The page that calls may not.
pub(super) fn origin() -> Response {
    Refusal::new(
        StatusCode::FORBIDDEN,
        INVALID_REQUEST,
        "Pages of this origin may not call this server. Its operator can allow them in \
         VALIDIBOT_MCP_ALLOWED_ORIGINS",
    )
    .into_response()
}

/// The body is not all there.
pub(super) fn ended_early() -> Response {
    Refusal::new(StatusCode::BAD_REQUEST, PARSE_ERROR, "The body ended early: send it again").into_response()
}

/// Answers in JSON what rmcp refuses in plain text. `body` is the request's, where it is small.
pub(super) async fn in_json(settings: &Settings, response: Response, body: Option<Bytes>) -> Response {
    // rmcp gives its JSON-RPC errors a type, and these none, or that of text.
    if !response.status().is_client_error() || !is_text(response.headers()) {
        return response;
    }
    let (parts, text) = response.into_parts();
    // It has the text in memory already.
    let text = to_bytes(text, MAX_TEXT_BYTES).await.unwrap_or_default();
    if parts.status == StatusCode::METHOD_NOT_ALLOWED {
        return method(settings, parts.headers.get(ALLOW));
    }
    match refusal(settings, parts.status, &String::from_utf8_lossy(&text), body.as_deref()) {
        Some(refusal) => refusal.into_response(),
        None => Response::from_parts(parts, text.into()),
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

fn method(settings: &Settings, allow: Option<&HeaderValue>) -> Response {
    let endpoint = format!("{}/mcp", settings.base_url.as_str());
    let description = format!(
        "This is the MCP endpoint, {endpoint}: it takes messages by POST, and has no sessions and no stream for GET"
    );
    HttpRefusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", description)
        .at_endpoint(&endpoint)
        .header(ALLOW, allow.cloned().unwrap_or(HeaderValue::from_static("POST")))
        .into_response()
}

fn refusal(settings: &Settings, status: StatusCode, text: &str, body: Option<&[u8]>) -> Option<Refusal> {
    let refused = |message: &str| Refusal::new(status, INVALID_REQUEST, message);
    Some(match (status, text) {
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, text) if text.contains("unrecognized JSON-RPC message") => {
            let (reason, id) = unreadable::reason(body);
            Refusal { id, ..Refusal::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, reason) }
        }
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, text) if text.starts_with("fail to deserialize") => {
            Refusal::new(StatusCode::BAD_REQUEST, PARSE_ERROR, "The body is not JSON, or it ended early")
        }
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => {
            refused("Send a JSON-RPC message with Content-Type: application/json")
        }
        (StatusCode::NOT_ACCEPTABLE, _) => refused(
            "Send Accept: application/json, text/event-stream: an answer may be either. */* is taken for both, and \
             one of them alone gets that one",
        ),
        (StatusCode::FORBIDDEN, text) if text.contains("Host") => refused(
            "This server does not answer to this host name. Its operator can allow it in VALIDIBOT_MCP_EXTRA_HOSTS",
        ),
        (StatusCode::BAD_REQUEST, text) if text.contains("MCP-Protocol-Version") => {
            let (_, requested) = text.split_once("MCP-Protocol-Version: ").unwrap_or_default();
            version(settings, requested)
        }
        (StatusCode::BAD_REQUEST, text) if text.contains("Host") => {
            refused("The request's Host header is missing or is no host name")
        }
        _ => return None,
    })
}

/// A version that is none, or several in one header, as proxies join repeated ones (RFC 9110, section 5.3).
fn version(settings: &Settings, requested: &str) -> Refusal {
    let requested: String = requested.chars().filter(char::is_ascii_graphic).take(MAX_QUOTED_CHARS).collect();
    let supported = ProtocolVersion::known_up_to(&settings.max_protocol_version);
    let names: Vec<&str> = supported.iter().map(ProtocolVersion::as_str).collect();
    let mistake = if requested.contains(',') {
        "The header MCP-Protocol-Version is there more than once: send one version"
    } else {
        "The header MCP-Protocol-Version holds no version that this server speaks"
    };
    let message = format!("{mistake}. It speaks {}", names.join(", "));
    let data = json!({ "requested": requested, "supported": names });
    Refusal { data: Some(data), ..Refusal::new(StatusCode::BAD_REQUEST, UNSUPPORTED_VERSION, message) }
}
