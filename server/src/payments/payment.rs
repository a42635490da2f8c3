//! A payment as it comes from a client (x402 v2, `PaymentPayload`, scheme `exact` with EIP-3009).
//!
//! Until it is settled it is as good as cash for whoever holds it: its types show nothing of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::terms::{Requirements, TIMEOUT_SECONDS, VERSION};
use crate::base::json as json_of_others;

/// Far above any payment: a signature and six numbers, and what the client accepted.
const MAX_BYTES: usize = 16 * 1024;
/// Far above a payment's structure, with its resource and extensions.
const MAX_NODES: usize = 1_000;
/// How much time must be left for verifying and settling.
const MARGIN_SECONDS: u64 = 6;
/// How far a client's clock may be ahead. With it, an authorization's end says when it was made at the earliest, and so
/// where on the chain to look for it.
pub(super) const SKEW_SECONDS: u64 = 600;

/// A payment that has the right form; nothing is known of its worth.
pub(crate) struct Payment {
    /// What the client says that it agreed to: only to be compared with our terms.
    accepted: Value,
    /// For the facilitator to check.
    signature: String,
    pub(super) authorization: Authorization,
    written: Written,
}

/// The addresses as they were written: capitals are a checksum (EIP-55), without which some libraries of facilitators take no
/// address.
struct Written {
    from: String,
    to: String,
}

/// What was signed (EIP-3009, `TransferWithAuthorization`).
pub(super) struct Authorization {
    /// Who pays, `0x` and 40 digits in lower case.
    pub(super) from: String,
    to: String,
    value: String,
    pub(super) valid_after: u64,
    pub(super) valid_before: u64,
    /// `0x` and 64 digits in lower case.
    pub(super) nonce: String,
}

/// Why a payment has not the right form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Malformed {
    /// Not JSON in base64, or far too long.
    #[error("the payment cannot be read")]
    Encoding,
    /// Came in both places.
    #[error("there are several payments: give one, in _meta or in the header")]
    Several,
    /// Another version of x402.
    #[error("the payment is not of x402 version 2")]
    Version,
    /// A part is missing or of another form.
    #[error("the payment's {0} is missing or malformed")]
    Part(&'static str),
    /// A part that is not of this scheme. It might say something else than what is checked here.
    #[error("the payment's {0} has other members than exact and EIP-3009 know: leave them out")]
    Members(&'static str),
}

/// Why a payment is not for what we sell. The codes are those of the protocol's own implementations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Mismatch {
    #[error("invalid_payment_requirements: what was accepted is not what this server asks for")]
    Accepted,
    #[error("invalid_exact_evm_payload_recipient_mismatch: the authorization pays somebody else")]
    Recipient,
    #[error(
        "invalid_exact_evm_payload_authorization_value_mismatch: the authorization is for another amount"
    )]
    Value,
    #[error("invalid_exact_evm_payload_authorization_valid_after: the authorization is not valid yet")]
    NotYet,
    #[error(
        "invalid_exact_evm_payload_authorization_valid_before: the authorization is valid for longer than was asked for"
    )]
    TooLong,
}

/// Whether there is time to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Enough,
    /// Too little to begin, and not over.
    Short,
    /// The authorization cannot be settled any more, by anybody.
    Over,
}

impl Payment {
    /// Reads the value of the header `PAYMENT-SIGNATURE`.
    pub(crate) fn from_header(value: &[u8]) -> Result<Self, Malformed> {
        if value.len() > MAX_BYTES {
            return Err(Malformed::Encoding);
        }
        let text = STANDARD.decode(value).map_err(|_| Malformed::Encoding)?;
        Self::read(&json_of_others::read(&text, MAX_NODES).map_err(|_| Malformed::Encoding)?)
    }

    /// Reads what stands in `_meta`.
    pub(crate) fn read(value: &Value) -> Result<Self, Malformed> {
        let Value::Object(payload) = value else { return Err(Malformed::Encoding) };
        if value.to_string().len() > MAX_BYTES {
            return Err(Malformed::Encoding);
        }
        if payload.get("x402Version").and_then(Value::as_u64) != Some(VERSION) {
            return Err(Malformed::Version);
        }
        let accepted = payload.get("accepted").filter(|accepted| accepted.is_object());
        let accepted = accepted.ok_or(Malformed::Part("accepted"))?.clone();
        only(&accepted["extra"], "accepted.extra", &["name", "version", "paymentFlow"])?;
        let inner = payload.get("payload").ok_or(Malformed::Part("payload"))?;
        only(inner, "payload", &["signature", "authorization"])?;
        let signature = inner.get("signature").and_then(Value::as_str).filter(|text| is_hex(text, None));
        let signature = signature.ok_or(Malformed::Part("signature"))?.to_owned();
        let signed = inner.get("authorization").ok_or(Malformed::Part("authorization"))?;
        only(signed, "authorization", &["from", "to", "value", "validAfter", "validBefore", "nonce"])?;
        let authorization = Authorization {
            from: hex(signed, "from", 40)?,
            to: hex(signed, "to", 40)?,
            value: number(signed, "value")?,
            valid_after: seconds(signed, "validAfter")?,
            valid_before: seconds(signed, "validBefore")?,
            nonce: hex(signed, "nonce", 64)?,
        };
        let as_written = |key| signed.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let written = Written { from: as_written("from"), to: as_written("to") };
        Ok(Self { accepted, signature, authorization, written })
    }

