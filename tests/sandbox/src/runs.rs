//! Runs, and what the API says of one at a moment.
//!
//! A run is validated when it is launched; what it found is shown step by step, as its time passes. No task
//! has to work in the background, and a test that moves the clock moves the run.

mod paid;
mod report;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::state::lock;
use crate::validators::{Finding, Issue, Outcome};
use crate::world::Workflow;

pub(crate) use paid::{PaidRun, PaidRuns};
pub(crate) use report::Report;

/// Runs that each user's history keeps; the oldest go first.
const MAX_RUNS: usize = 1000;

/// One run with its whole outcome.
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) submission: Uuid,
    pub(crate) user: i64,
    /// By which way it was started: `MCP` or `API`.
    pub(crate) source: &'static str,
    pub(crate) workflow: &'static Workflow,
    pub(crate) created: OffsetDateTime,
    /// When it ends; a run that ended before its launch was answered never was anything but finished.
    pub(crate) ended: OffsetDateTime,
    pub(crate) outcomes: Vec<Outcome<Issue>>,
}

/// Every user's runs.
#[derive(Default)]
pub(crate) struct Runs {
    by_user: Mutex<HashMap<i64, VecDeque<Arc<Run>>>>,
    started: AtomicUsize,
    last_issue: AtomicI64,
}

impl Runs {
    pub(crate) fn add(&self, run: Arc<Run>) {
        let mut by_user = lock(&self.by_user);
        let runs = by_user.entry(run.user).or_default();
        if runs.len() == MAX_RUNS {
            runs.pop_front();
        }
        runs.push_back(run);
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were started, those that no history keeps any more too.
    pub(crate) fn count(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// The user's own runs, the newest first.
    pub(crate) fn of(&self, user: i64) -> Vec<Arc<Run>> {
        lock(&self.by_user).get(&user).map(|runs| runs.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// The user's own run with this id.
    pub(crate) fn find(&self, user: i64, id: Uuid) -> Option<Arc<Run>> {
        lock(&self.by_user).get(&user)?.iter().rev().find(|run| run.id == id).cloned()
    }

    /// Gives every finding its id.
    pub(crate) fn numbered(&self, outcomes: Vec<Outcome>) -> Vec<Outcome<Issue>> {
        let number = |finding: Finding| finding.numbered(self.last_issue.fetch_add(1, Ordering::Relaxed) + 1);
        outcomes
            .into_iter()
            .map(|outcome| Outcome {
                step_id: outcome.step_id,
                name: outcome.name,
                verdict: outcome.verdict,
                findings: outcome.findings.into_iter().map(number).collect(),
                output_values: outcome.output_values,
                ends_at: outcome.ends_at,
            })
            .collect()
    }
}
