//! The tools' schemas, written by hand: they are few, and what a model reads is worth the care.
//!
//! No `format` keyword: clients that validate with ajv warn about, or refuse, formats that they do not know.

use serde_json::{Value, json};

use super::super::compare::{AFTER, BEFORE};
use super::super::findings::{DEFAULT_LIMIT, MAX_LIMIT};
use super::super::validate::IDEMPOTENCY_KEY;
use super::super::wait::{DEFAULT_SECONDS, LONGEST_SECONDS, SILENT_SECONDS};
use super::Tool;

impl Tool {
    pub(super) fn input_schema(self) -> Value {
        let (properties, required) = match self {
            Self::ListWorkflows => (
                json!({
                    "search": text_of("Words that the workflow's name, description or organization has to have"),
                    "organization": text_of("An organization's slug or name: its workflows alone"),
                    "offset": {
                        "type": "integer", "default": 0, "minimum": 0,
                        "description": "How many workflows to skip: for the next page",
                    },
                }),
                json!([]),
            ),
            Self::GetWorkflowDetails | Self::OpenUpload => {
                (json!({ "workflow_ref": workflow_ref() }), json!(["workflow_ref"]))
            }
            Self::ValidateFile => (
                json!({
                    "file_content": text_of("The file's bytes in base64; for a text file, `text` is safer"),
                    "text": text_of(
                        "The file's content as it is, instead of file_content: JSON, CSV, IDF, XML, YAML and other text"
                    ),
                    "file_name": file_name(),
                    "workflow_ref": workflow_ref(),
                    IDEMPOTENCY_KEY: text_of("Any name for this launch: the same file under it is the same run"),
                }),
                json!(["file_name", "workflow_ref"]),
            ),
            Self::GetRunStatus => (
                json!({
                    "run_ref": run_ref(),
                    "findings_offset": findings_offset(),
                    "findings_limit": findings_limit(),
                }),
                json!(["run_ref"]),
            ),
            Self::WaitForRun => (
                json!({
                    "run_ref": run_ref(),
                    "timeout_seconds": {
                        "type": "integer",
                        "description": format!(
                            "How long to wait, in seconds, at most {LONGEST_SECONDS}. Left out: {DEFAULT_SECONDS} where \
                             the client shows progress, else {SILENT_SECONDS}. Many hosts cut a call at 60 s, some at 30 s"
                        ),
                    },
                }),
                json!(["run_ref"]),
            ),
            Self::CompareRuns => (
                json!({
                    BEFORE: text_of("The run_ref of the earlier run"),
                    AFTER: text_of("The run_ref of the later run"),
                    "findings_offset": findings_offset(),
                    "findings_limit": findings_limit(),
                }),
                json!([BEFORE, AFTER]),
            ),
            Self::PrepareUpload => (
                json!({
                    "workflow_ref": workflow_ref(),
                    "file_name": file_name(),
                    "size_bytes": {
                        "type": "integer", "minimum": 1,
                        "description": "The file's size; another is then refused",
                    },
                    "sha256": text_of("The file's SHA-256 in hexadecimal; other bytes are then refused"),
                }),
                json!(["workflow_ref", "file_name"]),
            ),
        };
        // Without `additionalProperties`: converters that expect a schema there fail, and some hosts add arguments of
        // their own to every tool.
        json!({ "type": "object", "properties": properties, "required": required })
    }

    /// What a program that calls tools by their types needs. Every result fits, a failure's too: what stands in no schema,
    /// `additionalProperties` admits. A model reads the results themselves, and hosts put all of this before it in each
    /// conversation.
    pub(super) fn output_schema(self) -> Value {
        let properties = match self {
            // The workflow, as Validibot has it.
            Self::GetWorkflowDetails => json!({ "next": next() }),
            Self::ListWorkflows => json!({
                "result": { "type": "array", "items": { "type": "object", "additionalProperties": true } },
                "total": { "type": "integer" },
                "next": next(),
            }),
            Self::ValidateFile | Self::WaitForRun => json!({ "overview": overview_in_brief() }),
            Self::GetRunStatus => json!({ "overview": overview() }),
            Self::CompareRuns => json!({
                "compared": { "type": "boolean" },
                "why": text_of("Why the runs were not compared"),
                "counts": { "type": "object", "additionalProperties": { "type": "integer" } },
                "findings": { "type": "object", "additionalProperties": true },
                "next": next(),
            }),
            Self::OpenUpload => json!({ "message": { "type": "string" }, "next": next() }),
            Self::PrepareUpload => json!({
                "curl": text_of("For a shell of Linux or macOS"),
                "curl_windows": text_of("For cmd.exe and PowerShell"),
                "hint": text_of("What to do where a command cannot name the file"),
                "next": next(),
            }),
        };
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

fn workflow_ref() -> Value {
    text_of("Copied verbatim from list_workflows")
}

fn findings_offset() -> Value {
    json!({
        "type": "integer", "default": 0, "minimum": 0,
        "description": "How many findings to skip: for the next page",
    })
}

fn findings_limit() -> Value {
    json!({
        "type": "integer", "default": DEFAULT_LIMIT, "minimum": 1, "maximum": MAX_LIMIT,
        "description": "How many findings to show",
    })
}

fn run_ref() -> Value {
    text_of("Copied verbatim from the result of validate_file")
}

/// Where it is spelt out once, in `get_run_status`.
fn overview_in_brief() -> Value {
    json!({
        "type": "object",
        "description": "As get_run_status describes it",
        "properties": { "run_ref": { "type": "string" }, "is_complete": { "type": "boolean" }, "next": next() },
        "required": ["is_complete", "findings"],
    })
}

fn overview() -> Value {
    json!({
        "type": "object",
        "properties": {
            "run_ref": { "type": "string" },
            "state": text_of("PENDING, RUNNING or COMPLETED"),
            "result": text_of("PASS, FAIL, ERROR, CANCELED or TIMED_OUT; UNKNOWN while the run goes on"),
            "is_complete": { "type": "boolean" },
            "message": text_of("Why the run has no verdict or no findings"),
            "findings": {
                "type": "object",
                "properties": {
                    "kept": {
                        "type": "boolean",
                        "description": "false: Validibot no longer keeps the findings; then nothing else is here",
                    },
                    "total": { "type": "integer" },
                    "by_severity": { "type": "object", "additionalProperties": { "type": "integer" } },
                    "left_out": { "type": "integer", "description": "Of the total, how many no page shows" },
                    "shown": { "type": "array", "items": finding() },
                },
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
        "description": "The call to make now: tool, arguments",
        "additionalProperties": true,
    })
}
