//! Runs, whichever way they were started (contract of 0.16, B5).

use http::StatusCode;
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use super::{not_found, page, related};
use crate::answer::Answer;
use crate::api::Call;
use crate::runs::Report;
use crate::world::User;

/// The user's run with this id. What is no UUID is 404, where the helper API fails (contract of 0.16, B5).
pub(super) fn show(call: &Call<'_>, user: &'static User, org: &str, id: &str) -> Result<Answer, Answer> {
    related(call, user, org)?;
    let run = Uuid::parse_str(id)
        .ok()
        .and_then(|id| call.state.runs.find(user.id, id))
        .filter(|run| run.workflow.org.slug == org)
        .ok_or_else(not_found)?;
    Ok(Answer::json(StatusCode::OK, &Report::of_rest(&run, call.state.clock.now())))
}

/// The user's runs in the organization, the newest first; `workflow` takes a numeric id alone (contract of 0.16, B5).
pub(super) fn list(call: &Call<'_>, user: &'static User, org: &str) -> Result<Answer, Answer> {
    related(call, user, org)?;
    let query = call.head.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let workflow = match pairs.find(|(key, _)| key == "workflow") {
        None => None,
        Some((_, id)) => Some(id.parse::<i64>().map_err(|_| {
            Answer::json(StatusCode::BAD_REQUEST, &json!({ "workflow": ["Enter a number."] }))
        })?),
    };
    let now = call.state.clock.now();
    let runs = call.state.runs.of(user.id);
    let runs = runs
        .iter()
        .filter(|run| run.workflow.org.slug == org && workflow.is_none_or(|id| id == run.workflow.id));
    page::of(call, runs.map(|run| json!(Report::of_rest(run, now))))
}
