//! The table, written by hand.

use futures_util::future::join_all;
use sandbox::{Fault, fixtures};
use suite::mcp::ToolResult;
use tokio::time::Instant;

use crate::{Endpoint, Stack};

/// What an agent gets for a fault.
struct Row {
    fault: Fault,
    code: &'static str,
    status: u16,
    /// The requests that reach Validibot when the call is a read.
    reads: usize,
    /// Whether a launch may have started a run.
    in_doubt: bool,
}

const fn row(fault: Fault, code: &'static str, status: u16, reads: usize, in_doubt: bool) -> Row {
    Row { fault, code, status, reads, in_doubt }
}

/// What may pass is tried three times when nothing can be started twice; a launch is sent once.
fn table() -> Vec<Row> {
    vec![
        row(Fault::Cut, "UPSTREAM_UNAVAILABLE", 503, 3, true),
        row(Fault::CutMidway, "UPSTREAM_UNAVAILABLE", 503, 3, true),
        row(Fault::Status(500), "UPSTREAM_UNAVAILABLE", 500, 1, true),
        row(Fault::Status(502), "UPSTREAM_UNAVAILABLE", 502, 3, true),
        row(Fault::Status(503), "UPSTREAM_UNAVAILABLE", 503, 3, true),
        row(Fault::Status(504), "UPSTREAM_UNAVAILABLE", 504, 3, true),
        row(Fault::Html(503), "UPSTREAM_UNAVAILABLE", 503, 3, true),
        row(Fault::StatusWithRetryAfter(429, 1), "RATE_LIMITED", 429, 3, false),
        row(Fault::StatusWithRetryAfter(429, 600), "RATE_LIMITED", 429, 1, false),
        // No word of when to come back: a guess of ours is too long to sit out.
        row(Fault::Status(429), "RATE_LIMITED", 429, 1, false),
        row(Fault::Html(429), "RATE_LIMITED", 429, 1, false),
        row(Fault::Html(200), "API_ERROR", 200, 1, true),
        row(Fault::TruncatedJson, "API_ERROR", 0, 1, true),
        row(Fault::WrongTypes, "API_ERROR", 0, 1, true),
        row(Fault::Redirect("http://127.0.0.1:1/elsewhere".to_owned()), "API_ERROR", 302, 1, true),
        row(Fault::Oversized(30_000_000), "API_ERROR", 200, 1, true),
    ]
}

/// Silence, and nobody there: rows that need more than a fault of the route.
const SILENCE: Row = row(Fault::Hang, "UPSTREAM_UNAVAILABLE", 504, 1, true);

#[tokio::test]
async fn each_fault_of_each_endpoint_has_its_code_and_costs_its_requests() {
    let stack = Stack::start().await;
    for row in table() {
        for endpoint in Endpoint::ALL {
            stack.sandbox.behave();
            stack.sandbox.misbehave(endpoint.route(), row.fault.clone());
            holds(&stack, endpoint, &row).await;
        }
    }
    stack.sandbox.behave();
    for endpoint in Endpoint::ALL {
        let (tool, arguments) = endpoint.call(&stack.run_ref);
        stack.client.call_tool(tool, arguments).await.success();
    }
    no_panic_and_no_leak(&stack);
}

/// By whom another API could be asked, that one answers (the agent suite). Where there is to be none, it is no missing workflow.
#[tokio::test]
async fn an_endpoint_that_is_gone_is_no_missing_workflow() {
    let stack = Stack::start_with(|builder| builder.env("VALIDIBOT_BACKEND", "helper")).await;
    let gone = row(Fault::Html(404), "API_ERROR", 404, 1, false);
    for endpoint in Endpoint::ALL {
        stack.sandbox.misbehave(endpoint.route(), gone.fault.clone());
        holds(&stack, endpoint, &gone).await;
    }
    no_panic_and_no_leak(&stack);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let stacks = join_all(Endpoint::ALL.map(|_| Stack::start())).await;
    join_all(stacks.iter().zip(Endpoint::ALL).map(async |(stack, endpoint)| {
        stack.sandbox.misbehave(endpoint.route(), SILENCE.fault);
        holds(stack, endpoint, &SILENCE).await;
        no_panic_and_no_leak(stack);
    }))
    .await;
}

#[tokio::test]
async fn nobody_there_is_certain_to_have_started_nothing() {
    let Stack { sandbox, server, client, run_ref } = Stack::start().await;
    sandbox.stop().await;
    for endpoint in Endpoint::ALL {
        let (tool, arguments) = endpoint.call(&run_ref);
        let result = client.call_tool(tool, arguments).await;
        told(&result, endpoint, "UPSTREAM_UNAVAILABLE", 503);
        let data = &result.structured["error"]["data"];
        assert_eq!(data.get("run_started"), None, "{endpoint:?}: {data}");
    }
    assert!(!server.logs.text().contains("panic"), "{}", server.logs.text());
}

