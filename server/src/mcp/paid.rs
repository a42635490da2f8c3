//! `validate_file` where each validation is paid for.

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::arguments::{Arguments, workflow_ref};
use super::backend::Backend;
use super::enrich;
use super::error::ToolError;
use super::findings::Page;
use super::outcome::Outcome;
use super::runs::complete_paid;
use super::validate::File;
use crate::base::hex::hexadecimal;
use crate::payments::{
    HeaderPayment, Malformed, PAYMENT_META, PaidRun, Payment, Payments, Requirements, Settled, Unsettled,
};
use crate::telemetry::hops;
use crate::validibot::{ApiError, MAX_PAID_FILE_BYTES, PaidFile, SettledPayment, WorkflowRef};

/// The money has not arrived, and the payment is still good.
const UNSETTLED: &str = "PAYMENT_UNSETTLED";
/// It is unknown whether the money has arrived.
const UNKNOWN: &str = "PAYMENT_UNKNOWN";
/// The payment has bought another run.
const USED: &str = "PAYMENT_ALREADY_USED";

/// What one call is about.
struct Order {
    content: Vec<u8>,
    name: String,
    workflow: JsonObject,
    price: Requirements,
}

/// Payments, which the public surface does not exist without.
pub(super) fn payments(backend: &Backend) -> Result<&Arc<Payments>, ToolError> {
    Ok(backend.payments.as_ref().ok_or_else(ApiError::internal)?)
}

/// A workflow that is for sale, and its price.
pub(super) async fn workflow(
    backend: &Backend,
    reference: &WorkflowRef,
) -> Result<(JsonObject, Requirements), ToolError> {
    let payments = payments(backend)?;
    let workflow = payments.agent_api.workflow(reference).await?;
    let price = payments.price(&workflow).ok_or_else(ToolError::not_for_sale)?;
    Ok((workflow, price))
}

/// Asks for the payment, or takes it and starts its run. Whatever can be wrong with the call is said before money moves.
pub(super) async fn validate(
    backend: &Arc<Backend>,
    arguments: &mut Arguments,
    meta: &JsonObject,
    header: Option<&Arc<HeaderPayment>>,
) -> Result<Outcome, ToolError> {
    let file = File::read(arguments).filter(|file| fits(arguments, &file.content));
    let reference = workflow_ref(arguments);
    arguments.finish()?;
    let (Some(File { name, content, .. }), Some(reference)) = (file, reference) else {
        unreachable!("what is missing was noted, and noted errors end the call")
    };
    let (workflow, price) = workflow(backend, &reference).await?;
    if !enrich::takes(&workflow, &name) {
        arguments
            .wrong("file_name", "has an extension that the workflow does not take: see accepted_extensions");
        arguments.finish()?;
    }
    let payment = match presented(meta.get(PAYMENT_META), header) {
        None => return Ok(Outcome::Challenged(price.challenge("Payment required to access this tool"))),
        Some(Err(malformed)) => {
            return Ok(Outcome::Challenged(price.challenge(&format!("invalid_payload: {malformed}"))));
        }
        Some(Ok(payment)) => payment,
    };
    let order = Order { content, name, workflow, price };
    // A client that goes away in the middle must not leave a payment without its run.
    let taking = tokio::spawn(hops::collect(take(backend.clone(), order, payment)));
    let (outcome, hops) = taking.await.map_err(|_| ApiError::internal())?;
    hops::add(&hops);
    let outcome = outcome?;
    if let (Some(header), Outcome::Receipted(_, receipt)) = (header, &outcome) {
        header.receive(receipt.clone());
    }
    Ok(outcome)
}

fn fits(arguments: &mut Arguments, content: &[u8]) -> bool {
    let fits = content.len() <= MAX_PAID_FILE_BYTES;
    if !fits {
        let too_large = format!("is too large: a file may have at most {MAX_PAID_FILE_BYTES} bytes here");
        arguments.wrong("file_content", &too_large);
    }
    fits
}

/// The payment, from either of the two places.
fn presented(meta: Option<&Value>, slip: Option<&Arc<HeaderPayment>>) -> Option<Result<Payment, Malformed>> {
    let header = slip.and_then(|slip| slip.payment());
    match (meta, header) {
        (None, header) => header,
        (Some(meta), None) => Some(Payment::read(meta)),
        (Some(_), Some(_)) => Some(Err(Malformed::Several)),
    }
}

