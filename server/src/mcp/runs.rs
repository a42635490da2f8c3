//! `get_run_status`, and what every reading of a run has in common.

use rmcp::model::JsonObject;
use serde_json::Value;
use tokio::time::Instant;

use super::arguments::Arguments;
use super::backend::Backend;
use super::error::ToolError;
use super::findings::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use super::outcome::Outcome;
use crate::caller::Caller;
use crate::payments::PaidRun;
use crate::validibot::{ApiError, RunRef, run_ref};

/// A run that somebody may read.
pub(super) enum Readable {
    /// A member's, as Validibot judges.
    Member(Caller, RunRef),
    /// One that was paid for, by whoever holds its reference.
    Paid { run: PaidRun, reference: String },
}

/// One reading of a run.
pub(super) async fn status(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let run = argument(backend, arguments, caller, "run_ref");
    let page = page(arguments);
    arguments.finish()?;
    let run = run.ok_or_else(ToolError::unauthorized)?;
    Ok(Outcome::run(run.read(backend, None).await?, page, backend.clock.unix()))
}

/// Reads which findings to show.
pub(super) fn page(arguments: &mut Arguments) -> Page {
    let limit = arguments.count("findings_limit").unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        arguments.wrong("findings_limit", &format!("has to be from 1 to {MAX_LIMIT}"));
    }
    Page { offset: arguments.count("findings_offset").unwrap_or_default(), limit }
}

/// Reads and checks an argument that names a run; notes what is wrong with it. `None` without a note: nobody is known.
pub(super) fn argument(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
    name: &str,
) -> Option<Readable> {
    let text = arguments.required_text(name)?;
    if matches!(caller, Some(Caller::Public)) {
        let run = backend.seal.as_ref().and_then(|seal| PaidRun::open(&text, seal, backend.clock.unix()));
        if run.is_none() {
            arguments.wrong(
                name,
                "is not a run reference of this server: pass the value from validate_file unchanged",
            );
        }
        return run.map(|run| Readable::Paid { run, reference: text });
    }
    let run = RunRef::parse(&text)
        .map_err(|error| {
            arguments.wrong(name, &format!("{error}: copy it verbatim from the result of validate_file"));
        })
        .ok();
    caller.zip(run).map(|(caller, run)| Readable::Member(caller, run))
}

impl Readable {
    /// One reading, with the parts that Validibot leaves out.
    pub(super) async fn read(
        &self,
        backend: &Backend,
        deadline: Option<Instant>,
    ) -> Result<JsonObject, ApiError> {
        match self {
            Self::Member(caller, run) => {
                let mut read = backend.validibot.run(caller, run, deadline).await?;
                complete(&mut read);
                Ok(read)
            }
            Self::Paid { run, reference } => {
                let payments = backend.payments.as_ref().ok_or_else(ApiError::internal)?;
                let mut read = payments.agent_api.run(&run.id, &run.wallet, deadline).await?;
                complete_paid(&mut read, reference);
                Ok(read)
            }
        }
    }
}

/// The reference in place of whatever Validibot calls one, and nobody's wallet.
pub(super) fn complete_paid(run: &mut JsonObject, reference: &str) {
    run.shift_remove("wallet_address");
    run.insert("run_ref".to_owned(), reference.into());
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::findings::is_complete;
    use super::*;
    use crate::base::testing::object;

    #[test]
    fn a_reading_gets_its_reference_and_id_and_keeps_its_order() {
        let mut run = object(json!({"run_ref": "old", "id": "ea71cf20", "org": "acme", "state": "RUNNING"}));
        complete(&mut run);
        assert_eq!(run.keys().collect::<Vec<_>>(), ["run_ref", "id", "org", "state", "run_id"]);
        assert_eq!(run["run_ref"], run_ref("acme", "ea71cf20"));
        assert!(!is_complete(&run));
    }
}
