//! `open_upload`: the view in which a person chooses a file, or, where none is shown, what to do instead.

use rmcp::model::JsonObject;
use serde_json::{Value, json};

use super::arguments::{Arguments, workflow_ref};
use super::backend::Backend;
use super::enrich;
use super::error::ToolError;
use super::findings::short;
use super::outcome::Outcome;
use crate::caller::Caller;
use crate::validibot::{Definition, MAX_FILE_BYTES};
use crate::view;

/// What the view shows of a workflow's name.
const MAX_NAME_CHARS: usize = 200;
/// Where a request has what its client can do.
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Reads the workflow, so that the view can say what it takes. It holds no ticket: the result is stored with the chat, and the
/// view gets one for the file that was chosen.
pub(super) async fn open(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
    meta: &JsonObject,
) -> Result<Outcome, ToolError> {
    let workflow = workflow_ref(arguments);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let workflow = workflow.ok_or_else(ToolError::unauthorized)?;
    let Definition { mut object, steps } = backend.validibot.definition(&caller, &workflow).await?;
    enrich::enrich(&mut object, &steps);
    let mut opened = opened(&workflow.to_string(), &object.into_tree(), Views::of(meta));
    if !backend.settings.file_hosts.is_empty() {
        // So that the view may have a host upload a file for it.
        opened.insert("takes_files".to_owned(), true.into());
    }
    Ok(Outcome::plain(opened))
}

/// Whether a client shows views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Views {
    Shown,
    NotShown,
    /// Clients of the older era say it once, when they connect, to whichever instance they reach then.
    Unknown,
}

impl Views {
    /// By what the request says (MCP 2026-07-28: every request has its client's capabilities).
    fn of(meta: &JsonObject) -> Self {
        let Some(capabilities) = meta.get(CAPABILITIES) else { return Self::Unknown };
        let declared = capabilities.get("extensions").and_then(|all| all.get(view::EXTENSION));
        let types = declared.and_then(|settings| settings.get("mimeTypes"));
        let knows = |types: &Value| {
            types.as_array().is_none_or(|types| types.iter().any(|kind| kind.as_str() == Some(view::MIME)))
        };
        if declared.is_some() && types.is_none_or(knows) { Self::Shown } else { Self::NotShown }
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Shown => {
                "The user sees a file picker. Wait for them to choose a file: the view uploads it and tells you the run_ref."
            }
            Self::NotShown => {
                "This client shows no views, so there is no file picker: call next instead, and have the user run its command \
                 where the file is."
            }
            Self::Unknown => {
                "Where the client shows views, the user sees a file picker, which uploads the file and tells you the run_ref. \
                 Where the user sees none, call next instead, and have them run its command where the file is."
            }
        }
    }
}

fn opened(reference: &str, workflow: &JsonObject, views: Views) -> JsonObject {
    let text = |key: &str| workflow.get(key).and_then(Value::as_str).unwrap_or_default();
    let opened = json!({
        "message": views.says(),
        "workflow_ref": reference,
        "name": short(text("name"), MAX_NAME_CHARS),
        "accepted_extensions": workflow.get("accepted_extensions"),
        "max_bytes": MAX_FILE_BYTES,
        "next": {
            "tool": "prepare_upload",
            "arguments": { "workflow_ref": reference },
            "fill_in": ["file_name"],
        },
    });
    let Value::Object(mut opened) = opened else { unreachable!("an object literal") };
    if views == Views::Shown {
        opened.shift_remove("next");
    }
    opened
}
