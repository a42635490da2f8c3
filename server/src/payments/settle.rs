//! From a payment to the transaction that settled it.

use std::sync::Arc;

use super::Payments;
use super::chain::AuthorizationState;
use super::facilitator::{NotSettled, Verdict};
use super::payment::{Payment, Time};
use super::terms::Requirements;

/// Money has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    /// The transaction's hash.
    pub(crate) transaction: String,
    /// Whether this very call moved the money. One that was found on the chain may have been found by anybody.
    pub(crate) first: bool,
}

/// No money is known to have arrived; why, as a word for programs and perhaps a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsettled {
    /// It has not arrived, and with this payment it will not: another one may be asked for.
    Refused(String),
    /// It has not arrived, and this payment is still good.
    NotYet(String),
    /// It is unknown whether it has arrived, or will.
    Unknown(String),
}

const OVER: &str = "invalid_exact_evm_payload_authorization_valid_before: the authorization has expired";
const ELSEWHERE: &str =
    "invalid_exact_evm_nonce_already_used: the authorization was used for another payment";
const SHORT: &str = "the authorization is about to expire";
const CHAIN: &str = "chain_unreachable";

impl Payments {
    /// Settles a payment, or finds out that it is settled already.
    pub(crate) async fn settle(&self, payment: &Payment, terms: &Requirements) -> Result<Settled, Unsettled> {
        let time = payment.check(terms, self.clock.unix()).map_err(|mismatch| {
            tracing::info!(%mismatch, "a payment was refused");
            Unsettled::Refused(mismatch.to_string())
        })?;
        // The same payment at the same time is settled once here; across instances the chain sees to that.
        let settling = self.transaction(payment, terms, time);
        let entry = self
            .settled
            .entry(payment.digest())
            .or_try_insert_with(settling)
            .await
            .map_err(|error: Arc<Unsettled>| (*error).clone())?;
        let leader = entry.is_fresh();
        let mut settled = entry.into_value();
        settled.first &= leader;
        Ok(settled)
    }

    async fn transaction(
        &self,
        payment: &Payment,
        terms: &Requirements,
        time: Time,
    ) -> Result<Settled, Unsettled> {
        match time {
            Time::Over => {
                return self.found(payment, terms).await?.ok_or(Unsettled::Refused(OVER.to_owned()));
            }
            Time::Short => {
                return self.found(payment, terms).await?.ok_or(Unsettled::NotYet(SHORT.to_owned()));
            }
            Time::Enough => {}
        }
        let unsettled = match self.facilitator.verify(payment, terms).await {
            Ok(Verdict::Valid) => match self.facilitator.settle(payment, terms).await {
                Ok(transaction) => {
                    tracing::info!(transaction, "a payment was settled");
                    return Ok(Settled { transaction, first: true });
                }
                Err(NotSettled { reason, for_good: true }) => Unsettled::NotYet(reason),
                Err(NotSettled { reason, for_good: false }) => Unsettled::Unknown(reason),
            },
            // Another instance, or an earlier call, has used it; the node may not know yet.
            Ok(Verdict::Invalid(reason)) if reason.contains("nonce") => Unsettled::Unknown(reason),
            Ok(Verdict::Invalid(reason)) => Unsettled::Refused(reason),
            Err(trouble) => Unsettled::NotYet(trouble.reason.to_owned()),
        };
        tracing::info!(?unsettled, "the chain is asked about a payment");
        let found = match &unsettled {
            Unsettled::Unknown(_) => self.awaited(payment, terms).await,
            Unsettled::Refused(_) | Unsettled::NotYet(_) => self.found(payment, terms).await,
        };
        match found {
            Ok(Some(settled)) => Ok(settled),
            Ok(None) => Err(unsettled),
            // What the facilitator said is the better word for it, as long as it does not claim to know.
            Err(Unsettled::Unknown(_)) if matches!(unsettled, Unsettled::Unknown(_)) => Err(unsettled),
            Err(error) => Err(error),
        }
    }

    /// The settlement, if the chain has it.
    async fn found(&self, payment: &Payment, terms: &Requirements) -> Result<Option<Settled>, Unsettled> {
        judged(self.chain.look_up(&payment.authorization, terms).await.ok())
    }

    /// The same for one that may be under way.
    async fn awaited(&self, payment: &Payment, terms: &Requirements) -> Result<Option<Settled>, Unsettled> {
        judged(self.chain.wait_for(&payment.authorization, terms).await.ok())
    }
}

fn judged(seen: Option<AuthorizationState>) -> Result<Option<Settled>, Unsettled> {
    match seen {
        Some(AuthorizationState::Paid(transaction)) => {
            tracing::info!(transaction, "a settled payment was found on the chain");
            Ok(Some(Settled { transaction, first: false }))
        }
        Some(AuthorizationState::Elsewhere) => Err(Unsettled::Refused(ELSEWHERE.to_owned())),
        Some(AuthorizationState::Unused) => Ok(None),
        None => Err(Unsettled::Unknown(CHAIN.to_owned())),
    }
}
