//! Event streams, for clients that take nothing else and for those that would wait in silence.

use std::time::Duration;

use sandbox::fixtures;
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::net::http_client;
use tokio::time::Instant;

use crate::Stack;

/// A message as a client sends it that knows no progress.
async fn post(stack: &Stack, accept: &str, method: &str, params: Value) -> reqwest::Response {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let request = http_client().post(stack.server.mcp_url()).bearer_auth(fixtures::DEMO_TOKEN);
    let request = request.header("accept", accept).header("content-type", "application/json");
    request.body(body.to_string()).send().await.expect("an answer")
}

fn kind(response: &reqwest::Response) -> &str {
    response.headers()["content-type"].to_str().expect("text")
}

/// The message of an event, which has to be the only one.
fn only_event(text: &str) -> Value {
    let data = text.strip_prefix("data: ").and_then(|text| text.strip_suffix("\n\n"));
    let data = data.unwrap_or_else(|| panic!("no event: {text:?}"));
    serde_json::from_str(data).expect("one message")
}

async fn slow_run(stack: &Stack) -> Value {
    let arguments = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ANNUAL_SIMULATION),
        "file_name": "slow.json",
        "text": String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL),
    });
    stack.client(Era::Legacy).call_tool("validate_file", arguments).await.success()["run_ref"].clone()
}

#[tokio::test]
async fn who_takes_event_streams_alone_gets_every_answer_as_one() {
    let stack = Stack::start().await;
    let both = "application/json, text/event-stream";
    for (method, params) in [
        ("tools/list", json!({})),
        ("tools/call", json!({ "name": "list_workflows", "arguments": {} })),
        ("tools/call", json!({ "name": "get_run_status", "arguments": { "run_ref": "none" } })),
        ("a/method/without/a/sense", json!({})),
    ] {
        let expected: Value =
            post(&stack, both, method, params.clone()).await.json().await.expect("a message in JSON");
        let response = post(&stack, "text/event-stream", method, params).await;
        assert_eq!((response.status().as_u16(), kind(&response)), (200, "text/event-stream"), "{method}");
        assert_eq!(only_event(&response.text().await.expect("a body")), expected, "{method}");
    }
    // There is no stream for GET, whatever is taken.
    let get = http_client().get(stack.server.mcp_url()).bearer_auth(fixtures::DEMO_TOKEN);
    let answer = get.header("accept", "text/event-stream").send().await.expect("an answer");
    assert_eq!(answer.status(), 405);
}

#[tokio::test]
async fn a_wait_without_a_progress_token_is_not_silent() {
    let stack = Stack::start().await;
    let run = slow_run(&stack).await;
    let started = Instant::now();
    let call = json!({ "name": "wait_for_run", "arguments": { "run_ref": run, "timeout_seconds": 4 } });
    let mut response = post(&stack, "application/json, text/event-stream", "tools/call", call).await;
    assert_eq!((response.status().as_u16(), kind(&response)), (200, "text/event-stream"));
    let first = response.chunk().await.expect("a stream").expect("a piece");
    assert!(started.elapsed() < Duration::from_secs(4), "before the end: {:?}", started.elapsed());
    assert!(first.starts_with(b":"), "a comment: {first:?}");
    let mut rest = String::new();
    while let Some(piece) = response.chunk().await.expect("a stream") {
        rest.push_str(&String::from_utf8_lossy(&piece));
    }
    let answer = rest.split("\n\n").find(|event| event.starts_with("data: ")).expect("an answer");
    let message = only_event(&format!("{answer}\n\n"));
    assert_eq!(
        (&message["id"], &message["result"]["structuredContent"]["result"]),
        (&json!(7), &json!("TIMED_OUT"))
    );
}

#[tokio::test]
async fn a_client_that_goes_away_between_two_comments_ends_the_polling() {
    let stack = Stack::start().await;
    let call = json!({ "name": "wait_for_run", "arguments": { "run_ref": slow_run(&stack).await } });
    let mut response = post(&stack, "application/json, text/event-stream", "tools/call", call).await;
    assert!(response.chunk().await.expect("a stream").is_some_and(|piece| piece.starts_with(b":")));
    assert!(!stack.server.logs.text().contains("wait_for_run"), "the call goes on");
    drop(response);
    // A call is logged at its end.
    stack.server.logs.wait_for_text("wait_for_run", Duration::from_secs(10)).await;
}
