//! The callers: each goes through all kinds of calls, over and over.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sandbox::fixtures;
use serde_json::{Value, json};
use suite::net::http_client;
use suite::proxy::FAILED;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::ledger::{Entry, Kind, Outcome};
use crate::login::Login;
use crate::stack::Stack;

/// Callers at once: enough that something is always under way, little enough for a machine that does more.
const CALLERS: usize = 6;
/// Each call of a caller begins this long after the one before has ended.
const PAUSE: Duration = Duration::from_millis(15);
/// How often a file is sent with one ticket.
const UPLOADS: usize = 5;
/// Above the server's longest deadline. Who has not heard by then never will.
const DEADLINE: Duration = Duration::from_secs(90);

/// All callers under way.
pub(crate) struct Callers {
    stop: Arc<AtomicBool>,
    lost: Lost,
    tasks: Vec<JoinHandle<Vec<Entry>>>,
}

/// Why logins were lost.
type Lost = Arc<Mutex<Vec<String>>>;

/// One caller.
struct Caller {
    http: reqwest::Client,
    stack: Arc<Stack>,
    /// `None` where it has an API token.
    login: Option<Login>,
    lost: Lost,
    ids: Arc<AtomicU64>,
    entries: Vec<Entry>,
}

/// An answer as it came.
struct Answer {
    status: u16,
    /// The proxy's own, for an instance that did not answer.
    of_the_proxy: bool,
    body: Value,
}

/// Signs all of them in, unless their API token is all that Validibot takes, then lets them go.
pub(crate) async fn start(stack: &Arc<Stack>, signed_in: bool) -> Callers {
    let (stop, ids, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Lost::default());
    let mut tasks = Vec::new();
    for number in 0..CALLERS {
        let login = if signed_in { Some(Login::sign_in(stack).await) } else { None };
        let (stack, ids, lost) = (stack.clone(), ids.clone(), lost.clone());
        let mut caller = Caller { http: http_client(), stack, login, lost, ids, entries: Vec::new() };
        let stop = stop.clone();
        tasks.push(tokio::spawn(async move {
            // Not all with the same kind at the same time.
            for kind in Kind::ALL.into_iter().cycle().skip(number) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                caller.call(kind).await;
                sleep(PAUSE).await;
            }
            caller.entries
        }));
    }
    Callers { stop, lost, tasks }
}

impl Callers {
    /// Lets what is under way finish; every call, and why logins were lost.
    pub(crate) async fn finish(self) -> (Vec<Entry>, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut entries = Vec::new();
        for task in self.tasks {
            entries.extend(task.await.expect("a caller does not panic"));
        }
        let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        (entries, lost)
    }
}