async fn holds(stack: &Stack, endpoint: Endpoint, row: &Row) {
    let what = format!("{endpoint:?}, {:?}", row.fault);
    stack.sandbox.clear_received();
    let (tool, arguments) = endpoint.call(&stack.run_ref);
    let started = Instant::now();
    let result = stack.client.call_tool(tool, arguments).await;
    assert!(started.elapsed() < endpoint.deadline(), "{what}: {:?}", started.elapsed());
    // A spoilt success has the status of the endpoint's success.
    let success = if endpoint == Endpoint::Launch { 201 } else { 200 };
    let status = if row.status == 0 { success } else { row.status };
    told(&result, endpoint, row.code, status);
    let data = &result.structured["error"]["data"];
    if row.code == "RATE_LIMITED" {
        assert!(data["retry_after_seconds"].as_u64().is_some_and(|seconds| seconds > 0), "{what}: {data}");
    }
    let launch = endpoint == Endpoint::Launch;
    assert_eq!(data.get("run_started").is_some(), launch && row.in_doubt, "{what}: {data}");
    let requests = if launch { 1 } else { row.reads };
    let received = stack.sandbox.received();
    assert_eq!(received.len(), requests, "{what}: {received:?}");
}

/// One code, one sentence, the status, and nothing of Validibot's body.
fn told(result: &ToolResult, endpoint: Endpoint, code: &str, status: u16) {
    assert_eq!(result.error_code(), code, "{endpoint:?}: {}", result.text);
    let error = &result.structured["error"];
    assert_eq!(error["data"]["status_code"], status, "{endpoint:?}: {error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.len() < 400 && !message.contains('<'), "{endpoint:?}: {message}");
    for foreign in [fixtures::HTML_MARKER, "aaaaaaaa", "wrong type", "elsewhere"] {
        assert!(!result.body.contains(foreign), "{endpoint:?}: {}", result.body);
    }
}

fn no_panic_and_no_leak(stack: &Stack) {
    let log = stack.server.logs.text();
    for foreign in ["panic", fixtures::HTML_MARKER, "aaaaaaaa", fixtures::DEMO_TOKEN, fixtures::SERVICE_KEY] {
        assert!(!log.contains(foreign), "{foreign} in {log}");
    }
}

/// The waits of a poll are the agent's, not the server's: a fault that passes does not end them.
#[tokio::test]
async fn a_wait_outlives_faults_that_pass() {
    let stack = Stack::start().await;
    for fault in [Fault::Status(503), Fault::Cut] {
        stack.sandbox.misbehave_times(Endpoint::Status.route(), fault, 4);
    }
    let arguments = serde_json::json!({ "run_ref": stack.run_ref, "timeout_seconds": 60 });
    let run = stack.client.call_tool("wait_for_run", arguments).await.success();
    assert_eq!(run["state"], "COMPLETED");
    assert_eq!(stack.sandbox.received().len(), 9, "three attempts a poll, and the ninth is good");
}

/// Asked to wait longer than an attempt may take, the wait itself waits, and asks once.
#[tokio::test]
async fn a_wait_asks_no_sooner_than_validibot_wants() {
    let stack = Stack::start().await;
    stack.sandbox.misbehave_times(Endpoint::Status.route(), Fault::StatusWithRetryAfter(429, 6), 1);
    let started = Instant::now();
    let arguments = serde_json::json!({ "run_ref": stack.run_ref, "timeout_seconds": 60 });
    let run = stack.client.call_tool("wait_for_run", arguments).await.success();
    assert_eq!(run["state"], "COMPLETED");
    assert!(started.elapsed().as_secs() >= 6, "it came back too soon");
    assert_eq!(stack.sandbox.received().len(), 2, "the refused question, and the one that was answered");

    // Longer than the agent has: the refusal itself, with its time.
    stack.sandbox.misbehave(Endpoint::Status.route(), Fault::StatusWithRetryAfter(429, 600));
    let arguments = serde_json::json!({ "run_ref": stack.run_ref, "timeout_seconds": 60 });
    let refused = stack.client.call_tool("wait_for_run", arguments).await;
    assert_eq!(refused.error_code(), "RATE_LIMITED");
    assert_eq!(refused.structured["error"]["data"]["retry_after_seconds"], 600);
}
