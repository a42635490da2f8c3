//! Errors in OAuth's own JSON (RFC 6749, section 5.2).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::base::refusal::HttpRefusal;

/// How long a client should wait when Validibot does not answer.
const RETRY_AFTER_SECONDS: u64 = 5;

/// An error answer. Nothing of what Validibot said and no token is ever part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OauthError {
    status: StatusCode,
    code: &'static str,
    description: String,
}

impl OauthError {
    pub(super) fn new(status: StatusCode, code: &'static str, description: impl Into<String>) -> Self {
        Self { status, code, description: description.into() }
    }

    /// 400: the request itself is wrong.
    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// 401: who asks is no client of ours. Claude registers anew when the token endpoint says so.
    pub(super) fn invalid_client() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "the client_id is not known here: register again",
        )
    }

    /// 400: the code or refresh token is definitely not, or not any more, good.
    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description)
    }

    /// 400: a token for another server was asked for (RFC 8707, section 2).
    pub(super) fn invalid_target() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_target", "the resource is not this server")
    }

    /// 503: unknown just now. What the client holds may be good, and it must keep it.
    pub(super) fn temporarily_unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "sign-in is not available just now: keep your tokens and try again",
        )
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let refusal = HttpRefusal::new(self.status, self.code, self.description);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            refusal.retry_after(RETRY_AFTER_SECONDS).into_response()
        } else {
            refusal.into_response()
        }
    }
}
