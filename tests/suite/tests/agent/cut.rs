//! The answers of launches, cut off at each place at which a network can: after every byte of the head, and at ten places of
//! the body.

use futures_util::{StreamExt as _, stream};
use sandbox::{Sandbox, Version, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::proxy::{self, Cutting};
use suite::server::Server;

/// How many launches are made at once: most of their time goes into pauses between attempts.
const AT_ONCE: usize = 24;
/// Places of the body.
const OF_THE_BODY: usize = 10;

struct Stack {
    sandbox: Sandbox,
    proxy: Cutting,
    instances: [Server; 2],
}

impl Stack {
    async fn start(version: Version, backend: &str) -> Self {
        let sandbox = Sandbox::builder()
            .version(version)
            .throttle(1_000_000)
            .launch_throttle(1_000_000)
            .start()
            .await
            .expect("a sandbox");
        let proxy = Cutting::start(proxy::listener().await, sandbox.url());
        let instance = async || {
            super::server(&sandbox)
                .env("VALIDIBOT_API_BASE_URL", proxy.url())
                .env("VALIDIBOT_BACKEND", backend)
                .start()
                .await
        };
        let instances = [instance().await, instance().await];
        Self { sandbox, proxy, instances }
    }

    fn clients(&self) -> [Client; 2] {
        [0, 1].map(|n| super::client(&self.instances[n], Era::Modern))
    }

    /// Where the answer of a launch is cut.
    async fn places(&self) -> Vec<usize> {
        self.clients()[0].call_tool("validate_file", launch("measured.json")).await.success();
        let (head, whole) = self.proxy.measured().expect("an answer");
        let body = whole - head;
        assert!(head > 100 && body > 100, "{head} {body}");
        (0..=head).chain((1..=OF_THE_BODY).map(|n| head + n * body / (OF_THE_BODY + 1))).collect()
    }
}

fn launch(name: &str) -> Value {
    let text = String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL);
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    json!({ "workflow_ref": workflow, "file_name": name, "text": text })
}

/// Three calls for each launch, on two instances: the answers of the first two are cut.
#[tokio::test]
async fn by_the_rest_api_there_are_as_many_runs_as_intents_wherever_answers_are_cut() {
    let stack = Stack::start(Version::V0_16, "auto").await;
    let (places, clients) = (stack.places().await, stack.clients());
    let once = async |place: usize| {
        let name = format!("cut-{place}.json");
        let mut arguments = launch(&name);
        // Half of the launches are named by the caller, and the others by the error of their first call.
        if place.is_multiple_of(2) {
            arguments["idempotency_key"] = format!("launch {place}").into();
        }
        stack.proxy.cut(&name, place);
        for client in &clients {
            let lost = client.call_tool("validate_file", arguments.clone()).await;
            let data = &lost.structured["error"]["data"];
            assert_eq!(data["run_started"], "unknown", "after {place} bytes: {}", lost.text);
            arguments["idempotency_key"] = data["idempotency_key"].clone();
        }
        stack.proxy.mend(&name);
        let run = clients[0].call_tool("validate_file", arguments).await.success();
        assert_eq!(run["result"], "PASS", "after {place} bytes: {run}");
    };
    let all = stream::iter(places.iter().copied()).map(once).buffer_unordered(AT_ONCE);
    let done = all.collect::<Vec<()>>().await.len();
    // The one that was measured came first.
    assert_eq!((done, stack.sandbox.runs()), (places.len(), places.len() + 1));
}

/// Without keys a launch is sent once, and the answer says that nobody knows.
#[tokio::test]
async fn by_the_helper_api_there_is_one_run_for_each_call_and_its_fate_is_unknown() {
    let stack = Stack::start(Version::V0_15, "helper").await;
    let (places, clients) = (stack.places().await, stack.clients());
    stack.sandbox.clear_received();
    let once = async |place: usize| {
        let name = format!("cut-{place}.json");
        stack.proxy.cut(&name, place);
        let lost = clients[place % 2].call_tool("validate_file", launch(&name)).await;
        let data = &lost.structured["error"]["data"];
        assert_eq!(data["run_started"], "unknown", "after {place} bytes: {}", lost.text);
        assert!(lost.text.contains("it was not tried again"), "after {place} bytes: {}", lost.text);
    };
    let all = stream::iter(places.iter().copied()).map(once).buffer_unordered(AT_ONCE);
    let done = all.collect::<Vec<()>>().await.len();
    assert_eq!((done, stack.sandbox.runs()), (places.len(), places.len() + 1));
    let launches = stack.sandbox.received().iter().filter(|request| request.path.ends_with("/runs/")).count();
    assert_eq!(launches, places.len(), "each was sent once");
}