/// Settles, then starts the run.
async fn take(backend: Arc<Backend>, order: Order, payment: Payment) -> Result<Outcome, ToolError> {
    let payments = payments(&backend)?;
    let price = &order.price;
    match payments.settle(&payment, price).await {
        Ok(settled) => {
            let receipt = price.receipt(&settled.transaction, payment.payer());
            let outcome = start(&backend, payments, &order, &payment, &settled).await;
            Ok(Outcome::Receipted(Box::new(outcome.unwrap_or_else(Outcome::Failed)), receipt))
        }
        Err(Unsettled::Refused(reason)) => {
            let receipt = price.no_receipt(word(&reason), payment.payer());
            Ok(Outcome::Receipted(Box::new(Outcome::Challenged(price.challenge(&reason))), receipt))
        }
        Err(Unsettled::NotYet(reason)) => Ok(waiting(&payment, price, UNSETTLED, &reason)),
        Err(Unsettled::Unknown(reason)) => Ok(waiting(&payment, price, UNKNOWN, &reason)),
    }
}

/// The payment stays what it is: nobody is asked for another one.
fn waiting(payment: &Payment, price: &Requirements, code: &'static str, reason: &str) -> Outcome {
    let (state, said) = if code == UNSETTLED {
        (
            "unsettled",
            "The payment could not be settled just now, and the chain shows no transfer. Send this call again with the same \
             payment; do not sign another one",
        )
    } else {
        (
            "unknown",
            "It is not known whether the payment was settled. Send this call again with the same payment: if it was, \
             you get its run without paying again. Do not sign another one",
        )
    };
    let data = json!({
        "state": state,
        "reason": reason,
        "valid_before": payment.valid_before(),
        "send_again": true,
    });
    let error = ToolError::of_payment(code).with_payment(said, data);
    Outcome::Receipted(Box::new(Outcome::Failed(error)), price.no_receipt(word(reason), payment.payer()))
}

/// The code at the beginning of a reason.
fn word(reason: &str) -> &str {
    reason.split_once(": ").map_or(reason, |(word, _)| word)
}

/// Starts the run of a settled payment, or finds it started.
async fn start(
    backend: &Backend,
    payments: &Payments,
    order: &Order,
    payment: &Payment,
    settled: &Settled,
) -> Result<Outcome, ToolError> {
    let (price, workflow) = (&order.price, &order.workflow);
    let text = |key: &str| workflow.get(key).and_then(Value::as_str);
    let (slug, org) = (text("slug").unwrap_or_default(), text("org_slug").or_else(|| text("org")));
    let proof = SettledPayment {
        transaction: &settled.transaction,
        wallet: payment.payer(),
        amount: &price.amount,
        network: &price.network,
        asset: &price.asset,
        pay_to: &price.pay_to,
    };
    let file =
        PaidFile { workflow: slug, org: org.unwrap_or_default(), name: &order.name, content: &order.content };
    let held = json!({ "state": "settled", "transaction": settled.transaction, "send_again": true });
    let mut run = payments.agent_api.launch(&proof, &file).await.map_err(|error| {
        tracing::warn!(transaction = settled.transaction, code = %error.code, "a settled payment has no run yet");
        ToolError::from(error).with_payment(
            "The payment is settled and stays good for one run: send this call again with the same payment, with \
             whatever was wrong put right. Do not sign another one",
            held.clone(),
        )
    })?;
    if !is_ours(&run, order, org, settled) {
        tracing::warn!(
            transaction = settled.transaction,
            "a payment was presented for another run than its own"
        );
        return Err(ToolError::of_payment(USED).with_payment(
            "This payment has already bought the validation of another file, or of this one by another workflow. \
             Repeat that call to get its run; sign a new payment for another",
            json!({ "state": "used", "transaction": settled.transaction, "send_again": false }),
        ));
    }
    let seal = backend.seal.as_ref().ok_or_else(ApiError::internal)?;
    let reference = PaidRun::new(&run, payment.payer()).ok_or_else(|| {
        ToolError::from(ApiError::internal())
            .with_payment("The payment is settled, and Validibot's run has no name that can be used", held)
    })?;
    complete_paid(&mut run, &reference.seal(seal));
    Ok(Outcome::run(run, Page::default(), backend.clock.unix()))
}

/// Whether the run is the one of this call. A settled payment stands on the chain with its signature, for everybody to
/// read and send here again; the file does not.
fn is_ours(run: &JsonObject, order: &Order, org: Option<&str>, settled: &Settled) -> bool {
    let agrees = |key: &str, expected: Option<&str>| {
        run.get(key).and_then(Value::as_str).is_none_or(|value| Some(value) == expected)
    };
    let same_workflow =
        agrees("workflow_slug", order.workflow.get("slug").and_then(Value::as_str)) && agrees("org", org);
    let same_file = match run.get("file_sha256").and_then(Value::as_str) {
        Some(digest) => digest.eq_ignore_ascii_case(&hexadecimal(&Sha256::digest(&order.content))),
        // Whoever has just moved the money may be believed.
        None => settled.first,
    };
    same_workflow && same_file
}
