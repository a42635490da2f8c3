//! Long answers of Validibot, many at once.

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::memory::Memory;

/// Three times as many as are in memory at a time.
const CALLS: usize = 24;
/// Of one answer: a definition with a schema that somebody has written.
const BYTES: usize = 3_000_000;
/// All of them in memory, in the forms that each goes through, would be more than 200 MB.
const MORE_THAN_IDLE: u64 = 130_000_000;

#[tokio::test]
async fn long_answers_are_not_all_in_memory_at_once() {
    let (sandbox, server) = crate::start(Sandbox::builder().recording(false)).await;
    let definition =
        json!({ "slug": "a", "steps": [], "input_schema": { "description": "x".repeat(BYTES) } });
    let body = Fault::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        bytes: definition.to_string().into_bytes().into(),
    };
    sandbox.misbehave(Route::WorkflowDetails, body);
    let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
    let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let before = Memory::of(server.pid()).peak;
    let details = || client.call_tool("get_workflow_details", json!({ "workflow_ref": reference }));
    for details in join_all((0..CALLS).map(|_| details())).await {
        assert!(details.text.len() <= 40_000, "a result has {} characters", details.text.len());
        details.success();
    }
    let after = Memory::of(server.pid()).peak;
    suite::skip::say(&format!(
        "{CALLS} answers of {BYTES} bytes: the peak grew by {} kB",
        (after - before) / 1024
    ));
    assert!(after < before + MORE_THAN_IDLE, "{before} bytes before, {after} at the highest");
}
