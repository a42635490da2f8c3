//! The tools' definitions: names, descriptions and schemas (contract, D5).

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use rmcp::model::{JsonObject, Tool as Definition, ToolAnnotations};
use serde_json::{Value, json};

use super::wait::{DEFAULT_SECONDS, LONGEST_SECONDS};

/// A tool of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    ListWorkflows,
    GetWorkflowDetails,
    ValidateFile,
    GetRunStatus,
    WaitForRun,
}

impl Tool {
    /// In the order of `tools/list`.
    pub(super) const ALL: [Self; 5] = [
        Self::ListWorkflows,
        Self::GetWorkflowDetails,
        Self::ValidateFile,
        Self::GetRunStatus,
        Self::WaitForRun,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ListWorkflows => "list_workflows",
            Self::GetWorkflowDetails => "get_workflow_details",
            Self::ValidateFile => "validate_file",
            Self::GetRunStatus => "get_run_status",
            Self::WaitForRun => "wait_for_run",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::ListWorkflows => "List validation workflows",
            Self::GetWorkflowDetails => "Show a workflow",
            Self::ValidateFile => "Validate a file",
            Self::GetRunStatus => "Look at a run",
            Self::WaitForRun => "Wait for a run",
        }
    }

    fn description(self) -> Cow<'static, str> {
        match self {
            Self::ListWorkflows => "Lists the validation workflows that you can use, over all your organisations. \
                 Start here. Each entry has a workflow_ref, which the other tools take, and the file types that the \
                 workflow accepts."
                .into(),
            Self::GetWorkflowDetails => "Shows one workflow in full: what it accepts (accepted_extensions, \
                 input_schema), what its steps check (validation_summary, steps) and what it costs (pricing). Use it \
                 before validate_file to choose the right workflow and to prepare the file."
                .into(),
            Self::ValidateFile => "Submits a file to a workflow and returns at once with a run_ref. Each call starts \
                 a new run. Then call wait_for_run with that run_ref."
                .into(),
            Self::GetRunStatus => "Reads a run once, without waiting. `state` says whether it is finished \
                 (COMPLETED), `result` what came out (PASS, FAIL, ERROR …), and steps[].issues hold the findings."
                .into(),
            Self::WaitForRun => format!(
                "Waits until a run is finished and returns it, at most timeout_seconds ({DEFAULT_SECONDS} by \
                 default). If the run is not finished by then, is_complete is false: call it again with the same \
                 run_ref. In the result, steps[].issues hold the findings, each with the place (path) and a message."
            )
            .into(),
        }
    }

    /// Only validating changes anything; the world it acts on is Validibot's, not this server's.
    fn annotations(self) -> ToolAnnotations {
        let annotations = ToolAnnotations::new().open_world(true);
        if self == Self::ValidateFile {
            annotations.read_only(false).destructive(false).idempotent(false)
        } else {
            annotations.read_only(true).idempotent(true)
        }
    }

    fn input_schema(self) -> Value {
        let workflow_ref = json!({
            "type": "string", "default": "",
            "description": "A workflow_ref from list_workflows, exactly as it stands there",
        });
        let run_ref = json!({
            "type": "string", "default": "",
            "description": "The run_ref that validate_file returned, exactly as it stands there",
        });
        let (properties, required) = match self {
            Self::ListWorkflows => (json!({}), json!([])),
            Self::GetWorkflowDetails => (json!({ "workflow_ref": workflow_ref }), json!([])),
            Self::ValidateFile => (
                json!({
                    "file_content": {
                        "type": "string", "contentEncoding": "base64",
                        "description": "The file's bytes in base64",
                    },
                    "file_name": {
                        "type": "string",
                        "description": "The file's name with its extension, which says what kind of file it is",
                    },
                    "workflow_ref": workflow_ref,
                }),
                json!(["file_content", "file_name"]),
            ),
            Self::GetRunStatus => (json!({ "run_ref": run_ref }), json!([])),
            Self::WaitForRun => (
                json!({
                    "run_ref": run_ref,
                    "timeout_seconds": {
                        "type": "integer", "default": DEFAULT_SECONDS,
                        "description": format!("How long to wait, in seconds; at most {LONGEST_SECONDS}"),
                    },
                }),
                json!([]),
            ),
        };
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    fn output_schema(self) -> Value {
        let mut schema = json!({
            "type": "object",
            "properties": { "error": error_schema() },
            "additionalProperties": true,
        });
        if self == Self::ListWorkflows {
            schema["properties"]["result"] = json!({
                "type": "array",
                "items": { "type": "object", "additionalProperties": true },
            });
            // FastMCP's clients unwrap `result` by this mark, as they did for the system we replace.
            schema["x-fastmcp-wrap-result"] = true.into();
        }
        schema
    }

    fn definition(self) -> Definition {
        let mut definition = Definition::new(self.name(), self.description(), object(self.input_schema()))
            .with_title(self.title())
            .with_annotations(self.annotations());
        definition.output_schema = Some(object(self.output_schema()));
        definition
    }
}

/// All definitions, built once.
pub(super) fn definitions() -> &'static [Definition] {
    static DEFINITIONS: LazyLock<Vec<Definition>> =
        LazyLock::new(|| Tool::ALL.iter().map(|tool| tool.definition()).collect());
    &DEFINITIONS
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "Present when the call failed; then nothing else is",
        "properties": {
            "code": { "type": "string" },
            "message": { "type": "string" },
            "data": { "type": "object", "additionalProperties": true },
        },
        "required": ["code", "message"],
    })
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}
