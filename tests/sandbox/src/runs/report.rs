//! The run as an object (contract, A5 and A6).

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Run;
use crate::clock::iso;
use crate::refs;
use crate::validators::{Issue, Outcome, OutputValue, Verdict};

/// The share of a run's length that it waits for a worker.
const WAITING: f64 = 0.1;

/// The object; the order of the fields is the order on the wire.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    #[serde(rename = "run_ref", skip_serializing_if = "Option::is_none")]
    leading_run_ref: Option<String>,
    id: Uuid,
    status: &'static str,
    state: &'static str,
    result: &'static str,
    source: &'static str,
    error_category: &'static str,
    org: &'static str,
    user: i64,
    workflow: i64,
    workflow_slug: &'static str,
    submission: Uuid,
    started_at: Option<String>,
    ended_at: Option<String>,
    duration_ms: i64,
    steps: Vec<StepRun<'a>>,
    error: &'static str,
    user_friendly_error: &'static str,
    output_hash: String,
    output_retention_policy: &'static str,
    output_expires_at: Option<String>,
    output_purged_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<Uuid>,
    #[serde(rename = "run_ref", skip_serializing_if = "Option::is_none")]
    trailing_run_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<String>,
}

#[derive(Serialize)]
struct StepRun<'a> {
    step_id: i64,
    name: &'static str,
    status: &'static str,
    issues: &'a [Issue],
    error: &'static str,
    output_values: &'a [OutputValue],
    template_parameters_used: Option<Value>,
    template_warnings: Option<Value>,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Pending,
    Running,
    Finished,
}

impl<'a> Report<'a> {
    /// The answer to a launch: `run_id` and `run_ref` come last.
    pub(crate) fn of_launch(run: &'a Run, now: OffsetDateTime) -> Self {
        let run_ref = Some(refs::run_ref(run.workflow.org.slug, run.id));
        Self { run_id: Some(run.id), trailing_run_ref: run_ref, ..Self::new(run, now) }
    }

    /// The answer to a status read: `run_ref` comes first.
    pub(crate) fn of_status(run: &'a Run, now: OffsetDateTime) -> Self {
        let run_ref = Some(refs::run_ref(run.workflow.org.slug, run.id));
        Self { leading_run_ref: run_ref, ..Self::new(run, now) }
    }

    /// What the REST API says: the same object without references (contract of 0.16, B5).
    pub(crate) fn of_rest(run: &'a Run, now: OffsetDateTime) -> Self {
        Self::new(run, now)
    }

    /// The REST API's answer to a launch: where to look, as long as there is something to look for (contract of 0.16, B3).
    pub(crate) fn of_rest_launch(run: &'a Run, now: OffsetDateTime, url: &str) -> Self {
        let report = Self::new(run, now);
        let place = (!report.is_final()).then(|| url.to_owned());
        Self { url: place.clone(), poll: place, ..report }
    }

    /// Whether it will never change again.
    pub(crate) fn is_final(&self) -> bool {
        self.state == "COMPLETED"
    }

    fn new(run: &'a Run, now: OffsetDateTime) -> Self {
        let length = run.ended - run.created;
        let started = run.created + length * WAITING;
        let phase = match now {
            _ if now >= run.ended => Phase::Finished,
            _ if now >= started => Phase::Running,
            _ => Phase::Pending,
        };
        let finished = phase == Phase::Finished;
        let failed = run.outcomes.iter().any(|outcome| outcome.verdict == Verdict::Failed);
        let (status, state, result, error_category) = match (phase, failed) {
            (Phase::Pending, _) => ("PENDING", "PENDING", "UNKNOWN", ""),
            (Phase::Running, _) => ("RUNNING", "RUNNING", "UNKNOWN", ""),
            (Phase::Finished, false) => ("SUCCEEDED", "COMPLETED", "PASS", ""),
            (Phase::Finished, true) => ("FAILED", "COMPLETED", "FAIL", "VALIDATION_FAILED"),
        };
        let retention = run.workflow.retention;
        let (expires, gone) = (run.ended + retention.expiry(), run.ended + retention.purge());
        let purged = now >= gone;
        // Purged outputs take the findings and what was said of them along.
        let told = finished && failed && !purged;
        let steps = if purged { Vec::new() } else { steps(run, phase, now) };
        Self {
            leading_run_ref: None,
            id: run.id,
            status,
            state,
            result,
            source: run.source,
            error_category,
            org: run.workflow.org.slug,
            user: run.user,
            workflow: run.workflow.id,
            workflow_slug: run.workflow.slug,
            submission: run.submission,
            started_at: (phase != Phase::Pending).then(|| iso(started)),
            ended_at: finished.then(|| iso(run.ended)),
            duration_ms: if finished { milliseconds(run.ended - started) } else { 0 },
            output_hash: if finished && !purged { hash(&steps) } else { String::new() },
            steps,
            error: if told { "Validation failed: at least one step has errors." } else { "" },
            user_friendly_error: if told {
                "The file does not meet the workflow's requirements."
            } else {
                ""
            },
            output_retention_policy: retention.name(),
            output_expires_at: finished.then(|| iso(expires)),
            output_purged_at: purged.then(|| iso(gone)),
            run_id: None,
            trailing_run_ref: None,
            url: None,
            poll: None,
        }
    }
}

/// The steps that are over show what they came to; the first that is not is running.
fn steps(run: &Run, phase: Phase, now: OffsetDateTime) -> Vec<StepRun<'_>> {
    let length = run.ended - run.created;
    let mut running = phase == Phase::Running;
    run.outcomes
        .iter()
        .map(|outcome| {
            let over = phase == Phase::Finished || now >= run.created + length * outcome.ends_at;
            let status = match outcome.verdict {
                _ if !over && std::mem::take(&mut running) => "RUNNING",
                _ if !over => "PENDING",
                Verdict::Passed => "PASSED",
                Verdict::Failed => "FAILED",
                Verdict::Skipped => "SKIPPED",
            };
            step(outcome, status, over)
        })
        .collect()
}

fn step<'a>(outcome: &'a Outcome<Issue>, status: &'static str, over: bool) -> StepRun<'a> {
    StepRun {
        step_id: outcome.step_id,
        name: outcome.name,
        status,
        issues: if over { &outcome.findings } else { &[] },
        error: "",
        output_values: if over { &outcome.output_values } else { &[] },
        template_parameters_used: None,
        template_warnings: None,
    }
}

fn hash(steps: &[StepRun<'_>]) -> String {
    let text = serde_json::to_vec(steps).expect("steps have string keys");
    crate::hex::hex(&Sha256::digest(text))
}

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.whole_milliseconds()).unwrap_or(i64::MAX)
}
