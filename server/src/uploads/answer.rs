//! What `PUT /uploads` answers: JSON, with the same payloads as the tools and an HTTP status that fits.

use axum::Json;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::validibot::{ApiError, code};

/// Why an upload was refused or failed.
#[derive(Debug, Clone)]
pub(super) enum UploadError {
    /// The kill switch.
    SwitchedOff,
    /// No ticket, or none of ours, or one that is not good any more.
    Ticket(&'static str),
    /// No `Content-Length`: the size has to be known before Validibot hears of it (RFC 9110, section 15.5.12).
    LengthRequired,
    /// The bytes are not the file, but a coding of it (RFC 9110, section 8.4): Validibot would be handed another file.
    Encoded,
    /// More than Validibot takes.
    TooLarge,
    /// Not the file that the ticket is for.
    Mismatch(&'static str),
    /// The ticket was used for a file with other bytes.
    Used,
    /// The body ended early.
    Broken,
    /// Validibot said no, or nothing.
    Validibot(ApiError),
}

impl UploadError {
    fn parts(&self) -> (StatusCode, &str, &str, Map<String, Value>) {
        let none = Map::new;
        match self {
            Self::SwitchedOff => (
                StatusCode::SERVICE_UNAVAILABLE,
                "SERVICE_UNAVAILABLE",
                "Validibot's MCP server is switched off for maintenance. Try again later",
                none(),
            ),
            Self::Ticket(why) => (StatusCode::UNAUTHORIZED, "INVALID_TICKET", why, none()),
            Self::LengthRequired => (
                StatusCode::LENGTH_REQUIRED,
                code::INVALID_PARAMS,
                "The request has no Content-Length: send the file with curl -T, not from a pipe",
                none(),
            ),
            Self::Encoded => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                code::INVALID_PARAMS,
                "The request has a Content-Encoding: send the file as it is, without one. A file that is itself compressed \
                 needs none",
                none(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                code::INVALID_PARAMS,
                "The file is larger than Validibot accepts, which is about 10 MB",
                none(),
            ),
            Self::Mismatch(why) => (StatusCode::BAD_REQUEST, code::INVALID_PARAMS, why, none()),
            Self::Used => (
                StatusCode::CONFLICT,
                "TICKET_USED",
                "This ticket was used for a file with other bytes: for another file call prepare_upload again, and \
                 use its curl command",
                none(),
            ),
            Self::Broken => (
                StatusCode::BAD_REQUEST,
                code::INVALID_PARAMS,
                "The upload ended before the whole file had arrived",
                none(),
            ),
            Self::Validibot(error) => (status(error), &error.code, &error.message, error.data()),
        }
    }
}

/// Validibot's refusals keep their status; its server errors and ours become 502 or 504.
fn status(error: &ApiError) -> StatusCode {
    match error.status {
        _ if error.code == code::SERVICE_AUTH_FAILED => StatusCode::BAD_GATEWAY,
        Some(status @ 400..=499) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        let (status, code, message, data) = self.parts();
        let mut error = json!({ "code": code, "message": message });
        let retry_after = data.get("retry_after_seconds").and_then(Value::as_u64);
        if !data.is_empty() {
            error["data"] = data.into();
        }
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::Encoded) {
            // What would be taken instead (RFC 9110, section 12.5.3).
            response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
