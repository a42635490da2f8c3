//! Members of one instance, and people who sign in to it: who they are, and how long they wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::net::{free_port, http_client, one_connection_each};
use suite::server::{CLIENT_SECRET, Server};
use suite::sign_in::sign_in;
use tokio::task::{JoinSet, spawn};
use tokio::time::{Instant, sleep, timeout};

/// Of one member, between an answer and the next request: what is measured is waiting, and not how busy the machine is.
const PAUSE: Duration = Duration::from_millis(50);
/// Above the server's longest deadline. Who has not heard by then never will.
const DEADLINE: Duration = Duration::from_secs(90);

/// What members do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A call on a connection that stays open.
    Call,
    /// A call on a connection of its own.
    NewCall,
    /// A file that is validated.
    Run,
    /// A whole sign-in: registration, consent, code and tokens, each on a connection of its own; then a first call.
    SignIn,
    /// A probe, on a connection of its own.
    Probe,
}

/// How each of them is done, and by how many at once.
const KINDS: [(Kind, usize); 5] =
    [(Kind::Call, 2), (Kind::NewCall, 2), (Kind::Run, 1), (Kind::SignIn, 1), (Kind::Probe, 1)];

/// How long answers took, in milliseconds, and what went wrong.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) took: Vec<f64>,
    pub(super) failed: Vec<String>,
}

/// The instance, and what stands behind it.
pub(super) struct Members {
    _sandbox: Sandbox,
    server: Server,
    base: String,
    kept: reqwest::Client,
}

impl Members {
    pub(super) async fn arrive() -> Self {
        let base = format!("http://127.0.0.1:{}", free_port());
        let sandbox = Sandbox::builder()
            .auto_login(true)
            .oauth_client_secret(CLIENT_SECRET)
            .mcp_base_url(&base)
            .throttle(10_000_000)
            .recording(false)
            .start()
            .await
            .expect("a sandbox");
        let server = Server::with_sign_in(&sandbox).at(&base).start().await;
        Self { _sandbox: sandbox, server, base, kept: http_client() }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// All of them at once, for so long.
    pub(super) async fn traffic(self: &Arc<Self>, length: Duration) -> BTreeMap<Kind, Series> {
        let end = Instant::now() + length;
        let mut members = JoinSet::new();
        for (kind, many) in KINDS {
            for _ in 0..many {
                members.spawn(self.clone().member(kind, end));
            }
        }
        let mut all: BTreeMap<Kind, Series> = BTreeMap::new();
        while let Some(member) = members.join_next().await {
            let (kind, series) = member.expect("a member does not panic");
            let of_kind = all.entry(kind).or_default();
            of_kind.took.extend(series.took);
            of_kind.failed.extend(series.failed);
        }
        all
    }

    async fn member(self: Arc<Self>, kind: Kind, end: Instant) -> (Kind, Series) {
        let mut series = Series::default();
        while Instant::now() < end {
            let begun = Instant::now();
            // A task of its own: a sign-in panics where a page is not the one that it waits for.
            let done = spawn(timeout(DEADLINE, self.clone().once(kind))).await;
            let took = begun.elapsed();
            match done {
                Ok(Ok(Ok(()))) => series.took.push(took.as_secs_f64() * 1000.0),
                Ok(Ok(Err(reason))) => series.failed.push(reason),
                Ok(Err(_)) => series.failed.push("no answer in time".to_owned()),
                Err(panic) => series.failed.push(panic.to_string()),
            }
            sleep(PAUSE).await;
        }
        (kind, series)
    }

    async fn once(self: Arc<Self>, kind: Kind) -> Result<(), String> {
        let new = one_connection_each();
        match kind {
            Kind::Call => self.list(&self.kept, fixtures::DEMO_TOKEN).await,
            Kind::NewCall => self.list(new, fixtures::DEMO_TOKEN).await,
            Kind::SignIn => self.list(new, &sign_in(&self.base).await.access_token).await,
            Kind::Run => {
                let file = json!({
                    "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
                    "file_name": "model.json",
                    "text": String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL),
                });
                let answer = self.call(&self.kept, fixtures::DEMO_TOKEN, "validate_file", file).await?;
                if answer["run_ref"].is_string() { Ok(()) } else { Err(format!("no run: {answer}")) }
            }
            Kind::Probe => {
                let answer = new.get(format!("{}/livez", self.base)).send().await;
                let status = answer.map_err(|error| format!("{error:?}"))?.status();
                if status.is_success() { Ok(()) } else { Err(format!("/livez is {status}")) }
            }
        }
    }

    async fn list(&self, http: &reqwest::Client, token: &str) -> Result<(), String> {
        let answer = self.call(http, token, "list_workflows", json!({})).await?;
        let listed = answer["result"].as_array().is_some_and(|list| !list.is_empty());
        if listed { Ok(()) } else { Err(format!("no workflows: {answer}")) }
    }

    /// What a tool answers.
    async fn call(
        &self,
        http: &reqwest::Client,
        token: &str,
        tool: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        let params = json!({ "name": tool, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = http
            .post(format!("{}/mcp", self.base))
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body);
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        let (status, text) = (answer.status(), answer.text().await.map_err(|error| format!("{error:?}"))?);
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| format!("HTTP {status}: {text}"))?;
        if status.is_success() && answer["result"]["isError"] != true {
            Ok(answer["result"]["structuredContent"].take())
        } else {
            Err(format!("HTTP {status}: {answer}"))
        }
    }
}
