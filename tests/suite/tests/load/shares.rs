//! One caller cannot starve the others.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::net::http_client;

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

/// Bodies that never arrive hold no more than their sender's share, and not for long.
#[tokio::test]
async fn bodies_that_do_not_arrive_starve_nobody_and_are_given_up() {
    let (_sandbox, server) = crate::start(Sandbox::builder()).await;
    server.client(Era::Legacy, fixtures::SECOND_TOKEN).hello().await;
    let post = |token: &str, body: reqwest::Body| {
        http_client()
            .post(server.mcp_url())
            .bearer_auth(token)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", Era::Legacy.version())
            .body(body)
            .send()
    };
    let stalled = || {
        let start = stream::iter([Ok::<_, std::io::Error>("{")]).chain(stream::pending());
        reqwest::Body::wrap_stream(start)
    };
    // Chunked, each is charged with the largest body: three are one caller's share.
    let mut stuck: Vec<_> = (0..3).map(|_| Box::pin(post(fixtures::DEMO_TOKEN, stalled()))).collect();
    let refused = loop {
        let first =
            join_all(stuck.iter_mut().map(|post| tokio::time::timeout(Duration::from_millis(20), post)));
        assert!(first.await.iter().all(Result::is_err), "one was answered already");
        let list = post(fixtures::DEMO_TOKEN, stalled());
        if let Ok(answer) = tokio::time::timeout(Duration::from_secs(3), list).await {
            break answer.expect("an answer");
        }
    };
    assert_eq!(refused.status(), 503);

    let largest = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#,
        "x".repeat(15_000_000)
    );
    let other = post(fixtures::SECOND_TOKEN, largest.into()).await.expect("an answer");
    assert_eq!(other.status(), 200, "another caller's largest body fits");

    for answer in join_all(stuck).await {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 408);
        let body: serde_json::Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        assert_eq!(body["error"], "request_timeout");
    }
    assert_eq!(server.client(Era::Legacy, fixtures::DEMO_TOKEN).request("ping", json!({})).await.status, 200);
}
