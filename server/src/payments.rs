//! Payments with x402 version 2: an agent without an account pays for each validation.
//!
//! The order is: match, local checks, verify, settle, start the run with the settled transaction's hash, answer.
//! Nothing is stored here. The chain is the store: settling uses an authorization's nonce up exactly once, and
//! Validibot starts exactly one run for a transaction. Whoever lacks the transaction (the loser of a race, another
//! instance, this one after it was killed) finds it on the chain, and never asks for a second payment.

mod cdp;
mod chain;
mod door;
mod facilitator;
mod payment;
mod reference;
mod settle;
mod terms;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use rmcp::model::JsonObject;

use self::chain::Chain;
pub(crate) use self::door::{HeaderPayment, open_door};
use self::facilitator::Facilitator;
pub(crate) use self::payment::{Malformed, Payment};
pub(crate) use self::reference::PaidRun;
pub(crate) use self::settle::{Settled, Unsettled};
pub(crate) use self::terms::{Challenge, Receipt, Requirements, for_sale};
use crate::base::clock::SharedClock;
use crate::base::random::SharedRandom;
use crate::config::X402Settings;
use crate::validibot::AgentApi;

/// The key of `_meta` that a payment comes in (x402, transports, MCP).
pub(crate) const PAYMENT_META: &str = "x402/payment";
/// The key of `_meta` that its receipt goes out in.
pub(crate) const RECEIPT_META: &str = "x402/payment-response";

/// How many settled payments an instance remembers, so that a repeat asks neither facilitator nor chain.
const MAX_REMEMBERED: u64 = 10_000;
/// How long. It is a short cut and no more: the chain remembers for good.
const REMEMBERED_FOR: Duration = Duration::from_mins(15);

/// Takes payments.
pub(crate) struct Payments {
    settings: Arc<X402Settings>,
    /// Validibot's API for those who pay.
    pub(crate) agent_api: AgentApi,
    facilitator: Facilitator,
    chain: Chain,
    clock: SharedClock,
    /// The transactions of settled payments, by the payment's digest.
    settled: Cache<[u8; 32], Settled>,
}

impl Payments {
    /// Puts the parts together; touches no network.
    pub(crate) fn new(
        settings: Arc<X402Settings>,
        agent_api: AgentApi,
        http: &reqwest::Client,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Arc<Self> {
        let facilitator = Facilitator::new(&settings, http.clone(), clock.clone(), random);
        let chain = Chain::new(&settings, http.clone());
        let settled = Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        Arc::new(Self { settings, agent_api, facilitator, chain, clock, settled })
    }

    /// What a workflow costs, from Validibot's price list; `None` where it is not for sale.
    pub(crate) fn price(&self, workflow: &JsonObject) -> Option<Requirements> {
        terms::price_in_cents(workflow).map(|cents| Requirements::new(&self.settings, cents))
    }
}
