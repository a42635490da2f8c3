//! The tools' schemas, written by hand: five tools are few, and what a model reads is worth the care.
//!
//! No `format` keyword: clients that validate with ajv warn about, or refuse, formats that they do not know.

use serde_json::{Value, json};

use super::super::findings::{DEFAULT_LIMIT, MAX_LIMIT};
use super::super::wait::{DEFAULT_SECONDS, LONGEST_SECONDS};
use super::Tool;

impl Tool {
    pub(super) fn input_schema(self) -> Value {
        let (properties, required) = match self {
            Self::ListWorkflows => (json!({}), json!([])),
            Self::GetWorkflowDetails => (json!({ "workflow_ref": workflow_ref() }), json!([])),
            Self::ValidateFile => (
                json!({
                    "file_content": text_of("The file's bytes in base64; for a text file, `text` is safer"),
                    "text": text_of(
                        "The file's content as it is, instead of file_content: JSON, CSV, IDF, XML, YAML and other text"
                    ),
                    "file_name": file_name(),
                    "workflow_ref": workflow_ref(),
                }),
                json!(["file_name"]),
            ),
            Self::GetRunStatus => (
                json!({
                    "run_ref": run_ref(),
                    "findings_offset": {
                        "type": "integer", "default": 0, "minimum": 0,
                        "description": "How many findings to pass over: for the next page of a long list",
                    },
                    "findings_limit": {
                        "type": "integer", "default": DEFAULT_LIMIT, "minimum": 1, "maximum": MAX_LIMIT,
                        "description": "How many findings to show",
                    },
                }),
                json!([]),
            ),
            Self::WaitForRun => (
                json!({
                    "run_ref": run_ref(),
                    "timeout_seconds": {
                        "type": "integer", "default": DEFAULT_SECONDS,
                        "description": format!("How long to wait, in seconds; at most {LONGEST_SECONDS}"),
                    },
                }),
                json!([]),
            ),
            Self::PrepareUpload => (
                json!({
                    "workflow_ref": workflow_ref(),
                    "file_name": file_name(),
                    "size_bytes": {
                        "type": "integer", "minimum": 1,
                        "description": "The file's size; an upload of another size is then refused",
                    },
                    "sha256": text_of("The file's SHA-256 in hexadecimal; an upload of other bytes is then refused"),
                }),
                json!(["workflow_ref", "file_name"]),
            ),
        };
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    /// Every result fits, a failure's too.
    pub(super) fn output_schema(self) -> Value {
        let mut properties = json!({ "error": error() });
        match self {
            Self::ListWorkflows => {
                properties["result"] =
                    json!({ "type": "array", "items": { "type": "object", "additionalProperties": true } });
                properties["next"] = next();
            }
            Self::GetWorkflowDetails => properties["next"] = next(),
            Self::ValidateFile | Self::GetRunStatus | Self::WaitForRun => {
                properties["overview"] = overview();
                // A run has an `error` of its own, which is a text (contract, A6); strict clients check.
                let of_run = text_of("What went wrong in the run, for people; may be empty");
                properties["error"] = json!({ "anyOf": [of_run, error()] });
            }
            Self::PrepareUpload => {
                properties["curl"] = text_of("The command to run where the file is");
                properties["next"] = next();
            }
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": true });
        if self == Self::ListWorkflows {
            // FastMCP's clients unwrap `result` by this mark, as they did for the system we replace.
            schema["x-fastmcp-wrap-result"] = true.into();
        }
        schema
    }
}

fn text_of(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn file_name() -> Value {
    text_of("The file's name with its extension, which says what kind of file it is")
}

/// With the default of the system we replace: an empty reference is answered by the tool, not by the client.
fn workflow_ref() -> Value {
    json!({
        "type": "string", "default": "",
        "description": "A workflow_ref from list_workflows, exactly as it stands there",
    })
}

fn run_ref() -> Value {
    json!({
        "type": "string", "default": "",
        "description": "The run_ref that validate_file returned, exactly as it stands there",
    })
}

fn error() -> Value {
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

fn overview() -> Value {
    json!({
        "type": "object",
        "description": "What an agent needs first",
        "properties": {
            "state": text_of("PENDING, RUNNING or COMPLETED"),
            "result": text_of("PASS, FAIL, ERROR, CANCELED, TIMED_OUT or UNKNOWN"),
            "is_complete": { "type": "boolean" },
            "findings": {
                "type": "object",
                "properties": {
                    "total": { "type": "integer" },
                    "by_severity": { "type": "object", "additionalProperties": { "type": "integer" } },
                    "offset": { "type": "integer" },
                    "shown": { "type": "array", "items": finding() },
                },
                "required": ["total", "by_severity", "offset", "shown"],
            },
            "next": next(),
        },
        "required": ["is_complete", "findings"],
    })
}

fn finding() -> Value {
    json!({
        "type": "object",
        "properties": {
            "severity": { "type": "string" },
            "path": text_of("The place in the file"),
            "message": { "type": "string" },
            "code": { "type": "string" },
            "step": { "type": "string" },
        },
        "required": ["severity", "step"],
    })
}

fn next() -> Value {
    json!({
        "type": "object",
        "description": "The call to make now",
        "properties": { "tool": { "type": "string" }, "arguments": { "type": "object", "additionalProperties": true } },
        "required": ["tool", "arguments"],
        "additionalProperties": true,
    })
}
