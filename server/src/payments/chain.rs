//! The chain, by JSON-RPC of a node: whether an authorization was used, and in which transaction.
//!
//! EIP-3009's tokens write an event `AuthorizationUsed(from, nonce)` when they take one, and `Transfer` right after it.
//! An authorization of ours is made at most [`TIMEOUT_SECONDS`] and [`SKEW_SECONDS`] before its end, so its event lies
//! in a few minutes' blocks, which any node lets one search.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout_at};

use super::facilitator::is_transaction;
use super::payment::{Authorization, SKEW_SECONDS};
use super::terms::{Requirements, TIMEOUT_SECONDS};
use crate::base::http_body;
use crate::base::json as json_of_others;
use crate::config::X402Settings;

/// keccak256 of `AuthorizationUsed(address,bytes32)`.
const AUTHORIZATION_USED: &str = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
/// keccak256 of `Transfer(address,address,uint256)`.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// One look-up, with all its questions.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a transaction that was just sent is waited for: some blocks of a network that makes one in two seconds.
const PATIENCE: Duration = Duration::from_secs(12);
const PAUSE: Duration = Duration::from_secs(1);
/// Far above any answer.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// The same in structure: an event has some thirty characters of it.
const MAX_NODES: usize = 50_000;
/// Public nodes refuse to search more at once.
const BLOCKS_AT_ONCE: u64 = 1000;
/// The authorization's window is some 450 blocks on Base; on a network of four blocks a second, 3,600.
const MOST_SEARCHES: u32 = 8;
/// How far before the window a search may begin: nearer is not worth another question.
const NEAR_SECONDS: u64 = 600;
/// Each guess at the block of a time uses the last one's error; on a steady network two are enough.
const MOST_GUESSES: u32 = 24;
/// After so many, the pace is no guide.
const GUESSES_BY_PACE: u32 = 6;

/// A node of the network.
pub(super) struct Chain {
    http: reqwest::Client,
    url: SecretString,
    /// The network's id.
    network: u64,
    /// Whether the node is of the right network, once it has been asked.
    right_network: OnceCell<()>,
}

/// What the chain knows of an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AuthorizationState {
    /// Nothing up to now.
    Unused,
    /// This transaction used it, for the payment that it was for.
    Paid(String),
    /// It was used for something else.
    Elsewhere,
}

/// The node could not be asked; why, in few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LookupError(&'static str);

#[derive(Debug, Clone, Copy)]
struct Block {
    number: u64,
    timestamp: u64,
}

impl Chain {
    pub(super) fn new(settings: &X402Settings, http: reqwest::Client) -> Self {
        let (url, network) = (settings.rpc_url.clone(), settings.chain_id);
        Self { http, url, network, right_network: OnceCell::new() }
    }

    /// Looks an authorization up.
    pub(super) async fn look_up(
        &self,
        authorization: &Authorization,
        terms: &Requirements,
    ) -> Result<AuthorizationState, LookupError> {
        let looked = timeout_at(Instant::now() + DEADLINE, self.search(authorization, terms)).await;
        let found = looked.unwrap_or(Err(LookupError("it did not answer in time")));
        if let Err(LookupError(reason)) = &found {
            tracing::warn!(reason, "the chain could not be asked about a payment (VALIDIBOT_X402_RPC_URL)");
        }
        found
    }

