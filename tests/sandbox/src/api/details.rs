//! One workflow's whole definition (contract, A4), of the helper API and of the REST API, which lacks five keys of it (contract of 0.16, B6).

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{self, Answer};
use crate::api::Call;
use crate::refs;
use crate::submission::FileType;
use crate::validators::{self, Constant, Step};
use crate::world::{User, Workflow};

/// The object; the order of the fields is the order on the wire.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the contract has them")]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_ref: Option<String>,
    id: i64,
    uuid: uuid::Uuid,
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    version: i64,
    org: &'a str,
    is_active: bool,
    allowed_file_types: &'a [FileType],
    input_schema: Option<&'a RawValue>,
    mcp_enabled: bool,
    x402_enabled: bool,
    agent_price_cents: Option<i64>,
    url: String,
    workflow_visibility: &'static str,
    allow_submission_name: bool,
    allow_submission_meta_data: bool,
    allow_submission_short_description: bool,
    input_retention: &'static str,
    output_retention: &'static str,
    success_message: &'static str,
    agent_billing_mode: &'static str,
    agent_max_launches_per_hour: Option<i64>,
    steps: Vec<Step>,
    constants: Vec<Constant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_slug: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_modes: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_access_mode: Option<&'static str>,
}

/// The workflow that the reference names, if the user may see it.
pub(crate) fn show(call: &Call<'_>, user: &User, reference: &str) -> Result<Answer, Answer> {
    let workflow = find(call, user, reference)?;
    Ok(definition(call, workflow, true))
}

/// The object, with what only the helper API says or without.
pub(crate) fn definition(call: &Call<'_>, workflow: &Workflow, helper: bool) -> Answer {
    let input_schema = validators::input_schema(workflow);
    let details = Details {
        workflow_ref: helper.then(|| refs::workflow_ref(workflow.org.slug, workflow.slug)),
        id: workflow.id,
        uuid: workflow.uuid,
        slug: workflow.slug,
        name: workflow.name,
        description: workflow.description,
        version: workflow.version,
        org: workflow.org.slug,
        is_active: true,
        allowed_file_types: workflow.file_types,
        input_schema: input_schema.as_deref(),
        mcp_enabled: workflow.mcp_enabled,
        x402_enabled: false,
        agent_price_cents: None,
        url: format!("{}/api/v1/orgs/{}/workflows/{}/", call.base_url(), workflow.org.slug, workflow.slug),
        workflow_visibility: workflow.visibility(),
        allow_submission_name: true,
        allow_submission_meta_data: false,
        allow_submission_short_description: true,
        input_retention: "DO_NOT_STORE",
        output_retention: workflow.retention.name(),
        success_message: "The file meets every requirement of this workflow.",
        agent_billing_mode: "AUTHOR_PAYS",
        agent_max_launches_per_hour: None,
        steps: validators::steps(workflow),
        constants: validators::constants(workflow),
        org_slug: helper.then_some(workflow.org.slug),
        org_name: helper.then_some(workflow.org.name),
        access_modes: helper.then_some(["member_access"]),
        preferred_access_mode: helper.then_some("member_access"),
    };
    Answer::json(StatusCode::OK, &details)
}

/// The workflow that a reference names. One that the user may not see does not exist for her.
pub(crate) fn find(call: &Call<'_>, user: &User, reference: &str) -> Result<&'static Workflow, Answer> {
    let named = refs::decode_workflow(reference)?;
    call.state.world.find(user, &named.org, &named.workflow).ok_or_else(|| {
        answer::coded(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such workflow, or it is not yours.")
    })
}
