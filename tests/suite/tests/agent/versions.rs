//! Clients with habits of their own, and the cap on the version.

use sandbox::{Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::server::Server;

#[tokio::test]
async fn the_one_mismatch_of_a_widespread_client_is_put_right_and_no_other() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let stale = super::client(&server, Era::Modern).with_header("mcp-protocol-version", "2025-11-25");
    let list = stale.call_tool("list_workflows", json!({})).await.success();
    assert_eq!(list["result"].as_array().map(Vec::len), Some(5));
    let other = super::client(&server, Era::Modern).with_header("mcp-protocol-version", "2025-06-18");
    let error = other.request("tools/call", json!({ "name": "list_workflows", "arguments": {} })).await;
    assert_eq!((error.status, &error.error()["code"]), (400, &json!(-32020)));
}

#[tokio::test]
async fn a_client_that_takes_anything_is_served() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    for era in Era::BOTH {
        let client = super::client(&server, era).with_header("accept", "*/*");
        client.call_tool("list_workflows", json!({})).await.success();
    }
}

#[tokio::test]
async fn a_capped_server_speaks_no_newer_version() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server =
        Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_MAX_PROTOCOL_VERSION", "2025-06-18").start().await;
    let modern = server.client(Era::Modern, fixtures::DEMO_TOKEN);
    let refused = modern.request("tools/list", json!({})).await;
    assert_eq!((refused.status, &refused.error()["code"]), (400, &json!(-32022)));
    let hello = server.client(Era::Legacy, fixtures::DEMO_TOKEN).hello().await;
    assert_eq!(hello["protocolVersion"], "2025-06-18");
}

#[tokio::test]
async fn each_older_version_is_agreed_on_and_spoken() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let client = super::client(&server, Era::Legacy).with_header("mcp-protocol-version", version);
        let hello = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": "suite", "version": "0" },
        });
        assert_eq!(client.request("initialize", hello).await.result()["protocolVersion"], version);
        let list = client.call_tool("list_workflows", json!({})).await.success();
        assert_eq!(list["result"].as_array().map(Vec::len), Some(5), "{version}");
    }
}

/// What a client may keep, and for how long: never for anybody else, and a run not at all.
#[tokio::test]
async fn what_may_be_cached_is_said_and_true() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let list = client.request("resources/list", json!({})).await.result();
    let workflow = list["resources"][0]["uri"].clone();
    for (method, params, milliseconds) in [
        // Changed by a deploy alone.
        ("tools/list", json!({}), 300_000),
        ("resources/templates/list", json!({}), 300_000),
        // Authors edit workflows, and runs go on.
        ("resources/list", json!({}), 30_000),
        ("resources/read", json!({ "uri": workflow }), 0),
        ("server/discover", json!({}), 0),
    ] {
        let result = client.request(method, params).await.result();
        assert_eq!(
            (&result["ttlMs"], &result["cacheScope"]),
            (&milliseconds.into(), &json!("private")),
            "{method}"
        );
    }
    // The list is each caller's own.
    let other = server.client(Era::Modern, fixtures::SECOND_TOKEN);
    assert_ne!(other.request("resources/list", json!({})).await.result()["resources"], list["resources"]);
}