    /// The same for an authorization that may be about to be used: looks again for a while.
    pub(super) async fn wait_for(
        &self,
        authorization: &Authorization,
        terms: &Requirements,
    ) -> Result<AuthorizationState, LookupError> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.look_up(authorization, terms).await;
            let over = Instant::now() + PAUSE >= end;
            if over || matches!(found, Ok(AuthorizationState::Paid(_) | AuthorizationState::Elsewhere)) {
                return found;
            }
            sleep(PAUSE).await;
        }
    }

    async fn search(
        &self,
        authorization: &Authorization,
        terms: &Requirements,
    ) -> Result<AuthorizationState, LookupError> {
        self.right_network.get_or_try_init(|| self.check_network()).await?;
        let earliest = authorization.valid_before.saturating_sub(TIMEOUT_SECONDS + SKEW_SECONDS);
        let earliest = earliest.max(authorization.valid_after);
        let latest = self.block("latest").await?;
        let mut from = self.block_before(earliest, latest).await?;
        for _ in 0..MOST_SEARCHES {
            let to = latest.number.min(from + BLOCKS_AT_ONCE - 1);
            let filter = json!({
                "address": terms.asset,
                "topics": [AUTHORIZATION_USED, word(&authorization.from), authorization.nonce],
                "fromBlock": quantity(from),
                "toBlock": quantity(to),
            });
            let events = self.call("eth_getLogs", json!([filter])).await?;
            let events = events.as_array().ok_or(NOT_UNDERSTOOD)?;
            if let Some(event) = events.first() {
                return self.judge(event, authorization, terms).await;
            }
            if to == latest.number || self.block(&quantity(to)).await?.timestamp > authorization.valid_before
            {
                return Ok(AuthorizationState::Unused);
            }
            from = to + 1;
        }
        Err(LookupError("the window has too many blocks"))
    }

    /// Whether the transfer that belongs to the event paid what was asked for.
    async fn judge(
        &self,
        event: &Value,
        authorization: &Authorization,
        terms: &Requirements,
    ) -> Result<AuthorizationState, LookupError> {
        let transaction = text(event, "transactionHash").to_ascii_lowercase();
        let position = number(event, "logIndex").ok_or(NOT_UNDERSTOOD)?;
        if !is_transaction(&transaction) {
            return Err(NOT_UNDERSTOOD);
        }
        let receipt = self.call("eth_getTransactionReceipt", json!([transaction])).await?;
        let logs = receipt.get("logs").and_then(Value::as_array).ok_or(NOT_UNDERSTOOD)?;
        // A transaction may hold many transfers: the one of this authorization is the token's next.
        let transfer = logs
            .iter()
            .filter(|log| text(log, "address").eq_ignore_ascii_case(&terms.asset))
            .filter(|log| log["topics"][0].as_str().is_some_and(|topic| topic.eq_ignore_ascii_case(TRANSFER)))
            .filter(|log| number(log, "logIndex").is_some_and(|index| index > position))
            .min_by_key(|log| number(log, "logIndex"));
        let paid = transfer.is_some_and(|transfer| {
            let topic = |index: usize| transfer["topics"][index].as_str().unwrap_or_default();
            topic(1).eq_ignore_ascii_case(&word(&authorization.from))
                && topic(2).eq_ignore_ascii_case(&word(&terms.pay_to))
                && number(transfer, "data").is_some_and(|amount| amount.to_string() == terms.amount)
        });
        let succeeded = number(&receipt, "status") == Some(1);
        Ok(if paid && succeeded {
            AuthorizationState::Paid(transaction)
        } else {
            AuthorizationState::Elsewhere
        })
    }

    /// A block at or before this time, and not long before it where there are blocks.
    async fn block_before(&self, time: u64, latest: Block) -> Result<u64, LookupError> {
        if latest.timestamp <= time || latest.number == 0 {
            return Ok(latest.number);
        }
        // `later` is after the time; `earlier` is the last block known to be before it.
        let (mut later, mut earlier) = (latest, None::<Block>);
        // Base makes a block in two seconds; the first answer shows how it is here.
        let mut distance = (latest.timestamp - time).div_ceil(2);
        for guesses in 0..MOST_GUESSES {
            let by_pace = later.number.saturating_sub(distance.max(1));
            let guess = match earlier {
                Some(earlier) if later.number - earlier.number <= 1 => return Ok(earlier.number),
                // The pace leads astray: halve what is left.
                Some(earlier) if guesses >= GUESSES_BY_PACE || by_pace <= earlier.number => {
                    earlier.number.midpoint(later.number)
                }
                _ => by_pace,
            };
            let block = self.block(&quantity(guess)).await?;
            if block.timestamp > time {
                if guess == 0 {
                    return Ok(0);
                }
                distance = stride(block, later, time);
                later = block;
            } else if time - block.timestamp <= NEAR_SECONDS {
                return Ok(block.number);
            } else {
                // Too far back: measure from here how many blocks the rest of the way has.
                let span = later.number - block.number;
                let (rest, all) = (later.timestamp - time, later.timestamp - block.timestamp);
                distance = scaled(span, rest, all.max(1));
                earlier = Some(block);
            }
        }
        earlier.map(|block| block.number).ok_or(LookupError("the block of a time could not be found"))
    }

    async fn check_network(&self) -> Result<(), LookupError> {
        let answer = self.call("eth_chainId", json!([])).await?;
        if parse(answer.as_str().unwrap_or_default()) == Some(self.network) {
            return Ok(());
        }
        tracing::error!("VALIDIBOT_X402_RPC_URL is a node of another network than VALIDIBOT_X402_NETWORK");
        Err(LookupError("it is of another network"))
    }

    async fn block(&self, which: &str) -> Result<Block, LookupError> {
        let block = self.call("eth_getBlockByNumber", json!([which, false])).await?;
        let (number, timestamp) = (number(&block, "number"), number(&block, "timestamp"));
        Ok(Block { number: number.ok_or(NOT_UNDERSTOOD)?, timestamp: timestamp.ok_or(NOT_UNDERSTOOD)? })
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, LookupError> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self.http.post(self.url.expose_secret()).json(&question);
        let response = request.send().await.map_err(|_| LookupError("it cannot be reached"))?;
        let body = http_body::read(response, MAX_BODY_BYTES).await.map_err(|_| NOT_UNDERSTOOD)?;
        let mut answer: Value = json_of_others::read(&body, MAX_NODES).map_err(|_| NOT_UNDERSTOOD)?;
        match answer.get_mut("result").map(Value::take) {
            Some(result) if !result.is_null() => Ok(result),
            _ => Err(LookupError("it refused the question")),
        }
    }
}

const NOT_UNDERSTOOD: LookupError = LookupError("its answer could not be understood");

/// How many blocks to go back from `block`, at the pace between it and `later`, and somewhat more.
fn stride(block: Block, later: Block, time: u64) -> u64 {
    let (span, took) = (later.number - block.number, later.timestamp - block.timestamp);
    let pace = scaled(span, block.timestamp - time, took.max(1));
    pace + pace / 8 + 1
}

/// `span * part / whole`, without overflow.
fn scaled(span: u64, part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(span) * u128::from(part) / u128::from(whole)).unwrap_or(u64::MAX)
}

/// An address as a 32-byte word.
fn word(address: &str) -> String {
    format!("0x{:0>64}", address.trim_start_matches("0x").to_ascii_lowercase())
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(object: &Value, key: &str) -> Option<u64> {
    parse(text(object, key))
}

fn parse(hex: &str) -> Option<u64> {
    let digits = hex.strip_prefix("0x")?.trim_start_matches('0');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 16).ok() }
}

#[cfg(test)]
mod tests;
