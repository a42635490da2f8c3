//! What a client is told that asked for too much.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::budget::Full;
use crate::base::refusal::HttpRefusal;

/// Refused clients are told 1 to this many seconds in turn, so that they do not return together.
const SPREAD_SECONDS: u64 = 4;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The instance has enough to do.
    Busy,
    /// This caller has enough under way.
    ShareUsed,
    /// This instance ends.
    Stopping,
    /// The body has too many bytes.
    TooLarge,
    /// The body has too much structure.
    TooComplex,
    /// The body has a key that is reserved to the JSON reader.
    ReservedKey,
    /// The body did not come in time.
    TooSlow,
    /// The body ended before its end, or is not framed as it says.
    Broken,
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        match full {
            Full::All => Self::Busy,
            Full::One => Self::ShareUsed,
        }
    }
}

impl Refusal {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "The server has too much to do just now: nothing was done, try again in a moment",
            ),
            Self::ShareUsed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "You have too many or too large requests under way: nothing was done, try again when some are finished",
            ),
            Self::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                "stopping",
                "This instance of the server is being replaced: try again now, another one answers",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                "The request is larger than a file of 10 MB in base64: nothing was done",
            ),
            Self::TooComplex => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_complex",
                "The request has more JSON structure than any tool takes: send the file as one base64 string",
            ),
            Self::ReservedKey => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "reserved_key",
                "The request has a key that begins with $serde_json::private::, which this server does not read: rename \
                 it, or send the file as one base64 string",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                "The request's body did not arrive in time: nothing was done, try again",
            ),
            Self::Broken => (
                StatusCode::BAD_REQUEST,
                "broken_body",
                "The request's body broke off, or its framing is not HTTP's: send it again",
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        static TURN: AtomicU64 = AtomicU64::new(0);
        let (status, error, description) = self.parts();
        tracing::warn!(status = status.as_u16(), reason = error, "request refused");
        let mut refusal = HttpRefusal::new(status, error, description);
        if matches!(self, Self::Busy | Self::ShareUsed | Self::Stopping) {
            let turn = TURN.fetch_add(1, Ordering::Relaxed);
            refusal = refusal.retry_after_seconds(turn % SPREAD_SECONDS + 1);
        }
        // RFC 9110, section 15.5.9: the rest of a body that is too slow is not waited for.
        if matches!(self, Self::TooSlow | Self::Stopping) {
            refusal = refusal.closing();
        }
        refusal.into_response()
    }
}
