//! What a validation costs, and how that is said on the wire (x402 v2, core objects; MCP transport).

use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::X402Settings;

/// The version of the protocol that is spoken here, the only one.
pub(super) const VERSION: u64 = 2;

/// The token has six decimals: one US cent is 10,000 of its smallest units.
const UNITS_PER_CENT: u64 = 10_000;

/// How long a new authorization is good: long enough for a person to approve it, short enough that one which was never
/// settled is soon worth nothing.
pub(super) const TIMEOUT_SECONDS: u64 = 300;

/// One way to pay (x402 v2, `PaymentRequirements`). Ours is always made here, from the price list and the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Requirements {
    pub(crate) scheme: String,
    /// CAIP-2.
    pub(crate) network: String,
    /// In the token's smallest units.
    pub(crate) amount: String,
    pub(crate) asset: String,
    pub(crate) pay_to: String,
    max_timeout_seconds: u64,
    extra: Extra,
}

/// What a client needs to know of the token to sign (EIP-712), and that we settle before we work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extra {
    name: String,
    version: String,
    payment_flow: String,
}

/// The answer to a call without a good payment (x402 v2, `PaymentRequired`).
#[derive(Debug)]
pub(crate) struct Challenge(Value);

/// The answer to a payment (x402 v2, `SettlementResponse`).
#[derive(Debug, Clone)]
pub(crate) struct Receipt(Value);

impl Requirements {
    pub(super) fn new(settings: &X402Settings, cents: u64) -> Self {
        Self {
            scheme: "exact".to_owned(),
            network: settings.network.clone(),
            amount: (cents * UNITS_PER_CENT).to_string(),
            asset: settings.asset.clone(),
            pay_to: settings.pay_to.clone(),
            max_timeout_seconds: TIMEOUT_SECONDS,
            extra: Extra {
                name: settings.asset_name.clone(),
                version: settings.asset_version.clone(),
                payment_flow: "upfront".to_owned(),
            },
        }
    }

    /// Whether what the client accepted is this, exactly. What it has beside that goes no further.
    pub(super) fn is(&self, accepted: &Value) -> bool {
        let text = |key: &str| accepted.get(key).and_then(Value::as_str).unwrap_or_default();
        let extra =
            |key: &str| accepted.get("extra").and_then(|extra| extra.get(key)).and_then(Value::as_str);
        text("scheme") == self.scheme
            && text("network") == self.network
            && text("amount") == self.amount
            && text("asset").eq_ignore_ascii_case(&self.asset)
            && text("payTo").eq_ignore_ascii_case(&self.pay_to)
            && accepted.get("maxTimeoutSeconds").and_then(Value::as_u64) == Some(self.max_timeout_seconds)
            && extra("name") == Some(&self.extra.name)
            && extra("version") == Some(&self.extra.version)
            // Clients that were written before the flow had a name leave it out.
            && extra("paymentFlow").is_none_or(|flow| flow == self.extra.payment_flow)
    }

    /// Asks for this payment. `error` says why: for the first time, or what was wrong with the one that came.
    pub(crate) fn challenge(&self, error: &str) -> Challenge {
        Challenge(json!({
            "x402Version": VERSION,
            "error": error,
            "resource": {
                "url": "mcp://tool/validate_file",
                "description": "One validation of one file",
                "mimeType": "application/json",
            },
            "accepts": [self],
            "extensions": {},
        }))
    }

    /// Says that the payment was settled.
    pub(crate) fn receipt(&self, transaction: &str, payer: &str) -> Receipt {
        Receipt(json!({
            "success": true, "transaction": transaction, "network": self.network, "payer": payer, "amount": self.amount,
        }))
    }

    /// Says that the payment was not settled, or that nobody knows yet.
    pub(crate) fn no_receipt(&self, reason: &str, payer: &str) -> Receipt {
        Receipt(json!({
            "success": false, "errorReason": reason, "transaction": "", "network": self.network, "payer": payer,
        }))
    }
}

impl Challenge {
    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

impl Receipt {
    pub(crate) fn as_value(&self) -> &Value {
        &self.0
    }
}

/// A workflow's price, where it is published for agents that pay.
pub(super) fn price_in_cents(workflow: &JsonObject) -> Option<u64> {
    let is = |key: &str, value: Value| workflow.get(key) == Some(&value);
    let published =
        is("agent_billing_mode", "AGENT_PAYS_X402".into()) && is("agent_access_enabled", true.into());
    let cents = workflow.get("agent_price_cents").and_then(Value::as_u64);
    // Nobody can pay nothing; and what does not fit is no price.
    cents.filter(|cents| published && *cents > 0 && cents.checked_mul(UNITS_PER_CENT).is_some())
}

/// Whether an entry of the catalogue is published for agents that pay.
pub(crate) fn for_sale(entry: &Value) -> bool {
    entry.as_object().is_some_and(|workflow| price_in_cents(workflow).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::payments) fn requirements(cents: u64) -> Requirements {
        Requirements::new(&crate::payments::payment::tests::settings(), cents)
    }

    #[test]
    fn cents_become_units() {
        for (cents, amount) in [(1, "10000"), (5, "50000"), (100, "1000000")] {
            assert_eq!(requirements(cents).amount, amount);
        }
    }

    #[test]
    fn only_what_is_published_with_a_price_is_for_sale() {
        let entry = |mode: &str, open: bool, cents: Value| {
            for_sale(&json!({
                "agent_billing_mode": mode, "agent_access_enabled": open, "agent_price_cents": cents,
            }))
        };
        assert!(entry("AGENT_PAYS_X402", true, json!(5)));
        assert!(!entry("AUTHOR_PAYS", true, json!(5)));
        assert!(!entry("AGENT_PAYS_X402", false, json!(5)));
        for cents in [json!(0), json!(null), json!(-1), json!(1.5), json!(u64::MAX)] {
            assert!(!entry("AGENT_PAYS_X402", true, cents.clone()), "{cents}");
        }
    }

    #[test]
    fn what_was_accepted_has_to_be_our_terms() {
        let ours = requirements(5);
        let same = serde_json::to_value(&ours).expect("JSON");
        assert!(ours.is(&same));
        let mut shouted = same.clone();
        shouted["asset"] = ours.asset.to_uppercase().replacen("0X", "0x", 1).into();
        assert!(ours.is(&shouted), "an address has no case");
        for (key, value) in [
            ("scheme", json!("upto")),
            ("network", json!("eip155:1")),
            ("amount", json!("1")),
            ("amount", json!(50_000)),
            ("asset", json!("0x1111111111111111111111111111111111111111")),
            ("payTo", json!("0x1111111111111111111111111111111111111111")),
            ("maxTimeoutSeconds", json!(60)),
            ("extra", json!({ "name": "USDC" })),
            ("extra", json!({ "name": "USDC", "version": "2", "paymentFlow": "authorization" })),
        ] {
            let mut other = same.clone();
            other[key] = value;
            assert!(!ours.is(&other), "{key}");
        }
    }
}
