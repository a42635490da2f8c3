//! `list_workflows` and `get_workflow_details`.

use super::arguments::{Arguments, workflow_ref};
use super::backend::Backend;
use super::error::ToolError;
use super::filter::Filter;
use super::outcome::Outcome;
use super::paid;
use super::{definition, enrich};
use crate::caller::Caller;
use crate::payments;
use crate::validibot::{Catalogue, Definition};

/// The catalogue, as Validibot has it.
pub(super) async fn list(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let filter = Filter::read(arguments);
    let offset = arguments.count("offset").unwrap_or_default();
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let Caller::Public = caller else {
        return Ok(Outcome::catalogue(backend.validibot.catalogue(&caller).await?, offset, &filter));
    };
    let mut list = paid::payments(backend)?.agent_api.workflows().await?;
    list.retain(payments::for_sale);
    for workflow in list.iter_mut().filter_map(serde_json::Value::as_object_mut) {
        enrich::price(workflow);
    }
    Ok(Outcome::catalogue(Catalogue::of(list), offset, &filter))
}

/// One workflow, with what an agent would otherwise have to work out.
pub(super) async fn details(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let workflow = workflow_ref(arguments);
    arguments.finish()?;
    let caller = caller.ok_or_else(ToolError::unauthorized)?;
    let workflow = workflow.ok_or_else(ToolError::unauthorized)?;
    let Definition { mut object, steps } = match caller {
        Caller::Public => Definition::of(paid::workflow(backend, &workflow).await?.0),
        _ => backend.validibot.definition(&caller, &workflow).await?,
    };
    enrich::enrich(&mut object, &steps);
    let member = !matches!(caller, Caller::Public);
    let next = definition::next(&object, steps.len(), member && backend.seal.is_some());
    Ok(Outcome::workflow(object, next, member))
}
