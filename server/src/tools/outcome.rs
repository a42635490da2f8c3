//! What a tool call ends in, and how that looks on the wire (contract, D5).

use std::borrow::Cow;

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};

use crate::validibot::{ApiError, FieldError, code};

/// What the kill switch tells an agent to wait: maintenance takes minutes to hours.
const SWITCHED_OFF_RETRY_SECONDS: u64 = 3600;

/// The end of a tool call.
pub(super) enum Outcome {
    /// One object.
    Object(Map<String, Value>),
    /// A list, which MCP's structured content wraps as `result`.
    List(Vec<Value>),
    /// A failure that the agent can read and act on.
    Failed(ToolError),
}

/// A failure with a code to act on. It reaches the agent as a result with `isError`, not as a protocol error,
/// which clients hide from their models.
#[derive(Debug)]
pub(super) struct ToolError {
    code: Cow<'static, str>,
    message: String,
    data: Map<String, Value>,
}

impl Outcome {
    /// For the log.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Object(_) | Self::List(_) => "OK",
            Self::Failed(error) => &error.code,
        }
    }

    pub(super) fn into_response(self) -> CallToolResponse {
        let (text, structured, failed) = match self {
            Self::Object(object) => {
                let object = Value::Object(object);
                (object.to_string(), object, false)
            }
            Self::List(list) => {
                let list = Value::Array(list);
                (list.to_string(), wrapped(list), false)
            }
            Self::Failed(error) => {
                let payload = error.into_payload();
                (payload.to_string(), payload, true)
            }
        };
        let content = vec![ContentBlock::text(text)];
        let mut result =
            if failed { CallToolResult::error(content) } else { CallToolResult::success(content) };
        result.structured_content = Some(structured);
        result.into()
    }
}

/// `json!` would copy the list to wrap it.
fn wrapped(list: Value) -> Value {
    let mut object = Map::new();
    object.insert("result".to_owned(), list);
    Value::Object(object)
}

impl ToolError {
    pub(super) fn switched_off() -> Self {
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

    pub(super) fn cancelled() -> Self {
        Self {
            code: "CANCELLED".into(),
            message: "The call was cancelled; the run goes on".into(),
            data: Map::new(),
        }
    }

    pub(super) fn invalid_params(errors: Vec<FieldError>) -> Self {
        let message =
            errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>();
        let mut data = Map::new();
        let errors =
            errors.into_iter().map(|error| json!({ "field": error.field, "message": error.message }));
        data.insert("errors".into(), errors.collect());
        Self { code: code::INVALID_PARAMS.into(), message: message.join("; "), data }
    }

    fn into_payload(self) -> Value {
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
