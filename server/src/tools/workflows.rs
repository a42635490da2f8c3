//! `list_workflows` and `get_workflow_details`.

use super::arguments::Arguments;
use super::enrich;
use super::outcome::{Outcome, ToolError};
use super::paid;
use crate::app::App;
use crate::caller::Caller;
use crate::payments;
use crate::validibot::{Catalogue, Definition, WorkflowRef};

/// The catalogue, as Validibot has it.
pub(super) async fn list(
    app: &App,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let Caller::Public = caller else {
        return Ok(Outcome::catalogue(app.validibot.catalogue(&caller).await?));
    };
    let mut list = paid::payments(app)?.agent_api.workflows().await?;
    list.retain(payments::for_sale);
    for workflow in list.iter_mut().filter_map(serde_json::Value::as_object_mut) {
        enrich::price(workflow);
    }
    Ok(Outcome::catalogue(Catalogue::of(list)))
}

/// One workflow, with what an agent would otherwise have to work out.
pub(super) async fn details(
    app: &App,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let workflow = workflow_ref(arguments);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let workflow = workflow.ok_or_else(ToolError::unauthorized)?;
    let Definition { mut object, steps } = match caller {
        Caller::Public => Definition::of(paid::workflow(app, &workflow).await?.0),
        _ => app.validibot.definition(&caller, &workflow).await?,
    };
    enrich::enrich(&mut object, &steps);
    Ok(Outcome::workflow(object, !matches!(caller, Caller::Public)))
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
