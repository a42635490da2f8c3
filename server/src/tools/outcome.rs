//! What a tool call ends in, and how that looks on the wire (contract, D5).

use std::borrow::Cow;

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};

use super::findings::{self, Page};
use super::shorten;
use crate::resources::uri;
use crate::validibot::{ApiError, FieldError, code};

/// What the kill switch tells an agent to wait: maintenance takes minutes to hours.
const SWITCHED_OFF_RETRY_SECONDS: u64 = 3600;

/// The end of a tool call.
pub(super) enum Outcome {
    /// A result, as a model reads it and as a program does.
    Done {
        /// For the text content: JSON.
        text: String,
        /// The structured content: always an object.
        structured: Map<String, Value>,
    },
    /// A failure that the agent can read and act on.
    Failed(ToolError),
}

/// A failure with a code to act on. It reaches the agent as a result with `isError`, not as a protocol error,
/// which clients hide from their models.
#[derive(Debug)]
pub(crate) struct ToolError {
    code: Cow<'static, str>,
    message: String,
    data: Map<String, Value>,
}

impl Outcome {
    /// One reading of a run: first what an agent needs, then Validibot's object as it is.
    pub(super) fn run(mut run: Map<String, Value>, page: Page) -> Self {
        let overview = findings::overview(&run, page);
        run.shift_insert(0, "overview".to_owned(), overview);
        let whole_at = run.get("run_ref").and_then(Value::as_str).map(uri::run);
        Self::object(run, shorten::RUN, whole_at)
    }

    /// A workflow's definition.
    pub(super) fn workflow(mut workflow: Map<String, Value>) -> Self {
        let reference = workflow.get("workflow_ref").cloned().unwrap_or_default();
        let next = json!({
            "tool": "validate_file",
            "arguments": { "workflow_ref": reference },
            "fill_in": ["file_name", "text or file_content"],
        });
        let whole_at = reference.as_str().map(uri::workflow);
        workflow.insert("next".to_owned(), next);
        Self::object(workflow, shorten::WORKFLOW, whole_at)
    }

    /// The catalogue. The text is the bare list, the structured content wraps it (contract, D5).
    pub(super) fn catalogue(list: Vec<Value>) -> Self {
        let mut structured = Map::new();
        if let Some(reference) = list.first().and_then(|first| first.get("workflow_ref")) {
            let next = json!({
                "tool": "get_workflow_details",
                "arguments": { "workflow_ref": reference },
                "why": "this one, or the one of the list that fits better",
            });
            structured.insert("next".to_owned(), next);
        }
        let list = Value::Array(list);
        let text = list.to_string();
        structured.insert("result".to_owned(), list);
        Self::Done { text, structured }
    }

    /// Any other object.
    pub(super) fn plain(object: Map<String, Value>) -> Self {
        Self::object(object, &[], None)
    }

    fn object(mut object: Map<String, Value>, cuts: &[shorten::Cut], whole_at: Option<String>) -> Self {
        let text = shorten::fit(&mut object, cuts, whole_at);
        Self::Done { text, structured: object }
    }

    /// For the log.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Done { .. } => "OK",
            Self::Failed(error) => &error.code,
        }
    }

    pub(super) fn into_response(self) -> CallToolResponse {
        let (mut result, structured) = match self {
            Self::Done { text, structured } => {
                (CallToolResult::success(vec![ContentBlock::text(text)]), Value::Object(structured))
            }
            Self::Failed(error) => {
                let payload = error.into_payload();
                (CallToolResult::error(vec![ContentBlock::text(payload.to_string())]), payload)
            }
        };
        result.structured_content = Some(structured);
        result.into()
    }
}

impl ToolError {
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

    pub(super) fn no_uploads() -> Self {
        Self {
            code: "SERVICE_UNAVAILABLE".into(),
            message: "This server takes no uploads: it has no key ring (VALIDIBOT_MCP_SEAL_KEYS)".into(),
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
