//! The facilitator: it checks what was signed, and brings the payment onto the chain (x402 v2, facilitator API).

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::cdp::CdpSigner;
use super::payment::Payment;
use super::terms::{Requirements, VERSION};
use crate::base::clock::SharedClock;
use crate::base::http_body;
use crate::base::json;
use crate::base::random::SharedRandom;
use crate::config::{BaseUrl, X402Settings};

/// It looks at the chain and asks it once.
const VERIFY_DEADLINE: Duration = Duration::from_secs(10);
/// It waits for the transaction to be mined.
const SETTLE_DEADLINE: Duration = Duration::from_secs(30);
/// Far above any answer.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The same in structure.
const MAX_NODES: usize = 1_000;
/// Reasons are short words.
const MAX_REASON_CHARS: usize = 120;

/// A client of one facilitator.
pub(super) struct Facilitator {
    base: BaseUrl,
    network: String,
    http: reqwest::Client,
    signer: Option<CdpSigner>,
    clock: SharedClock,
}

/// What it says of a payment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid,
    /// In its own words: the list of reasons is open.
    Invalid(String),
}

/// Why a payment is not known to be settled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotSettled {
    /// In the facilitator's words where it had any.
    pub(super) reason: String,
    /// Whether this attempt can be ruled out to settle it later on.
    pub(super) for_good: bool,
}

/// The facilitator gave no answer that can be used; why, in few words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) reason: &'static str,
    /// Whether the question never left.
    unsent: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    #[serde(rename = "x402Version")]
    version: u64,
    payment_payload: Value,
    payment_requirements: &'a Requirements,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    is_valid: bool,
    #[serde(default)]
    invalid_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settlement {
    success: bool,
    #[serde(default)]
    error_reason: Option<String>,
    #[serde(default)]
    transaction: Option<String>,
    #[serde(default)]
    network: Option<String>,
}

impl Facilitator {
    pub(super) fn new(
        settings: &X402Settings,
        http: reqwest::Client,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Self {
        let signer = settings.cdp_key.as_ref().map(|key| CdpSigner::new(key, random));
        Self { base: settings.facilitator.clone(), network: settings.network.clone(), http, signer, clock }
    }

    /// Whether a payment would settle. It moves no money.
    pub(super) async fn verify(&self, payment: &Payment, terms: &Requirements) -> Result<Verdict, Trouble> {
        let (status, body) = self.ask("/verify", payment, terms, VERIFY_DEADLINE).await?;
        match json::read::<Verified>(&body, MAX_NODES) {
            Ok(verified) if verified.is_valid && (200..=299).contains(&status) => Ok(Verdict::Valid),
            Ok(verified) if !verified.is_valid && status < 500 => {
                Ok(Verdict::Invalid(word(verified.invalid_reason)))
            }
            _ => Err(unusable(status)),
        }
    }

    /// Settles; the transaction's hash. Whatever else comes back, the money may have moved all the same.
    pub(super) async fn settle(&self, payment: &Payment, terms: &Requirements) -> Result<String, NotSettled> {
        let (status, body) = self
            .ask("/settle", payment, terms, SETTLE_DEADLINE)
            .await
            .map_err(|trouble| NotSettled { reason: trouble.reason.to_owned(), for_good: trouble.unsent })?;
        let Ok(settlement) = json::read::<Settlement>(&body, MAX_NODES) else {
            return Err(NotSettled { reason: unusable(status).reason.to_owned(), for_good: false });
        };
        let transaction = settlement.transaction.unwrap_or_default();
        if !settlement.success {
            // With a transaction, or with an error of the server's, it may still be under way (`settlement_pending`).
            let for_good = (200..=299).contains(&status) && transaction.is_empty();
            return Err(NotSettled { reason: word(settlement.error_reason), for_good });
        }
        let here = settlement.network.is_none_or(|network| network == self.network);
        if !here || !is_transaction(&transaction) || !(200..=299).contains(&status) {
            return Err(NotSettled { reason: unusable(status).reason.to_owned(), for_good: false });
        }
        Ok(transaction.to_ascii_lowercase())
    }

    async fn ask(
        &self,
        path: &str,
        payment: &Payment,
        terms: &Requirements,
        limit: Duration,
    ) -> Result<(u16, bytes::Bytes), Trouble> {
        let url = self.base.join(path);
        let question = Question {
            version: VERSION,
            payment_payload: payment.payload(terms),
            payment_requirements: terms,
        };
        let mut request = self.http.post(url.clone()).json(&question);
        if let Some(signer) = &self.signer {
            let token = signer.token(&url, self.clock.unix());
            let mut value =
                reqwest::header::HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                    .map_err(|_| Trouble { reason: "the request could not be made", unsent: true })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let answer = timeout_at(Instant::now() + limit, async {
            let response = request.send().await.map_err(|error| Trouble {
                reason: if error.is_connect() {
                    "facilitator_unreachable"
                } else {
                    "facilitator_connection_broke"
                },
                unsent: error.is_connect(),
            })?;
            let status = response.status().as_u16();
            if matches!(status, 401 | 403) {
                tracing::error!(status, path, "the facilitator does not accept this server's API key");
            }
            let body = http_body::read(response, MAX_BODY_BYTES)
                .await
                .map_err(|_| Trouble { reason: "facilitator_answer_unusable", unsent: false })?;
            Ok((status, body))
        });
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble { reason: "facilitator_timeout", unsent: false }),
        }
    }
}

fn unusable(status: u16) -> Trouble {
    tracing::warn!(status, "the facilitator gave no answer that can be used");
    Trouble { reason: "facilitator_answer_unusable", unsent: false }
}

/// A reason as a word: nothing else of a foreign body goes on.
fn word(reason: Option<String>) -> String {
    let good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | ' ');
    let word: String = reason.unwrap_or_default().chars().filter(good).take(MAX_REASON_CHARS).collect();
    if word.is_empty() { "unspecified".to_owned() } else { word }
}

/// Whether a text is a transaction's hash.
pub(super) fn is_transaction(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_word_and_a_hash_is_a_hash() {
        assert_eq!(word(Some("<b>insufficient_funds</b>\n".to_owned())), "binsufficient_fundsb");
        assert_eq!(word(Some("x".repeat(500))).len(), 120);
        assert_eq!(word(None), "unspecified");
        assert!(is_transaction(&format!("0x{}", "aF".repeat(32))));
        for bad in ["", "0x", "0xaf", &"a".repeat(66), &format!("0x{}", "g".repeat(64))] {
            assert!(!is_transaction(bad), "{bad}");
        }
    }
}
