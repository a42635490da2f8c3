//! The failure of a tool call, and how it looks on the wire (contract, D5).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::validibot::{ApiError, FieldError, code};

/// What the kill switch tells an agent to wait: maintenance takes minutes to hours.
const SWITCHED_OFF_RETRY_SECONDS: u64 = 3600;

/// Files are fetched in seconds.
const BUSY_RETRY_SECONDS: u64 = 5;

/// A failure with a code to act on. It reaches the agent as a result with `isError`, not as a protocol error,
/// which clients hide from their models.
#[derive(Debug)]
pub(crate) struct ToolError {
    code: Cow<'static, str>,
    message: String,
    data: Map<String, Value>,
}

impl ToolError {
    /// For the log.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn switched_off() -> Self {
        let mut data = Map::new();
        data.insert("retry_after_seconds".into(), SWITCHED_OFF_RETRY_SECONDS.into());
        Self {
            code: "SERVICE_UNAVAILABLE".into(),
            message: "Validibot's MCP server is switched off for maintenance. Try again later".into(),
            data,
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self {
            code: "UNAUTHORIZED".into(),
            message: "The request carries no credential".into(),
            data: Map::new(),
        }
    }

    pub(super) fn not_for_sale() -> Self {
        Self {
            code: code::NOT_FOUND.into(),
            message: "There is no such workflow, or it is not published for agents that pay".into(),
            data: Map::new(),
        }
    }

    /// A payment that came along and has not bought a run. `payment` says how it stands with it.
    pub(super) fn with_payment(mut self, said: &str, payment: Value) -> Self {
        let message = self.message.trim_end_matches('.');
        self.message = if message.is_empty() { said.to_owned() } else { format!("{message}. {said}") };
        self.data.insert("payment".into(), payment);
        self
    }

    /// A payment is not known to have brought money.
    pub(super) fn of_payment(code: &'static str) -> Self {
        Self { code: code.into(), message: String::new(), data: Map::new() }
    }

    pub(super) fn no_uploads() -> Self {
        Self {
            code: "SERVICE_UNAVAILABLE".into(),
            message: "This server does not accept uploads: it has no key ring (VALIDIBOT_MCP_SEAL_KEYS)"
                .into(),
            data: Map::new(),
        }
    }

    /// The memory that the call would take is not there, or not the caller's.
    pub(super) fn busy() -> Self {
        let mut data = Map::new();
        data.insert("retry_after_seconds".into(), BUSY_RETRY_SECONDS.into());
        Self {
            code: "SERVICE_UNAVAILABLE".into(),
            message: "The server has too much to do just now: nothing was done, try again in a moment".into(),
            data,
        }
    }

    pub(super) fn cancelled() -> Self {
        Self {
            code: "CANCELLED".into(),
            message: "The call was cancelled; the run goes on".into(),
            data: Map::new(),
        }
    }

    /// One argument is wrong; `message` continues the sentence that its name begins.
    pub(super) fn argument(field: &str, message: String) -> Self {
        Self::invalid_params(vec![FieldError { field: field.to_owned(), message }])
    }

    pub(crate) fn invalid_params(errors: Vec<FieldError>) -> Self {
        let message =
            errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>();
        let mut data = Map::new();
        let errors =
            errors.into_iter().map(|error| json!({ "field": error.field, "message": error.message }));
        data.insert("errors".into(), errors.collect());
        Self { code: code::INVALID_PARAMS.into(), message: message.join("; "), data }
    }

    pub(crate) fn into_payload(self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.into());
        error.insert("message".into(), self.message.into());
        if !self.data.is_empty() {
            error.insert("data".into(), self.data.into());
        }
        json!({ "error": error })
    }
}

impl From<ApiError> for ToolError {
    fn from(error: ApiError) -> Self {
        Self { data: error.data(), code: error.code, message: error.message }
    }
}
