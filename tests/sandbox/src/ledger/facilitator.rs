//! `POST /verify` and `POST /settle` (x402 v2, facilitator API), as the protocol's own implementations answer.

use http::StatusCode;
use serde_json::{Value, json};

use super::book::{Book, hash};
use crate::answer::Answer;

/// How payments are settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Settling {
    /// The transaction is mined, and the answer says so.
    #[default]
    Mined,
    /// The transaction is sent; the answer is 500 with `settlement_pending`, and it is mined when the test says so.
    Pending,
    /// The transaction is mined, and the answer is 500 with `settlement_pending` all the same.
    MinedInSecret,
    /// Nothing happens, for this reason.
    Refused(String),
}

/// What is asked about: a payment, and the terms that it has to meet.
struct Question<'a> {
    from: &'a str,
    to: &'a str,
    value: u64,
    valid_after: u64,
    valid_before: u64,
    nonce: &'a str,
    terms: &'a Value,
}

pub(super) fn verify(book: &mut Book, body: &Value) -> Answer {
    let Some(question) = Question::read(body) else { return malformed() };
    let verdict = match question.objection(book) {
        None => json!({ "isValid": true, "payer": question.from }),
        Some(reason) => json!({ "isValid": false, "invalidReason": reason, "payer": question.from }),
    };
    Answer::json(StatusCode::OK, &verdict)
}

pub(super) fn settle(book: &mut Book, how: &Settling, body: &Value) -> Answer {
    let Some(question) = Question::read(body) else { return malformed() };
    let network = &question.terms["network"];
    let failed = |reason: &str, transaction: &str| {
        json!({
            "success": false, "errorReason": reason, "transaction": transaction, "network": network,
            "payer": question.from,
        })
    };
    if let Settling::Refused(reason) = how {
        return Answer::json(StatusCode::OK, &failed(reason, ""));
    }
    let Question { from, nonce, to, value, .. } = question;
    match question.objection(book) {
        // The reference facilitator sends a transaction that fails, and burns its fee.
        Some(_) if book.used(from, nonce).is_some() => {
            return Answer::json(
                StatusCode::OK,
                &failed("transaction_failed", &hash(&[from, nonce, "failed"])),
            );
        }
        Some(reason) => return Answer::json(StatusCode::OK, &failed(reason, "")),
        None => {}
    }
    if let Some(waiting) = book.waiting(from, nonce) {
        let pending = failed("settlement_pending", &waiting.transaction);
        return Answer::json(StatusCode::INTERNAL_SERVER_ERROR, &pending);
    }
    let transaction = book.transfer(from, nonce, to, value, *how != Settling::Pending);
    if *how == Settling::Mined {
        let settled =
            json!({ "success": true, "transaction": transaction, "network": network, "payer": from });
        Answer::json(StatusCode::OK, &settled)
    } else {
        Answer::json(StatusCode::INTERNAL_SERVER_ERROR, &failed("settlement_pending", &transaction))
    }
}

fn malformed() -> Answer {
    Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": "This is no question of x402 version 2." }))
}

impl<'a> Question<'a> {
    /// The form that the protocol's own implementations insist on; one requirement, not a list of them.
    fn read(body: &'a Value) -> Option<Self> {
        let (payload, terms) = (&body["paymentPayload"], &body["paymentRequirements"]);
        let signed = &payload["payload"]["authorization"];
        let number = |key: &str| signed[key].as_str()?.parse().ok();
        let complete =
            ["scheme", "network", "amount", "asset", "payTo"].iter().all(|key| terms[*key].is_string())
                && terms["maxTimeoutSeconds"].is_u64()
                && terms["extra"]["name"].is_string()
                && terms["extra"]["version"].is_string()
                && payload["payload"]["signature"].is_string()
                && payload["accepted"].is_object();
        let version = |value: &Value| value["x402Version"] == json!(2);
        (complete && version(body) && version(payload)).then_some(Self {
            from: signed["from"].as_str()?,
            to: signed["to"].as_str()?,
            value: number("value")?,
            valid_after: number("validAfter")?,
            valid_before: number("validBefore")?,
            nonce: signed["nonce"].as_str()?,
            terms,
        })
    }

    /// Why it would not settle.
    fn objection(&self, book: &Book) -> Option<&'static str> {
        let now = Book::now();
        if !self.terms["payTo"].as_str().is_some_and(|payee| payee.eq_ignore_ascii_case(self.to)) {
            Some("invalid_exact_evm_payload_recipient_mismatch")
        } else if self.terms["amount"].as_str() != Some(&self.value.to_string()) {
            Some("invalid_exact_evm_payload_authorization_value_mismatch")
        } else if self.valid_after > now {
            Some("invalid_exact_evm_payload_authorization_valid_after")
        } else if self.valid_before <= now {
            Some("invalid_exact_evm_payload_authorization_valid_before")
        } else if book.used(self.from, self.nonce).is_some() {
            Some("invalid_exact_evm_nonce_already_used")
        } else {
            None
        }
    }
}
