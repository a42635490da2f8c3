//! A8: the API for agents that pay. Validibot's own is known from its caller alone; this one is the reference of what
//! the server builds on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::api::{Call, Payload, launch};
use crate::fixtures;
use crate::refs;
use crate::runs::PaidRun;
use crate::submission;
use crate::validators;
use crate::world::{Sale, Workflow};

/// The largest file, in bytes.
const MAX_FILE: usize = 10 * 1024 * 1024;
/// The token has six decimals.
const UNITS_PER_CENT: i64 = 10_000;
/// A run of an agent's has no user.
const NOBODY: i64 = 0;

/// The workflows that agents may use.
pub(crate) fn list(call: &Call<'_>) -> Answer {
    let entries: Vec<Value> = call.state.world.open().map(entry).collect();
    Answer::json(StatusCode::OK, &entries)
}

/// One of them, with its steps.
pub(crate) fn show(call: &Call<'_>, reference: &str) -> Result<Answer, Answer> {
    let named = refs::decode_workflow(reference)?;
    let workflow = find(call, &named.org, &named.workflow)?;
    let mut object = entry(workflow);
    object["steps"] = serde_json::to_value(validators::steps(workflow)).expect("steps are JSON");
    Ok(Answer::json(StatusCode::OK, &object))
}

/// Starts the run of a transaction; a transaction that has one leads to it.
pub(crate) async fn launch(call: Call<'_>) -> Result<Answer, Answer> {
    let paid = Paid::read(&call)?;
    let workflow = find(&call, &paid.org, &paid.workflow)?;
    let Sale::Priced(cents) = workflow.sale else {
        return Err(answer::coded(StatusCode::FORBIDDEN, "FORBIDDEN", "This workflow is not for sale."));
    };
    if paid.amount != (cents * UNITS_PER_CENT).to_string() {
        return Err(answer::coded(StatusCode::BAD_REQUEST, "PAYMENT_MISMATCH", "The price is another one."));
    }
    let (state, now) = (call.state, call.state.clock.now());
    let ours = [
        (paid.pay_to.as_str(), fixtures::PAY_TO),
        (&paid.network, fixtures::NETWORK),
        (&paid.asset, fixtures::ASSET),
    ];
    if ours.iter().any(|(given, ours)| !given.eq_ignore_ascii_case(ours)) {
        return Err(answer::detail(StatusCode::UNAUTHORIZED, "The payment is not to this deployment."));
    }
    if let Some(run) = state.paid.of(&paid.transaction) {
        return Ok(Answer::json(StatusCode::OK, &run.report(now)));
    }
    let content = content(call.payload)?;
    let file_sha256 = crate::hex::hex(&Sha256::digest(&content));
    let submission = submission::of_file(&paid.file_name, content.into())?;
    launch::supported(workflow, &submission)?;
    let run = launch::run(state, NOBODY, "MCP", workflow, submission, now).await?;
    let (run, new) =
        state.paid.add(&paid.transaction, PaidRun { run, wallet: paid.wallet.clone(), file_sha256 });
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Answer::json(status, &run.report(state.clock.now())))
}

/// Where a run stands, for whoever names its id and its wallet.
pub(crate) fn status(call: &Call<'_>, id: &str) -> Result<Answer, Answer> {
    let query = call.head.uri.query().unwrap_or_default();
    let wallet = url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "wallet_address")
        .map(|(_, value)| value.into_owned());
    let run = Uuid::parse_str(id).ok().zip(wallet).and_then(|(id, wallet)| call.state.paid.find(id, &wallet));
    let run =
        run.ok_or_else(|| answer::coded(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such run."))?;
    Ok(Answer::json(StatusCode::OK, &run.report(call.state.clock.now())))
}

fn entry(workflow: &Workflow) -> Value {
    let (mode, cents, open) = match workflow.sale {
        Sale::None | Sale::Free => ("AUTHOR_PAYS", None, true),
        Sale::Draft(cents) => ("AGENT_PAYS_X402", Some(cents), false),
        Sale::Priced(cents) => ("AGENT_PAYS_X402", Some(cents), true),
    };
    json!({
        "slug": workflow.slug,
        "name": workflow.name,
        "description": workflow.description,
        "version": workflow.version,
        "org_slug": workflow.org.slug,
        "org_name": workflow.org.name,
        "allowed_file_types": workflow.file_types,
        "agent_price_cents": cents,
        "agent_billing_mode": mode,
        "agent_access_enabled": open,
    })
}

fn find(call: &Call<'_>, org: &str, slug: &str) -> Result<&'static Workflow, Answer> {
    call.state
        .world
        .open()
        .find(|workflow| workflow.org.slug == org && workflow.slug == slug)
        .ok_or_else(|| answer::coded(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such workflow."))
}

/// What the headers say of a payment.
struct Paid {
    transaction: String,
    wallet: String,
    amount: String,
    network: String,
    asset: String,
    pay_to: String,
    workflow: String,
    org: String,
    file_name: String,
}

impl Paid {
    /// All of them have to be there, but for the file's name.
    fn read(call: &Call<'_>) -> Result<Self, Answer> {
        let optional = |name: &str| call.header(name).map(str::trim).unwrap_or_default().to_owned();
        let header = |name: &str| {
            let value = optional(name);
            if value.is_empty() {
                Err(answer::detail(StatusCode::UNAUTHORIZED, "The payment's headers are not complete."))
            } else {
                Ok(value)
            }
        };
        Ok(Self {
            transaction: header("x-x402-txhash")?.to_ascii_lowercase(),
            wallet: header("x-x402-wallet")?,
            amount: header("x-x402-amount")?,
            network: header("x-x402-network")?,
            asset: header("x-x402-asset")?,
            pay_to: header("x-x402-pay-to")?,
            workflow: header("x-x402-workflow-slug")?,
            org: header("x-x402-org-slug")?,
            file_name: optional("x-x402-file-name"),
        })
    }
}

fn content(payload: Payload) -> Result<Vec<u8>, Answer> {
    let body = match payload {
        Payload::Whole(body) => body,
        // As in the helper API.
        Payload::TooLarge => return Err(answer::internal_error()),
        Payload::Broken => return Err(answer::detail(StatusCode::BAD_REQUEST, "The body ended too early.")),
    };
    let refused = |text: &str| answer::fields(&[("file_content", text)]);
    let body: Value = serde_json::from_slice(&body).map_err(|_| refused("The body is not JSON."))?;
    let encoded = body["file_content"].as_str().ok_or_else(|| refused("This is required."))?;
    let content = STANDARD.decode(encoded).map_err(|_| refused("This is not valid base64."))?;
    if content.is_empty() || content.len() > MAX_FILE {
        return Err(refused("The file is empty or larger than 10 MiB."));
    }
    Ok(content)
}
