//! `list_workflows` and `get_workflow_details`.

use super::arguments::Arguments;
use super::enrich::enrich;
use super::outcome::{Outcome, ToolError};
use crate::caller::Caller;
use crate::validibot::{Validibot, WorkflowRef};

/// The catalogue, as Validibot has it.
pub(super) async fn list(
    api: &Validibot,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    Ok(Outcome::catalogue(api.workflows(&caller).await?))
}

/// One workflow, with what an agent would otherwise have to work out.
pub(super) async fn details(
    api: &Validibot,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let workflow = workflow_ref(arguments);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let workflow = workflow.ok_or_else(ToolError::unauthorized)?;
    let mut details = api.workflow(&caller, &workflow).await?;
    enrich(&mut details);
    Ok(Outcome::workflow(details))
}

/// Reads and checks the argument; notes what is wrong with it.
pub(super) fn workflow_ref(arguments: &mut Arguments) -> Option<WorkflowRef> {
    let text = arguments.text("workflow_ref").unwrap_or_default();
    WorkflowRef::parse(&text)
        .map_err(|error| {
            arguments.wrong("workflow_ref", &format!("{error}: take it from list_workflows as it stands"));
        })
        .ok()
}