impl Caller {
    async fn call(&mut self, kind: Kind) {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let token = match kind {
            Kind::List | Kind::BadArguments => fixtures::DEMO_TOKEN.to_owned(),
            Kind::BadToken => format!("vbk_1_{id:032x}_nobody"),
            _ => match &self.login {
                Some(login) => login.access_token().await,
                None => fixtures::DEMO_TOKEN.to_owned(),
            },
        };
        let name = format!("soak-{id}.json");
        let workflow = Stack::workflow();
        let model = String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL);
        let from = Instant::now();
        let answer = match kind {
            Kind::List | Kind::BadToken => self.tool(&token, "list_workflows", json!({})).await,
            Kind::Details => {
                self.tool(&token, "get_workflow_details", json!({ "workflow_ref": workflow })).await
            }
            Kind::Unknown => {
                let unknown = fixtures::workflow_ref(fixtures::ACME, "no-such-workflow");
                self.tool(&token, "get_workflow_details", json!({ "workflow_ref": unknown })).await
            }
            Kind::BadArguments => self.tool(&token, "get_run_status", json!({ "run_ref": 7 })).await,
            Kind::Resource => {
                let params = json!({ "uri": format!("validibot://workflows/{workflow}") });
                self.post(&token, "resources/read", params).await
            }
            Kind::Run => {
                let file = json!({ "workflow_ref": workflow, "file_name": name, "text": model });
                self.tool(&token, "validate_file", file).await
            }
            Kind::Upload => self.upload(&token, &workflow, &name, &model).await,
        };
        let outcome = answer.map_or_else(Outcome::Nothing, |answer| answer.judged(kind));
        let refused = outcome == Outcome::Refused("HTTP 401".to_owned());
        if refused
            && let Some(login) = &self.login
            && let Err(reason) = login.renew(&self.stack, &token).await
        {
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
        }
        let troubles = self.stack.troubles(from);
        self.entries.push(Entry { kind, file: kind.starts_a_run().then_some(name), outcome, troubles });
    }

    async fn tool(&self, token: &str, tool: &str, arguments: Value) -> Result<Answer, String> {
        self.post(token, "tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    async fn post(&self, token: &str, method: &str, params: Value) -> Result<Answer, String> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self
            .http
            .post(self.stack.mcp_url())
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body);
        Answer::to(request).await
    }

    /// A ticket, and the file with it: again where the answer says that nothing was done, and when to come back.
    async fn upload(&self, token: &str, workflow: &str, name: &str, file: &str) -> Result<Answer, String> {
        let ticket = self
            .tool(token, "prepare_upload", json!({ "workflow_ref": workflow, "file_name": name }))
            .await?;
        let prepared = &ticket.body["result"]["structuredContent"];
        let (Some(url), Some(sealed)) =
            (prepared["url"].as_str(), prepared["headers"]["X-Validibot-Upload-Ticket"].as_str())
        else {
            return Ok(ticket);
        };
        let mut tries = 0;
        loop {
            let request =
                self.http.put(url).header("X-Validibot-Upload-Ticket", sealed).body(file.to_owned());
            let answer = Answer::to(request).await?;
            let data = &answer.body["error"]["data"];
            tries += 1;
            match data["retry_after_seconds"].as_u64() {
                Some(seconds) if data["run_started"].is_null() && tries < UPLOADS => {
                    sleep(Duration::from_secs(seconds)).await;
                }
                _ => return Ok(answer),
            }
        }
    }
}

impl Answer {
    async fn to(request: reqwest::RequestBuilder) -> Result<Self, String> {
        let answer =
            request.timeout(DEADLINE).send().await.map_err(|error| format!("no answer: {error:?}"))?;
        let (status, of_the_proxy) = (answer.status().as_u16(), answer.headers().contains_key(FAILED));
        let body = answer.text().await.map_err(|error| format!("half an answer: {error:?}"))?;
        Ok(Self { status, of_the_proxy, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) })
    }

    fn judged(self, kind: Kind) -> Outcome {
        let Self { status, of_the_proxy, body } = self;
        if of_the_proxy {
            return Outcome::Refused("no instance".to_owned());
        }
        let result = &body["result"];
        let payload = if kind == Kind::Upload && body["jsonrpc"].is_null() {
            &body
        } else {
            &result["structuredContent"]
        };
        let code = payload["error"]["code"].as_str();
        let right = match kind {
            Kind::List => payload["result"].as_array().is_some_and(|list| !list.is_empty()),
            Kind::Details => payload["slug"] == fixtures::ENERGY_MODEL,
            Kind::Unknown => code == Some("NOT_FOUND"),
            Kind::BadArguments => code == Some("INVALID_PARAMS"),
            Kind::BadToken => status == 401,
            Kind::Resource => result["contents"].as_array().is_some_and(|contents| !contents.is_empty()),
            Kind::Run | Kind::Upload => payload["run_ref"].is_string(),
        };
        if right {
            return Outcome::Right;
        }
        // Resources have no results to say it in: a JSON-RPC error carries the same payload.
        let code = code.or_else(|| body["error"]["data"]["code"].as_str());
        match (status, code) {
            (_, Some(code)) => Outcome::Refused(code.to_owned()),
            (401 | 503, None) => Outcome::Refused(format!("HTTP {status}")),
            _ => Outcome::Wrong(format!("HTTP {status}: {body}")),
        }
    }
}
