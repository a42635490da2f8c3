//! `get_run_status`, and what every reading of a run has in common.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::arguments::Arguments;
use super::findings::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use super::outcome::{Outcome, ToolError};
use crate::caller::Caller;
use crate::validibot::{RunRef, Validibot, run_ref};

/// One reading of a run.
pub(super) async fn status(
    api: &Validibot,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let run = argument(arguments);
    let page = page(arguments);
    arguments.finish()?;
    let (caller, run) = caller.zip(run).ok_or_else(ToolError::unauthorized)?;
    let mut read = api.run(&caller, &run, None).await?;
    complete(&mut read);
    Ok(Outcome::run(read, page))
}

/// Reads which findings to show.
fn page(arguments: &mut Arguments) -> Page {
    let limit = arguments.count("findings_limit").unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        arguments.wrong("findings_limit", &format!("has to be from 1 to {MAX_LIMIT}"));
    }
    Page { offset: arguments.count("findings_offset").unwrap_or_default(), limit }
}

/// Reads and checks the `run_ref` argument; notes what is wrong with it.
pub(super) fn argument(arguments: &mut Arguments) -> Option<RunRef> {
    let text = arguments.text("run_ref").unwrap_or_default();
    RunRef::parse(&text)
        .map_err(|error| {
            arguments.wrong("run_ref", &format!("{error}: take it from validate_file as it stands"));
        })
        .ok()
}

/// Adds `run_ref` and `run_id` where Validibot left them out: the status has no `run_id` (contract, A6).
pub(super) fn complete(run: &mut JsonObject) {
    let text = |run: &JsonObject, key: &str| run.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(id) = text(run, "run_id").or_else(|| text(run, "id")) else { return };
    if let Some(org) = text(run, "org") {
        run.insert("run_ref".to_owned(), run_ref(&org, &id).into());
    }
    run.entry("run_id").or_insert_with(|| id.into());
}

/// Whether the run is finished.
pub(super) fn is_complete(run: &JsonObject) -> bool {
    run.get("state").and_then(Value::as_str) == Some("COMPLETED")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reading_gets_its_reference_and_id_and_keeps_its_order() {
        let Value::Object(mut run) =
            json!({"run_ref": "old", "id": "ea71cf20", "org": "acme", "state": "RUNNING"})
        else {
            unreachable!("an object literal")
        };
        complete(&mut run);
        assert_eq!(run.keys().collect::<Vec<_>>(), ["run_ref", "id", "org", "state", "run_id"]);
        assert_eq!(run["run_ref"], run_ref("acme", "ea71cf20"));
        assert!(!is_complete(&run));
    }
}
