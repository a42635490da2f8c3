//! Requests that were spoilt at random are answered alike both ways of a read, to the byte (see `fast_path.rs`).

mod dice;
mod spoil;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use futures_util::{StreamExt as _, stream};
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::server::Server;

use self::dice::Dice;
use self::spoil::Request;
use crate::Stack;
use crate::fast_path::answers;

/// Requests of a run of this test.
const REQUESTS: usize = 2_000;
/// Pairs that are under way at once: below a caller's share.
const AT_ONCE: usize = 8;
/// To see a failure again, the seed that it printed.
const SEED: Option<u64> = None;

#[tokio::test]
async fn two_thousand_spoilt_requests_are_answered_alike_both_ways() {
    let sandbox = Sandbox::builder().throttle(1_000_000).recording(false).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let stack = Stack { sandbox, server };
    let seed = SEED.unwrap_or_else(|| RandomState::new().hash_one("seed"));
    let good = good_requests(&stack).await;
    let mut dice = Dice::new(seed);
    let requests: Vec<Request> = (0..REQUESTS).map(|_| dice.one_of(&good).spoilt(&mut dice)).collect();
    let stack = &stack;
    let pairs = stream::iter(&requests).map(|request| async move {
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (ours, rmcps) = answers(stack, request.era, request.tool, &headers, &request.body).await;
        assert_eq!(ours, rmcps, "seed {seed}: {request:?}");
        ours.0
    });
    let statuses: Vec<u16> = pairs.buffer_unordered(AT_ONCE).collect().await;
    // Neither all good nor all refused: the test would show little.
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert!(
        (REQUESTS / 5..REQUESTS * 4 / 5).contains(&done),
        "seed {seed}: {done} of {REQUESTS} were answered"
    );
}

/// Of each tool that reads, in each era, one that is answered and one that is not.
async fn good_requests(stack: &Stack) -> Vec<Request> {
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let file = json!({ "workflow_ref": workflow, "file_name": "a.json", "text": "{}" });
    let client = stack.client(Era::Legacy);
    let run = client.call_tool("validate_file", file).await.success()["run_ref"].clone();
    client.call_tool("wait_for_run", json!({ "run_ref": run })).await.success();
    let calls: [(&str, Value); 6] = [
        ("list_workflows", json!({})),
        ("list_workflows", json!({ "offset": 0, "odd": [1, { "a": null }] })),
        ("get_workflow_details", json!({ "workflow_ref": workflow })),
        ("get_workflow_details", json!({ "workflow_ref": "wf_none" })),
        ("get_run_status", json!({ "run_ref": run, "findings_limit": 5 })),
        ("get_run_status", json!({ "run_ref": "../x" })),
    ];
    let both = Era::BOTH.into_iter();
    both.flat_map(|era| calls.iter().map(move |(tool, arguments)| Request::new(era, tool, arguments)))
        .collect()
}
