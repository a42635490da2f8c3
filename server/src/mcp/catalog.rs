//! The tools' definitions: names, titles, descriptions and annotations (contract, D5).

mod schemas;

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{JsonObject, MetaObject, Tool as Definition, ToolAnnotations};
use serde_json::{Value, json};

use super::backend::Backend;
use super::validate::IDEMPOTENCY_KEY;
use super::wait::{DEFAULT_SECONDS, SILENT_SECONDS};
use super::{Surface, handed};
use crate::config::Settings;
use crate::oauth::base_scope;
use crate::validibot::{FILE_TYPES, accepted_extensions};
use crate::view;

/// A tool of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    ListWorkflows,
    GetWorkflowDetails,
    ValidateFile,
    GetRunStatus,
    WaitForRun,
    CompareRuns,
    PrepareUpload,
    OpenUpload,
}

impl Tool {
    /// In the order of `tools/list`.
    pub(super) const ALL: [Self; 8] = [
        Self::ListWorkflows,
        Self::GetWorkflowDetails,
        Self::ValidateFile,
        Self::GetRunStatus,
        Self::WaitForRun,
        Self::CompareRuns,
        Self::PrepareUpload,
        Self::OpenUpload,
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
            Self::CompareRuns => "compare_runs",
            Self::PrepareUpload => "prepare_upload",
            Self::OpenUpload => "open_upload",
        }
    }

    /// Whether a deployment offers it there. A ticket for an upload is sealed, which takes the key ring, and stands for a user,
    /// whom the public surface does not have.
    pub(super) fn is_offered(self, surface: Surface, backend: &Backend) -> bool {
        let with_tickets = matches!(self, Self::PrepareUpload | Self::OpenUpload);
        !with_tickets || (surface == Surface::Members && backend.seal.is_some())
    }

    /// Whether it only asks Validibot something, so that nothing is lost with a client that goes away, and is done in one
    /// answer.
    pub(super) const fn is_read(self) -> bool {
        matches!(
            self,
            Self::ListWorkflows | Self::GetWorkflowDetails | Self::GetRunStatus | Self::CompareRuns
        )
    }

    const fn title(self) -> &'static str {
        match self {
            Self::ListWorkflows => "List validation workflows",
            Self::GetWorkflowDetails => "Show a workflow",
            Self::ValidateFile => "Validate a file",
            Self::GetRunStatus => "Look at a run",
            Self::WaitForRun => "Wait for a run",
            Self::CompareRuns => "Compare two runs",
            Self::PrepareUpload => "Prepare an upload",
            Self::OpenUpload => "Show a file picker",
        }
    }

    fn description(self) -> Cow<'static, str> {
        match self {
            Self::ListWorkflows => format!(
                "Lists the validation workflows that you can use, over all your organisations. Start here. Each entry has a \
                 workflow_ref, which the other tools take, and the file types that the workflow accepts: {}.",
                types()
            )
            .into(),
            Self::GetWorkflowDetails => "Shows one workflow in full: what it accepts (accepted_extensions, \
                 input_schema), what its steps check (validation_summary, steps) and what it costs (pricing). Use it \
                 before validate_file to choose the right workflow and to prepare the file."
                .into(),
            Self::ValidateFile => "Submits a file to a workflow and returns at once with a run_ref. Give its content \
                 as `text`, or as base64 in `file_content`. For a binary file, or one of more than about 10 KB, use \
                 prepare_upload instead: long base64 is easily damaged on its way through a model. Each call starts \
                 a new run. Then call wait_for_run with the run_ref, unless overview.is_complete."
                .into(),
            Self::GetRunStatus => "Reads a run once, without waiting, and pages through its findings. \
                 overview.state says whether it is finished (COMPLETED), overview.result what came out (PASS, FAIL, \
                 ERROR …), overview.findings what was found and where."
                .into(),
            Self::WaitForRun => format!(
                "Waits until a run is finished and returns it, at most timeout_seconds ({SILENT_SECONDS} to \
                 {DEFAULT_SECONDS} by default). If the run is not finished by then, is_complete is false: call it \
                 again with the same run_ref. In the result, overview comes first: state, result, the findings with their place (path), \
                 and next, the call to make now if there is one."
            )
            .into(),
            Self::CompareRuns => "Says what changed between two finished runs of a workflow: how many findings went, came \
                 and stayed (counts), then each of them with its change, what came first. Use it after a correction, \
                 to see whether it helped."
                .into(),
            Self::PrepareUpload => "For files that are binary or too large to pass as an argument, up to 10 MB. \
                 Returns a ready curl command, good for ten minutes, that sends the file from where it lies straight \
                 to the workflow. Run it where the file is, or have the user run it: it prints a run_ref for \
                 wait_for_run. The ticket in it is a credential: do not show it around."
                .into(),
            Self::OpenUpload => "Shows the user a file picker in the chat, for a file that you do not have. It uploads the file \
                 to the workflow and shows what was found. Where the client shows no views, the result says what to do instead."
                .into(),
        }
    }

    /// Only validating changes anything, and what leads to it; the world it acts on is Validibot's, not this server's.
    fn annotations(self) -> ToolAnnotations {
        let annotations = ToolAnnotations::new().open_world(true);
        match self {
            // Each ticket is another one, and a right to start a run.
            Self::ValidateFile | Self::PrepareUpload => {
                annotations.read_only(false).destructive(false).idempotent(false)
            }
            _ => annotations.read_only(true).destructive(false).idempotent(true),
        }
    }

    /// Whether hosts show its results in the view: of the tools that a run goes through only one, so that each look at it does not
    /// show another copy.
    const fn has_view(self) -> bool {
        matches!(self, Self::OpenUpload | Self::WaitForRun)
    }

    fn definition(self) -> Definition {
        let mut definition = Definition::new(self.name(), self.description(), object(self.input_schema()))
            .with_title(self.title())
            .with_annotations(self.annotations());
        definition.output_schema = Some(object(self.output_schema()));
        definition
    }

    /// The same for users of Validibot, with what hosts do with it beyond calling it.
    fn of_members(self, settings: &Settings) -> Definition {
        let mut definition = self.definition();
        let mut meta = if self.has_view() { view::of_tool() } else { MetaObject::default() };
        if let Some(oauth) = &settings.oauth {
            // Apps SDK, reference: on the tool itself, which MCP does not know, and mirrored here.
            let scope = base_scope(oauth.required_scope.as_deref());
            meta.0.insert("securitySchemes".to_owned(), json!([{ "type": "oauth2", "scopes": [scope] }]));
        }
        if self == Self::ValidateFile && !settings.file_hosts.is_empty() {
            let mut schema = self.input_schema();
            schema["properties"][handed::ARGUMENT] = handed::schema();
            definition.input_schema = object(schema);
            meta.0.insert("openai/fileParams".to_owned(), json!([handed::ARGUMENT]));
        }
        definition.meta = Some(meta).filter(|meta| !meta.0.is_empty());
        definition
    }

    /// The same where validating costs money. That tool has no output schema: the TypeScript SDK 1.x would hold the
    /// challenge, an error, against it, and throw.
    fn sold(self) -> Definition {
        let mut definition = self.definition();
        match self {
            Self::ListWorkflows => {
                definition.description = Some(
                    format!(
                        "Lists the validation workflows that are for sale, with their prices. Start here. Each entry has a \
                         workflow_ref, which the other tools take, and the file types that the workflow accepts: {}.",
                        types()
                    )
                    .into(),
                );
            }
            Self::ValidateFile => {
                definition.description = Some(
                    "Submits a file to a workflow, for its price, and returns at once with a run_ref. Paid for with \
                     x402: a call without a payment is answered with what to pay, and the payment goes into _meta of \
                     the same call. Give the file's content as `text`, or as base64 in `file_content`. A payment buys \
                     one run; the same payment sent again leads to the same run. Then call wait_for_run with the \
                     run_ref, unless overview.is_complete, and keep it: whoever has it can read the run."
                        .into(),
                );
                // Its payment says which launch it is.
                let properties = Arc::make_mut(&mut definition.input_schema).get_mut("properties");
                if let Some(Value::Object(properties)) = properties {
                    properties.shift_remove(IDEMPOTENCY_KEY);
                }
                definition.output_schema = None;
                definition.annotations =
                    definition.annotations.map(|annotations| annotations.idempotent(true));
            }
            _ => {}
        }
        definition
    }
}

/// The definitions of the tools that a deployment offers there, in the order of [`Tool::ALL`].
pub(super) fn definitions(surface: Surface, backend: &Backend) -> Vec<Definition> {
    let offered = Tool::ALL.into_iter().filter(|tool| tool.is_offered(surface, backend));
    let definition = |tool: Tool| match surface {
        Surface::Members => tool.of_members(&backend.settings),
        Surface::Public => tool.sold(),
    };
    offered.map(definition).collect()
}

/// What each type of file means, for whoever knows its extension alone.
fn types() -> String {
    let of = |name| {
        let extensions: Vec<String> = accepted_extensions(std::iter::once(name)).into_iter().collect();
        format!("{name} ({})", extensions.join(" "))
    };
    FILE_TYPES.map(of).join(", ")
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}
