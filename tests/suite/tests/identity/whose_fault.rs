//! Validibot says 401 alike for the server's identity and for the user's.

use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::server::Server;

use crate::failure;

#[tokio::test]
async fn a_token_that_was_revoked_meanwhile_is_the_users_and_is_forgotten() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let client = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();

    // As if it were revoked: Validibot refuses it in both places.
    sandbox.misbehave(Route::ListWorkflows, Fault::Status(401));
    sandbox.misbehave(Route::AuthMe, Fault::Status(403));
    sandbox.clear_received();
    let result = client.call_tool("list_workflows", json!({})).await;
    assert_eq!(failure(&result), ("UNAUTHORIZED".to_owned(), 401.into()));
    assert_eq!(sandbox.received().len(), 2, "the call, and the question whose fault it is");
    let next = client.request("tools/list", json!({})).await;
    assert_eq!(next.status, 401, "what was remembered of the token is gone: {}", next.body);
    assert_eq!(sandbox.received().len(), 2);
    assert!(!server.logs.text().contains("VALIDIBOT_MCP_SERVICE_KEY has to be"), "no alarm for operators");
}

#[tokio::test]
async fn a_token_that_is_still_good_makes_it_our_fault() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_SERVICE_KEY", "another-key").start().await;
    let client = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
    let result = client.call_tool("list_workflows", json!({})).await;
    assert_eq!(failure(&result), ("SERVICE_AUTH_FAILED".to_owned(), 401.into()));
    assert!(
        server.logs.text().contains("VALIDIBOT_MCP_SERVICE_KEY has to be the same"),
        "{}",
        server.logs.text()
    );
    assert_eq!(client.request("tools/list", json!({})).await.status, 200, "the user is still known");
}
