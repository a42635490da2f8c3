//! A3: the catalogue of workflows that a user may run.

use http::StatusCode;
use serde::Serialize;

use crate::answer::Answer;
use crate::api::Call;
use crate::refs;
use crate::submission::FileType;
use crate::world::{User, Workflow};

/// One entry; the order of the fields is the order on the wire.
#[derive(Serialize)]
struct Entry<'a> {
    workflow_ref: String,
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    version: i64,
    org_slug: &'a str,
    org_name: &'a str,
    allowed_file_types: &'a [FileType],
    agent_price_cents: Option<i64>,
    agent_billing_mode: &'static str,
    access_modes: [&'static str; 1],
    preferred_access_mode: &'static str,
}

/// Every workflow that this user sees, by organisation, name and slug. Not paginated.
pub(crate) fn list(call: &Call<'_>, user: &User) -> Answer {
    let entries: Vec<Entry<'_>> = call.state.world.visible_to(user).map(entry).collect();
    Answer::json(StatusCode::OK, &entries)
}

fn entry(workflow: &Workflow) -> Entry<'_> {
    Entry {
        workflow_ref: refs::workflow_ref(workflow.org.slug, workflow.slug),
        slug: workflow.slug,
        name: workflow.name,
        description: workflow.description,
        version: workflow.version,
        org_slug: workflow.org.slug,
        org_name: workflow.org.name,
        allowed_file_types: workflow.file_types,
        agent_price_cents: None,
        agent_billing_mode: "AUTHOR_PAYS",
        access_modes: ["member_access"],
        preferred_access_mode: "member_access",
    }
}
