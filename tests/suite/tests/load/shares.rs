//! One caller cannot starve the others.

use std::time::Duration;

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;

#[tokio::test]
async fn a_caller_with_its_share_under_way_is_refused_and_others_are_not() {
    let (sandbox, server) = crate::start(Sandbox::builder()).await;
    server.client(Era::Legacy, fixtures::SECOND_TOKEN).hello().await;
    sandbox.clear_received();
    sandbox.misbehave(Route::ListWorkflows, Fault::Hang);
    let greedy = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
    let call = json!({ "name": "list_workflows", "arguments": {} });
    let mut hanging: Vec<_> = (0..64).map(|_| Box::pin(greedy.start("tools/call", call.clone()))).collect();
    let mut all = join_all(hanging.iter_mut());
    // Each request is under way once Validibot has got it.
    while sandbox.received().len() < 64 {
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut all).await.is_err(), "one was answered");
    }
    drop(all);
    let refused = greedy.request("tools/list", json!({})).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.header("retry-after").is_some());
    let body: serde_json::Value = serde_json::from_str(&refused.body).expect("JSON");
    assert_eq!(body["error"], "overloaded");
    assert!(body["retry_after_seconds"].as_u64().is_some());

    let other = server.client(Era::Legacy, fixtures::SECOND_TOKEN);
    join_all((0..8).map(|_| other.hello())).await;

    // What a client gives up frees its share.
    drop(hanging);
    sandbox.behave();
    for _ in 0..1000 {
        if greedy.request("tools/list", json!({})).await.status == 200 {
            return;
        }
    }
    panic!("the share did not come back");
}
