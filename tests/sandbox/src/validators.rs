//! The validators, what the API tells of them, and what they find.

mod building;
mod definition;
mod document;
mod encoding;
mod energy;
mod outcome;
mod simulation;
mod table;

use serde_json::value::RawValue;

use crate::submission::Submission;
use crate::world::{Check, Workflow};

pub(crate) use definition::{Constant, Step};
pub(crate) use outcome::{Finding, Issue, Outcome, OutputValue, Verdict};

/// Most findings that one step reports: a list without end helps nobody.
const MAX_FINDINGS: usize = 100;

/// A workflow's `input_schema`, where it has one.
pub(crate) fn input_schema(workflow: &Workflow) -> Option<Box<RawValue>> {
    (workflow.check == Check::Energy).then(energy::input_schema)
}

/// A workflow's steps, in order.
pub(crate) fn steps(workflow: &Workflow) -> Vec<Step> {
    match workflow.check {
        Check::Energy => energy::steps(workflow.id),
        Check::Table => table::steps(workflow.id),
        Check::Simulation => simulation::steps(workflow.id),
        Check::Building => building::steps(workflow.id),
        Check::Document => document::steps(workflow.id),
    }
}

/// A workflow's constants.
pub(crate) fn constants(workflow: &Workflow) -> Vec<Constant> {
    match workflow.check {
        Check::Energy => energy::constants(),
        Check::Table | Check::Simulation | Check::Building | Check::Document => Vec::new(),
    }
}

/// Validates a file: one outcome for each of the workflow's steps.
pub(crate) fn run(workflow: &Workflow, submission: &Submission) -> Vec<Outcome> {
    match workflow.check {
        Check::Energy => energy::run(workflow.id, &submission.bytes),
        Check::Table => table::run(workflow.id, &submission.bytes),
        Check::Simulation => simulation::run(workflow.id, submission),
        Check::Building => building::run(workflow.id, submission),
        Check::Document => document::run(workflow.id, submission),
    }
}

/// The id of a workflow's step, counted from 1.
const fn step_id(workflow: i64, step: i64) -> i64 {
    workflow * 10 + step
}
