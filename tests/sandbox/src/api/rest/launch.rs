//! Starting a run, at most once for an `Idempotency-Key` (contract of 0.16, B3 and B4).

use std::sync::Arc;

use http::{StatusCode, header};

use super::catalog;
use crate::answer::{self, Answer};
use crate::api::launch::{POLL_AFTER, run, supported};
use crate::api::{Call, Payload};
use crate::idempotency::{self, Claim};
use crate::runs::Report;
use crate::submission;
use crate::world::User;

/// Launches in a task of its own: a client that goes away does not stop the view.
pub(super) async fn launch(
    call: Call<'_>,
    user: &'static User,
    org: &str,
    workflow: &str,
) -> Result<Answer, Answer> {
    call.state.launches.admit(crate::throttle::Client::User(user.id), call.state.clock.now())?;
    let (state, head, address) = (Arc::clone(call.state), call.head.clone(), call.address);
    let (org, workflow) = (org.to_owned(), workflow.to_owned());
    let payload = call.payload;
    let view = tokio::spawn(async move {
        let call = Call { state: &state, address, head: &head, payload };
        once(call, user, &org, &workflow).await
    });
    view.await.unwrap_or_else(|_| Err(answer::internal_error()))
}

/// The view, or what was answered under the key before. The claim comes before the workflow is looked up, which is why
/// another workflow of the organization gets the first one's run (contract of 0.16, B4).
async fn once(call: Call<'_>, user: &'static User, org: &str, workflow: &str) -> Result<Answer, Answer> {
    let Some(key) = idempotency::key(call.header("idempotency-key"))? else {
        return view(call, user, org, workflow).await;
    };
    let state = Arc::clone(call.state);
    let Payload::Whole(body) = &call.payload else {
        // Reading the body raises: it is never claimed, or let go again.
        return view(call, user, org, workflow).await;
    };
    let claim: Claim<'_> = state.idempotency.claim(org, key, body, state.clock.now())?;
    if state.idempotency.dies() {
        // The claim stays; a proxy in front says what it saw.
        return Err(Answer::html(StatusCode::BAD_GATEWAY, "<!doctype html><h1>502 Bad Gateway</h1>\n"));
    }
    match view(call, user, org, workflow).await {
        Ok(returned) => {
            claim.keep(&returned);
            Ok(returned)
        }
        Err(raised) => {
            claim.release();
            Err(raised)
        }
    }
}

/// `Ok` is what the view returns, a refusal too; `Err` is what it raises. The difference is whether it is kept (contract of 0.16, B4).
async fn view(call: Call<'_>, user: &'static User, org: &str, workflow: &str) -> Result<Answer, Answer> {
    let workflow = catalog::find(&call, user, org, workflow)?;
    let (state, base_url) = (call.state, call.base_url());
    if state.idempotency.is_paused() {
        // With an empty `detail` (contract of 0.16, B3).
        return Ok(answer::coded(StatusCode::CONFLICT, "WORKFLOW_INACTIVE", ""));
    }
    let created = state.clock.now();
    let submission = submission::read(call.head, call.payload).await?;
    if let Err(refusal) = supported(workflow, &submission) {
        return Ok(refusal);
    }
    let run = Arc::new(run(state, user.id, "API", workflow, submission, created).await?);
    state.runs.add(Arc::clone(&run));
    let url = format!("{base_url}/api/v1/orgs/{org}/runs/{}/", run.id);
    let report = Report::of_rest_launch(&run, state.clock.now(), &url);
    let is_final = report.is_final();
    let status = if is_final { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let answer = Answer::json(status, &report).with(header::LOCATION, &url);
    Ok(if is_final { answer } else { answer.with(header::RETRY_AFTER, POLL_AFTER) })
}
