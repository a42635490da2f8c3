//! A client that asks without pause, from outside and from inside the project's network, and the ledger of all that it got.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use suite::mcp::{Client, Era, Reply};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Where a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At the service's public address.
    Outside,
    /// Where ingress keeps nobody out.
    Inside,
}

/// What one question got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// The right result.
    Right,
    /// The tool's own word that it is switched off, `SERVICE_UNAVAILABLE`.
    SwitchedOff,
    /// The front end's page: 404 where ingress keeps everybody out, 503 where an instance is gone.
    FrontEnd,
}

/// A question with its answer; an error is what no client may ever see.
#[derive(Debug)]
pub(crate) struct Poll {
    from: From,
    method: &'static str,
    got: Result<Got, String>,
}

/// A round is `hello`, the list of tools and the list of workflows, at both addresses.
const ROUND: usize = 6;

/// Far above any answer on a busy machine: what is not there by then hangs.
const HANGS: Duration = Duration::from_mins(1);

/// For things that come, however slow the machine is.
const PATIENCE: Duration = Duration::from_mins(5);

/// A client at one address, and what the right results are.
struct Asker {
    from: From,
    client: Client,
    era: Era,
    right: Vec<Value>,
}

/// The client, asking until it is stopped.
pub(crate) struct Polling {
    stop: Arc<AtomicBool>,
    rounds: watch::Receiver<Vec<Got>>,
    task: JoinHandle<Vec<Poll>>,
}

impl Asker {
    /// Asks each question once, of a server that is right: the answers to compare with.
    async fn new(from: From, url: &str, era: Era, token: &str) -> Self {
        let client = Client::new(&format!("{url}/mcp"), era).with_token(token);
        let mut asker = Self { from, client, era, right: Vec::new() };
        for (method, params) in asker.questions() {
            let result = asker.client.request(method, params).await.result();
            assert_ne!(result["isError"], true, "{result}");
            asker.right.push(result);
        }
        asker
    }

    fn questions(&self) -> [(&'static str, Value); 3] {
        let call = json!({ "name": "list_workflows", "arguments": {} });
        [self.era.hello(), ("tools/list", json!({})), ("tools/call", call)]
    }

    async fn ask(&self, ledger: &mut Vec<Poll>) {
        for ((method, params), right) in self.questions().into_iter().zip(&self.right) {
            let got = match timeout(HANGS, self.client.attempt(method, params)).await {
                Ok(Ok(reply)) => understand(&reply, right),
                Ok(Err(error)) => Err(format!("no answer: {error:?}")),
                Err(_) => Err(format!("no answer within {} s", HANGS.as_secs())),
            };
            ledger.push(Poll { from: self.from, method, got });
        }
    }
}

fn understand(reply: &Reply, right: &Value) -> Result<Got, String> {
    let result = reply.answer.as_ref().map(|answer| &answer["result"]);
    let code = result.map(|result| &result["structuredContent"]["error"]["code"]);
    let page = format!("<title>Error {}</title>", reply.status);
    match reply.status {
        200 if result == Some(right) => Ok(Got::Right),
        200 if code.is_some_and(|code| code == "SERVICE_UNAVAILABLE") => Ok(Got::SwitchedOff),
        404 | 503 if reply.answer.is_none() && reply.body.contains(&page) => Ok(Got::FrontEnd),
        status => Err(format!("HTTP {status} {}", reply.body)),
    }
}

impl Polling {
    /// Begins; the server has to be right at this moment.
    pub(crate) async fn start(outside: &str, inside: &str, token: &str) -> Self {
        let askers = [
            Asker::new(From::Outside, outside, Era::Legacy, token).await,
            Asker::new(From::Inside, inside, Era::Modern, token).await,
        ];
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (tell, rounds) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            let mut ledger = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                for asker in &askers {
                    asker.ask(&mut ledger).await;
                }
                let round = ledger[ledger.len() - ROUND..].iter().filter_map(|poll| poll.got.clone().ok());
                // Nobody may be waiting for it.
                let _ = tell.send(round.collect());
            }
            ledger
        });
        Self { stop, rounds, task }
    }

    /// What a round gets that begins after this call, outside and inside.
    pub(crate) async fn round(&mut self) -> [[Got; ROUND / 2]; 2] {
        // The first one that ends has begun before.
        for _ in 0..2 {
            self.rounds.mark_unchanged();
            timeout(PATIENCE, self.rounds.changed()).await.expect("rounds end").expect("it asks on");
        }
        let got = self.rounds.borrow().clone();
        let Ok(got): Result<[Got; ROUND], _> = got.try_into() else {
            panic!("an answer that no client may see")
        };
        [[got[0], got[1], got[2]], [got[3], got[4], got[5]]]
    }

    /// Ends, while the server is still there; all that was asked and got.
    pub(crate) async fn stop(self) -> Vec<Poll> {
        self.stop.store(true, Ordering::SeqCst);
        timeout(PATIENCE, self.task).await.expect("a round ends").expect("no panic")
    }
}

/// Every answer was one that a client may see, and each kind of them has been seen.
pub(crate) fn check(ledger: &[Poll]) {
    let wrong: Vec<&Poll> = ledger.iter().filter(|poll| poll.got.is_err()).collect();
    assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), ledger.len(), &wrong[..wrong.len().min(5)]);
    let count = |from: From, got: Got| {
        let these = ledger.iter().filter(|poll| poll.from == from && poll.got.as_ref() == Ok(&got));
        these.count()
    };
    for (from, got) in [
        (From::Outside, Got::Right),
        (From::Outside, Got::FrontEnd),
        (From::Inside, Got::Right),
        (From::Inside, Got::SwitchedOff),
    ] {
        assert!(count(from, got) > 0, "{from:?} never got {got:?} in {} questions", ledger.len());
    }
    // What is said of the tools is no tool: it stays right.
    let off = ledger.iter().filter(|poll| poll.got == Ok(Got::SwitchedOff));
    assert_eq!(off.map(|poll| poll.method).find(|method| *method != "tools/call"), None);
}
