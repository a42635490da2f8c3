//! What a caller without a good credential is told (RFC 6750, section 3; RFC 9728, section 5.1).

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};

use crate::base::refusal::HttpRefusal;
use crate::config::Settings;

/// How long a client should wait when we cannot tell whether its credential is good, and Validibot names no time.
const RETRY_AFTER_SECONDS: u64 = 5;
/// How long where Validibot throttles and names no time: its throttle counts by the minute (contract, section a).
const THROTTLED_SECONDS: u64 = 60;
/// However long Validibot or something in front of it says.
const MAX_RETRY_AFTER_SECONDS: u64 = 3600;

/// Why a request has no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No bearer credential at all.
    Missing,
    /// A credential that no token of ours can look like.
    Malformed,
    /// A credential that is definitely not, or not any more, good.
    Invalid,
    /// A good credential that lacks the scope.
    InsufficientScope,
    /// Whoever could tell did not answer. The credential may be good: the client must keep it.
    CannotTell {
        /// When to try again.
        seconds: u64,
    },
    /// Validibot knows the caller, who has used up their budget of requests there.
    Throttled {
        /// When to try again.
        seconds: u64,
    },
}

/// A refusal together with what the answer has to name.
pub(crate) struct Challenge<'a> {
    refusal: Refusal,
    settings: &'a Settings,
}

impl Refusal {
    /// Nobody could tell; `said` is the time in seconds that whoever was asked wants to be left alone.
    pub(super) fn cannot_tell(said: Option<u64>) -> Self {
        Self::CannotTell { seconds: said.unwrap_or(RETRY_AFTER_SECONDS).clamp(1, MAX_RETRY_AFTER_SECONDS) }
    }

    /// Validibot throttles this caller; `said` as for [`Self::cannot_tell`].
    pub(super) fn throttled(said: Option<u64>) -> Self {
        Self::Throttled { seconds: said.unwrap_or(THROTTLED_SECONDS).clamp(1, MAX_RETRY_AFTER_SECONDS) }
    }

    /// When to try again with the same credential, where that helps.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::CannotTell { seconds } | Self::Throttled { seconds } => Some(seconds),
            Self::Missing | Self::Malformed | Self::Invalid | Self::InsufficientScope => None,
        }
    }

    pub(crate) fn challenge(self, settings: &Settings) -> Challenge<'_> {
        Challenge { refusal: self, settings }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Malformed | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::CannotTell { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Missing | Self::Malformed | Self::Invalid => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::CannotTell { .. } => "temporarily_unavailable",
            Self::Throttled { .. } => "too_many_requests",
        }
    }

    /// `can_sign_in` is whether OAuth is on: else nobody is told to do what they cannot.
    fn description(self, can_sign_in: bool) -> &'static str {
        match self {
            Self::Missing if can_sign_in => "Sign in, or send a Validibot API token as Authorization: Bearer",
            Self::Missing => "Send a Validibot API token as Authorization: Bearer",
            Self::Malformed => "The Authorization header does not hold one bearer token",
            Self::Invalid => "The token is unknown, expired or revoked",
            Self::InsufficientScope => "The token does not carry the scope that this server needs",
            Self::CannotTell { .. } => "The token could not be checked just now: keep it and try again",
            Self::Throttled { .. } => {
                "Validibot takes no more requests from you for the moment: keep the token and try again"
            }
        }
    }
}

impl IntoResponse for Challenge<'_> {
    fn into_response(self) -> Response {
        let Self { refusal, settings } = self;
        let description = refusal.description(settings.oauth.is_some());
        let refused = HttpRefusal::new(refusal.status(), refusal.code(), description);
        if let Some(seconds) = refusal.retry_after() {
            refused.retry_after(seconds)
        } else if let Ok(value) = HeaderValue::from_str(&www_authenticate(refusal, settings)) {
            refused.header(WWW_AUTHENTICATE, value)
        } else {
            refused
        }
        .into_response()
    }
}

fn www_authenticate(refusal: Refusal, settings: &Settings) -> String {
    let mut parameters = Vec::new();
    // RFC 6750, section 3.1: a request without any credential gets no error code.
    if refusal != Refusal::Missing {
        parameters.push(format!("error=\"{}\"", refusal.code()));
        parameters.push(format!("error_description=\"{}\"", refusal.description(settings.oauth.is_some())));
    }
    if let Some(oauth) = &settings.oauth {
        let base = settings.base_url.as_str();
        parameters.push(format!("resource_metadata=\"{base}/.well-known/oauth-protected-resource/mcp\""));
        if let Some(scope) = &oauth.required_scope {
            parameters.push(format!("scope=\"{scope}\""));
        }
    }
    if parameters.is_empty() {
        parameters.push("realm=\"validibot-mcp\"".to_owned());
    }
    format!("Bearer {}", parameters.join(", "))
}
