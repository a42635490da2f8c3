//! A5: starting a run.

use std::sync::Arc;

use http::{StatusCode, header};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::api::{Call, details};
use crate::refs;
use crate::runs::{Report, Run};
use crate::state::{State, lock};
use crate::submission::{self, FileType, Submission};
use crate::validators;
use crate::world::{User, Workflow};

/// Seconds that an unfinished run's `Retry-After` asks for (contract, A5).
pub(crate) const POLL_AFTER: &str = "5";

/// Files that are kept for a test to look at, of up to 10 MB each; the oldest go first.
const MAX_STORED: usize = 50;

/// Reads the submission, validates it and stores the run: 201 when it is finished already, else 202.
pub(crate) async fn launch(call: Call<'_>, user: &User, reference: &str) -> Result<Answer, Answer> {
    let workflow = details::find(&call, user, reference)?;
    let base_url = call.base_url();
    let (state, created) = (call.state, call.state.clock.now());
    let submission = submission::read(call.head, call.payload).await?;
    supported(workflow, &submission)?;
    let run = Arc::new(run(state, user.id, "MCP", workflow, submission, created).await?);
    state.runs.add(Arc::clone(&run));
    let report = Report::of_launch(&run, state.clock.now());
    let location = format!("{base_url}/api/v1/mcp/runs/{}/", refs::run_ref(run.workflow.org.slug, run.id));
    let status = if report.is_final() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let mut answer = Answer::json(status, &report).with(header::LOCATION, &location);
    if !report.is_final() {
        answer = answer.with(header::RETRY_AFTER, POLL_AFTER);
    }
    Ok(answer)
}

/// Validates, and gives the run with its whole outcome.
pub(crate) async fn run(
    state: &State,
    user: i64,
    source: &'static str,
    workflow: &'static Workflow,
    submission: Submission,
    created: OffsetDateTime,
) -> Result<Run, Answer> {
    if state.log.is_on() {
        let mut stored = lock(&state.stored);
        if stored.len() == MAX_STORED {
            stored.pop_front();
        }
        stored.push_back(submission.stored());
    }
    // Up to 10 MB of schema validation: not on the thread that serves the others.
    let outcomes = tokio::task::spawn_blocking(move || validators::run(workflow, &submission))
        .await
        .map_err(|_| answer::internal_error())?;
    let length = if workflow.is_slow() { Some(state.simulation) } else { None };
    Ok(Run {
        id: Uuid::new_v4(),
        submission: Uuid::new_v4(),
        user,
        source,
        workflow,
        created,
        ended: length.map_or_else(|| state.clock.now(), |length| created + length),
        outcomes: state.runs.numbered(outcomes),
    })
}

pub(crate) fn supported(workflow: &Workflow, submission: &Submission) -> Result<(), Answer> {
    if workflow.file_types.contains(&submission.file_type) {
        return Ok(());
    }
    let allowed: Vec<&str> = workflow.file_types.iter().map(|kind: &FileType| kind.name()).collect();
    let text = format!(
        "This workflow takes {} files; this one is {}.",
        allowed.join(" or "),
        submission.file_type.name()
    );
    Err(answer::coded(StatusCode::BAD_REQUEST, "FILE_TYPE_UNSUPPORTED", &text))
}
