//! What the transport refuses before it is a message, in the words of JSON-RPC: rmcp answers it with plain text, and
//! malformed JSON with 415, which tells a client's author that the Content-Type is wrong.

use axum::Json;
use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Far above rmcp's sentences.
const MAX_TEXT_BYTES: usize = 4096;
/// JSON-RPC 2.0, section 5.1.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

/// A refusal: HTTP status, JSON-RPC code, and what to do.
type Refusal = (StatusCode, i32, &'static str);

/// Answers in JSON-RPC what rmcp refuses in plain text. There is no `id`: there was no request to take it from.
pub(super) async fn in_json_rpc(response: Response) -> Response {
    // rmcp gives its JSON-RPC errors a type, and these none.
    if !response.status().is_client_error() || response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    let (parts, body) = response.into_parts();
    // It has the text in memory already.
    let text = to_bytes(body, MAX_TEXT_BYTES).await.unwrap_or_default();
    match refusal(parts.status, &String::from_utf8_lossy(&text)) {
        Some((status, code, message)) => {
            let error = json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message } });
            (status, Json(error)).into_response()
        }
        None => Response::from_parts(parts, text.into()),
    }
}

fn refusal(status: StatusCode, text: &str) -> Option<Refusal> {
    Some(match (status, text) {
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, text) if text.contains("unrecognized JSON-RPC message") => (
            StatusCode::BAD_REQUEST,
            INVALID_REQUEST,
            "The body is not one JSON-RPC message. Batches ended with protocol version 2025-06-18: send one message a \
             request",
        ),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, text) if text.starts_with("fail to deserialize") => {
            (StatusCode::BAD_REQUEST, PARSE_ERROR, "The body is not JSON, or it ended early")
        }
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => {
            (status, INVALID_REQUEST, "Send a JSON-RPC message with Content-Type: application/json")
        }
        (StatusCode::NOT_ACCEPTABLE, _) => (
            status,
            INVALID_REQUEST,
            "Send Accept: application/json, text/event-stream: an answer may be either. */* is taken for both",
        ),
        (StatusCode::FORBIDDEN, text) if text.contains("Origin") => (
            status,
            INVALID_REQUEST,
            "Pages of this origin may not call this server. Its operator can allow them in \
             VALIDIBOT_MCP_ALLOWED_ORIGINS",
        ),
        (StatusCode::FORBIDDEN, text) if text.contains("Host") => (
            status,
            INVALID_REQUEST,
            "This server does not answer to this host name. Its operator can allow it in VALIDIBOT_MCP_EXTRA_HOSTS",
        ),
        _ => return None,
    })
}
