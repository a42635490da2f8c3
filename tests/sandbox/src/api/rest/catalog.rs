//! Organizations and their workflows (contract of 0.16, B2).

use http::StatusCode;
use serde_json::{Value, json};

use super::{not_found, page, related};
use crate::answer::Answer;
use crate::api::{Call, details};
use crate::validators;
use crate::world::{Org, User, Workflow};

/// An organization, as lists and its own address show it.
pub(super) fn org(org: &Org) -> Value {
    json!({ "slug": org.slug, "name": org.name })
}

/// One organization; what the user has nothing to do with is 404 here, and 403 below it.
pub(super) fn one_org(call: &Call<'_>, user: &'static User, slug: &str) -> Result<Answer, Answer> {
    let orgs = call.state.world.orgs_of(user);
    let found = orgs.into_iter().find(|org| org.slug == slug).ok_or_else(not_found)?;
    Ok(Answer::json(StatusCode::OK, &org(found)))
}

/// The newest version of each workflow that the user may see, those that are not for agents too.
pub(super) fn list(call: &Call<'_>, user: &'static User, org: &str) -> Result<Answer, Answer> {
    related(call, user, org)?;
    let entries = call.state.world.seen_in(user, org).into_iter().map(|workflow| entry(call, workflow));
    page::of(call, entries)
}

/// A workflow's whole definition.
pub(super) fn show(call: &Call<'_>, user: &'static User, org: &str, named: &str) -> Result<Answer, Answer> {
    let workflow = find(call, user, org, named)?;
    Ok(details::definition(call, workflow, false))
}

/// By its slug, or by its id.
pub(super) fn find(
    call: &Call<'_>,
    user: &'static User,
    org: &str,
    named: &str,
) -> Result<&'static Workflow, Answer> {
    related(call, user, org)?;
    let is_named = |workflow: &&Workflow| workflow.slug == named || workflow.id.to_string() == named;
    call.state.world.seen_in(user, org).into_iter().find(is_named).ok_or_else(not_found)
}

fn entry(call: &Call<'_>, workflow: &Workflow) -> Value {
    let schema = validators::input_schema(workflow).map(|schema| json!(schema));
    json!({
        "id": workflow.id,
        "uuid": workflow.uuid,
        "slug": workflow.slug,
        "name": workflow.name,
        "description": workflow.description,
        "version": workflow.version,
        "org": workflow.org.slug,
        "is_active": true,
        "allowed_file_types": workflow.file_types,
        "input_schema": schema,
        "mcp_enabled": workflow.mcp_enabled,
        "x402_enabled": false,
        "agent_price_cents": null,
        "url": format!("{}/api/v1/orgs/{}/workflows/{}/", call.base_url(), workflow.org.slug, workflow.slug),
    })
}
