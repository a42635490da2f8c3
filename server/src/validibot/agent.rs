//! Validibot's API for agents that pay (contract, A8). Its catalogue and runs are public; only a launch is proven, by
//! this server's identity, since it tells Validibot that money has arrived.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::answer::Answer;
use super::error::ApiError;
use super::identity::Identity;
use super::wire::Wire;
use super::{LAUNCH_DEADLINE, READ_DEADLINE, WorkflowRef};
use crate::base::lifecycle::Lifecycle;
use crate::base::random::SharedRandom;
use crate::config::{BaseUrl, Reach, ServiceIdentity};
use crate::telemetry::hops::{self, Hop};
use crate::telemetry::metrics::Metrics;

/// The largest file that fits Validibot's body limit of 10 485 760 bytes in base64: this API takes it inside JSON.
pub const MAX_PAID_FILE_BYTES: usize = (10_485_760 - 1024) / 4 * 3;

/// A client of Validibot's agent API.
pub struct AgentApi {
    wire: Wire,
    identity: Identity,
}

/// What a settled payment is, in the words of this API's headers.
#[derive(Debug)]
pub struct SettledPayment<'a> {
    /// The transaction that moved the money. Validibot starts one run for each.
    pub transaction: &'a str,
    /// Who paid.
    pub wallet: &'a str,
    /// How much, in the token's smallest unit.
    pub amount: &'a str,
    /// The network (CAIP-2).
    pub network: &'a str,
    /// The token's contract.
    pub asset: &'a str,
    /// Who was paid.
    pub pay_to: &'a str,
}

/// A file, and the workflow that it is for.
pub struct PaidFile<'a> {
    /// The workflow's slug.
    pub workflow: &'a str,
    /// Its organisation's slug.
    pub org: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// Its bytes, at most [`MAX_PAID_FILE_BYTES`].
    pub content: &'a [u8],
}

impl AgentApi {
    /// Remembers where to call and how to prove ourselves; calls nothing.
    pub(crate) fn new(
        base: BaseUrl,
        reach: Reach,
        identity: &ServiceIdentity,
        http: reqwest::Client,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<Metrics>,
        random: SharedRandom,
    ) -> Self {
        let wire = Wire::new(base, reach, http, lifecycle, metrics, random);
        Self { wire, identity: Identity::new(identity) }
    }

    /// The catalogue, as it comes: not all of it has to be for sale.
    pub async fn workflows(&self) -> Result<Vec<Value>, ApiError> {
        self.read("/api/v1/agent/workflows/", None, Instant::now() + READ_DEADLINE).await?.agent_catalogue()
    }

    /// One workflow with its price.
    pub async fn workflow(&self, workflow: &WorkflowRef) -> Result<Map<String, Value>, ApiError> {
        let path = format!("/api/v1/agent/workflows/{workflow}/");
        self.read(&path, None, Instant::now() + READ_DEADLINE).await?.workflow()
    }

    /// One run's state, asked until `deadline` at the latest. `id` and `wallet` come out of a sealed reference.
    pub async fn run(
        &self,
        id: &str,
        wallet: &str,
        deadline: Option<Instant>,
    ) -> Result<Map<String, Value>, ApiError> {
        let path = format!("/api/v1/agent/runs/{id}/");
        let latest = Instant::now() + READ_DEADLINE;
        let deadline = deadline.map_or(latest, |deadline| deadline.min(latest));
        self.read(&path, Some(("wallet_address", wallet)), deadline).await?.run()
    }

    /// Starts the run of a payment, or finds the one that it has already started: the transaction makes it one.
    /// So this is the one launch that may be tried again.
    pub async fn launch(
        &self,
        payment: &SettledPayment<'_>,
        file: &PaidFile<'_>,
    ) -> Result<Map<String, Value>, ApiError> {
        let name = ascii(file.name);
        let headers = [
            ("X-X402-TxHash", payment.transaction),
            ("X-X402-Wallet", payment.wallet),
            ("X-X402-Amount", payment.amount),
            ("X-X402-Network", payment.network),
            ("X-X402-Asset", payment.asset),
            ("X-X402-Pay-To", payment.pay_to),
            ("X-X402-Workflow-Slug", file.workflow),
            ("X-X402-Org-Slug", file.org),
            ("X-X402-File-Name", &name),
        ];
        let body = Bytes::from(json!({ "file_content": STANDARD.encode(file.content) }).to_string());
        let deadline = Instant::now() + LAUNCH_DEADLINE;
        let mut attempts = self.wire.retries.until(deadline);
        loop {
            let asking = Instant::now();
            let proof = self.identity.proof().await;
            hops::note(Hop::Identity, asking.elapsed());
            let proof = proof?;
            let mut request =
                self.identity.add(self.wire.request(Method::POST, "/api/v1/agent/runs/"), &proof)?;
            for (name, value) in headers {
                if !value.is_empty() {
                    request = request.header(name, value);
                }
            }
            let request = request.header("Content-Type", "application/json").body(body.clone());
            // One attempt gets half of the time, so that there is a second one.
            let latest = deadline.min(Instant::now() + LAUNCH_DEADLINE / 2);
            let started = self.wire.exchange(Method::POST, request, latest).await.and_then(Answer::run);
            match started {
                Err(error) if error.status == Some(401) => {
                    self.identity.refused(&proof);
                    return Err(error);
                }
                Err(error) => attempts.after(error).await?,
                Ok(run) => return Ok(run),
            }
        }
    }

    async fn read(
        &self,
        path: &str,
        query: Option<(&str, &str)>,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let mut attempts = self.wire.retries.until(deadline);
        loop {
            let request = self.wire.request(Method::GET, path).query(query.as_slice());
            match self.wire.exchange(Method::GET, request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.after(error).await?,
            }
        }
    }
}

/// A file's name as a header can carry it: the extension says what it is, the rest is for people.
fn ascii(name: &str) -> String {
    const LONGEST: usize = 128;
    let plain: Vec<char> =
        name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    let surplus = plain.len().saturating_sub(LONGEST);
    plain[surplus..].iter().collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn a_name_keeps_its_extension_and_becomes_a_header() {
        assert_eq!(ascii("Büro 1.json"), "B_ro 1.json");
        assert_eq!(ascii("a\r\nX-X402-Amount: 0.json"), "a__X-X402-Amount: 0.json");
        let long = ascii(&("a".repeat(300) + ".json"));
        assert!(long.len() == 128 && &long[123..] == ".json");
    }
}
