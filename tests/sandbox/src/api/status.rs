//! A6: where a run stands.

use http::StatusCode;

use crate::answer::{self, Answer};
use crate::api::Call;
use crate::refs;
use crate::runs;
use crate::world::User;

/// The run that the reference names, if it is the user's.
pub(crate) fn show(call: &Call<'_>, user: &User, reference: &str) -> Result<Answer, Answer> {
    let named = refs::decode_run(reference)?;
    let run = call
        .state
        .runs
        .find(user.id, named.run_id)
        .filter(|run| run.workflow.org.slug == named.org)
        .ok_or_else(|| {
            answer::coded(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such run, or it is not yours.")
        })?;
    Ok(Answer::json(StatusCode::OK, &runs::Report::of_status(&run, call.state.clock.now())))
}