    /// Everything that can be told without asking anybody: what is agreed on, and what was signed.
    pub(super) fn check(&self, terms: &Requirements, now: u64) -> Result<Time, Mismatch> {
        let Authorization { to, value, valid_after, valid_before, .. } = &self.authorization;
        if !terms.is(&self.accepted) {
            return Err(Mismatch::Accepted);
        }
        if !to.eq_ignore_ascii_case(&terms.pay_to) {
            return Err(Mismatch::Recipient);
        }
        if *value != terms.amount {
            return Err(Mismatch::Value);
        }
        if *valid_after > now {
            return Err(Mismatch::NotYet);
        }
        if *valid_before > now + TIMEOUT_SECONDS + SKEW_SECONDS {
            return Err(Mismatch::TooLong);
        }
        Ok(match valid_before.saturating_sub(now) {
            0 => Time::Over,
            left if left <= MARGIN_SECONDS => Time::Short,
            _ => Time::Enough,
        })
    }

    /// Who pays.
    pub(crate) fn payer(&self) -> &str {
        &self.authorization.from
    }

    /// Until when it can be settled, in seconds since the Unix epoch.
    pub(crate) fn valid_before(&self) -> u64 {
        self.authorization.valid_before
    }

    /// What goes to the facilitator: what was checked, written anew, and nothing beside it that it might go by instead.
    pub(super) fn payload(&self, terms: &Requirements) -> Value {
        let Written { from, to } = &self.written;
        json!({ "x402Version": VERSION, "accepted": terms, "payload": self.signed(from, to) })
    }

    fn signed(&self, from: &str, to: &str) -> Value {
        let Authorization { value, valid_after, valid_before, nonce, .. } = &self.authorization;
        json!({
            "signature": self.signature,
            "authorization": {
                "from": from,
                "to": to,
                "value": value,
                "validAfter": valid_after.to_string(),
                "validBefore": valid_before.to_string(),
                "nonce": nonce,
            },
        })
    }

    /// Tells payments apart, down to the signature: a forged one must not stand for a good one with its nonce.
    pub(super) fn digest(&self) -> [u8; 32] {
        let Authorization { from, to, .. } = &self.authorization;
        Sha256::digest(self.signed(from, to).to_string()).into()
    }
}

/// Whether an object, where it is one, has no members but these.
fn only(object: &Value, name: &'static str, members: &[&str]) -> Result<(), Malformed> {
    let mut keys = object.as_object().into_iter().flat_map(Map::keys);
    if keys.all(|key| members.contains(&key.as_str())) { Ok(()) } else { Err(Malformed::Members(name)) }
}

impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payment([redacted])")
    }
}

/// Whether a text is `0x` and hexadecimal digits, so many of them if it is said how many.
fn is_hex(text: &str, digits: Option<usize>) -> bool {
    text.strip_prefix("0x").is_some_and(|rest| {
        !rest.is_empty()
            && digits.is_none_or(|digits| digits == rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn hex(object: &Value, key: &'static str, digits: usize) -> Result<String, Malformed> {
    let text = object.get(key).and_then(Value::as_str).filter(|text| is_hex(text, Some(digits)));
    text.map(str::to_ascii_lowercase).ok_or(Malformed::Part(key))
}

/// A whole number in its shortest decimal form. Clients send text, as the protocol says; some send numbers.
fn number(object: &Value, key: &'static str) -> Result<String, Malformed> {
    /// As many digits as 2 to the 256th has.
    const LONGEST: usize = 78;
    let text = match object.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(Malformed::Part(key)),
    };
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Part(key));
    }
    let shortest = text.trim_start_matches('0');
    Ok(if shortest.is_empty() { "0".to_owned() } else { shortest.to_owned() })
}

/// A time; one that is too far off for a u64 is as far off as can be.
fn seconds(object: &Value, key: &'static str) -> Result<u64, Malformed> {
    Ok(number(object, key)?.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
pub(super) mod tests;
