//! Runs that agents paid for: one for each transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Report, Run};
use crate::state::lock;

/// A run, and what paid for it.
pub(crate) struct PaidRun {
    pub(crate) run: Run,
    pub(crate) wallet: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub(crate) file_sha256: String,
}

/// Every paid run, by its transaction.
#[derive(Default)]
pub(crate) struct PaidRuns {
    by_transaction: Mutex<HashMap<String, Arc<PaidRun>>>,
}

impl PaidRuns {
    /// The run of a transaction, if it has one.
    pub(crate) fn of(&self, transaction: &str) -> Option<Arc<PaidRun>> {
        lock(&self.by_transaction).get(transaction).cloned()
    }

    /// Gives a transaction its run, unless it has one: then that, and `false`.
    pub(crate) fn add(&self, transaction: &str, run: PaidRun) -> (Arc<PaidRun>, bool) {
        let mut runs = lock(&self.by_transaction);
        if let Some(run) = runs.get(transaction) {
            return (Arc::clone(run), false);
        }
        let run = Arc::new(run);
        runs.insert(transaction.to_owned(), Arc::clone(&run));
        (run, true)
    }

    /// The run with this id, if this wallet paid for it.
    pub(crate) fn find(&self, id: Uuid, wallet: &str) -> Option<Arc<PaidRun>> {
        lock(&self.by_transaction)
            .values()
            .find(|paid| paid.run.id == id && paid.wallet.eq_ignore_ascii_case(wallet))
            .cloned()
    }

    /// The transactions that have a run.
    pub(crate) fn transactions(&self) -> Vec<String> {
        lock(&self.by_transaction).keys().cloned().collect()
    }
}

impl PaidRun {
    /// The run as an object (contract, A8); findings appear once the run is finished.
    pub(crate) fn report(&self, now: OffsetDateTime) -> Value {
        let report = serde_json::to_value(Report::of_status(&self.run, now)).expect("a report is JSON");
        let mut object = json!({ "run_id": self.run.id, "wallet_address": self.wallet });
        for key in ["state", "result", "org", "workflow_slug", "started_at", "ended_at"] {
            object[key] = report[key].clone();
        }
        object["file_sha256"] = self.file_sha256.clone().into();
        if report["state"] == "COMPLETED" {
            object["findings"] = findings(&report);
        }
        object
    }
}

fn findings(report: &Value) -> Value {
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = steps.iter().flat_map(|step| {
        let issues = step["issues"].as_array().map(Vec::as_slice).unwrap_or_default();
        issues.iter().filter_map(Value::as_object).map(|issue| {
            let mut finding = Map::from_iter([("step".to_owned(), step["name"].clone())]);
            for key in ["severity", "path", "message", "code"] {
                finding.insert(key.to_owned(), issue[key].clone());
            }
            Value::Object(finding)
        })
    });
    found.collect()
}
