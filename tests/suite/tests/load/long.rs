//! Long answers of Validibot, many at once.

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::memory::Memory;

/// As many as one caller may have under way, and eight times as many as are received at a time.
const CALLS: usize = 64;
/// Of one answer: nearly as many as are received of any list.
const BYTES: usize = 7_500_000;
/// Eight of them, and a megabyte of each of the others, are some 120 MB; all of them are 480.
const MORE_THAN_IDLE: u64 = 240_000_000;

#[tokio::test]
async fn long_answers_are_not_all_in_memory_at_once() {
    let (sandbox, server) = crate::start(Sandbox::builder().recording(false)).await;
    // A list is received to its end before it is read. This one is refused at its second byte then, so that the test measures
    // what is received, and not how long a debug build takes to read it.
    let mut list = vec![b'?'; BYTES];
    list[0] = b'[';
    let body = Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes: list.into() };
    sandbox.misbehave(Route::ListWorkflows, body);
    let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
    let before = Memory::of(server.pid()).peak;
    let list = || client.call_tool("list_workflows", json!({}));
    for list in join_all((0..CALLS).map(|_| list())).await {
        assert_eq!(list.error_code(), "API_ERROR");
    }
    let after = Memory::of(server.pid()).peak;
    suite::skip::say(&format!(
        "{CALLS} answers of {BYTES} bytes: the peak grew by {} kB",
        (after - before) / 1024
    ));
    assert!(after < before + MORE_THAN_IDLE, "{before} bytes before, {after} at the highest");
}
