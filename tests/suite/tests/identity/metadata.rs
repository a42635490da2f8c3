//! The metadata server, good and bad.

use bytes::Bytes;
use sandbox::metadata::{Identity, MetadataServer};
use sandbox::{Fault, fixtures};
use serde_json::json;
use tokio::time::Instant;

use crate::{Cloud, DEADLINE, failure, verification};

#[tokio::test]
async fn a_journey_needs_one_token_and_sends_it_and_nothing_else() {
    let cloud = Cloud::start().await;
    let run = cloud
        .client
        .call_tool(
            "validate_file",
            json!({
                "file_content": "e30=",
                "file_name": "model.json",
                "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
            }),
        )
        .await
        .success();
    let waited = cloud.client.call_tool("wait_for_run", json!({ "run_ref": run["run_ref"] })).await.success();
    assert_eq!(waited["state"], "COMPLETED");
    assert_eq!(cloud.metadata.requests(), 1);
    for request in cloud.sandbox.received().iter().filter(|request| request.path.starts_with("/api/v1/mcp/"))
    {
        assert!(request.header("authorization").is_some_and(|value| value.starts_with("Bearer ey")));
        assert_eq!(request.header("x-mcp-service-key"), None);
        assert_eq!(request.header("x-validibot-api-token"), Some(fixtures::DEMO_TOKEN));
    }
}

#[tokio::test]
async fn the_audience_is_what_is_configured_to_the_last_slash() {
    let cloud =
        Cloud::start_with(|builder| builder.env("VALIDIBOT_MCP_SERVICE_AUDIENCE", "https://a.example/x/"))
            .await;
    cloud.sandbox.set_google_verification(Some(verification(&cloud.metadata, "https://a.example/x/")));
    cloud.list().await.success();
    let asked = cloud.metadata.received()[0].query.clone();
    assert_eq!(asked.as_deref(), Some("audience=https%3A%2F%2Fa.example%2Fx%2F&format=full"));

    let sandbox = sandbox::Sandbox::builder().no_service_key().start().await.expect("a sandbox");
    let with_slash = format!("{}/", sandbox.url());
    sandbox.set_google_verification(Some(verification(&cloud.metadata, &with_slash)));
    let server = suite::server::Server::for_api(&with_slash).env("GCE_METADATA_HOST", cloud.metadata.host());
    let server = server.start().await;
    let client = server.client(suite::mcp::Era::Legacy, fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();
}

#[tokio::test]
async fn with_a_shared_key_nobody_asks_for_a_token() {
    let key = "a-shared-key";
    let metadata = MetadataServer::start().await.expect("a metadata server");
    let sandbox = sandbox::Sandbox::builder().service_key(key).start().await.expect("a sandbox");
    let server = suite::server::Server::for_api(sandbox.url())
        .env("GCE_METADATA_HOST", metadata.host())
        .env("VALIDIBOT_MCP_SERVICE_KEY", key)
        .start()
        .await;
    let client = server.client(suite::mcp::Era::Legacy, fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();
    assert_eq!(metadata.requests(), 0);
    let received = sandbox.received();
    let list = received.iter().find(|request| request.path == "/api/v1/mcp/workflows/").expect("a list");
    assert_eq!(list.header("authorization"), None);
}

#[tokio::test]
async fn a_metadata_server_that_was_away_is_asked_again() {
    let Cloud { metadata, sandbox, server, client } = Cloud::start().await;
    let (address, certs) = (metadata.address(), metadata.certs());
    metadata.stop().await;
    let result = client.call_tool("list_workflows", json!({})).await;
    assert_eq!(failure(&result), ("SERVICE_AUTH_FAILED".to_owned(), 503.into()));
    assert!(sandbox.received().iter().all(|request| !request.path.starts_with("/api/v1/mcp/")));
    let metadata = MetadataServer::start_at(address, certs).await.expect("the same port");
    Cloud { metadata, sandbox, server, client }.recovers().await;
}

#[tokio::test]
async fn whatever_it_answers_the_agent_gets_one_code_and_the_server_recovers() {
    let body = |status, text: &'static str| Fault::Body {
        status,
        content_type: "text/html".to_owned(),
        bytes: Bytes::from_static(text.as_bytes()),
    };
    let faults = [
        Fault::Status(404),
        Fault::Status(500),
        Fault::Cut,
        Fault::Html(200),
        body(200, ""),
        body(200, "a.b.c"),
        // A JWT without `exp`.
        body(200, "e30.e30.e30"),
    ];
    for fault in faults {
        let cloud = Cloud::start().await;
        cloud.metadata.misbehave(fault.clone());
        let result = cloud.list().await;
        assert_eq!(failure(&result), ("SERVICE_AUTH_FAILED".to_owned(), 503.into()), "{fault:?}");
        assert!(!result.body.contains(fixtures::HTML_MARKER), "{fault:?}: {}", result.body);
        assert!(!cloud.server.logs.text().contains(fixtures::HTML_MARKER), "{fault:?}");
        assert!(!cloud.logged("no identity token").is_empty(), "{fault:?}");
        cloud.metadata.behave();
        cloud.recovers().await;
    }
}

#[tokio::test]
async fn a_metadata_server_that_hangs_holds_nobody_for_long() {
    let cloud = Cloud::start().await;
    cloud.metadata.misbehave(Fault::Hang);
    let started = Instant::now();
    let result = cloud.list().await;
    assert_eq!(failure(&result), ("SERVICE_AUTH_FAILED".to_owned(), 503.into()));
    assert!(started.elapsed() < DEADLINE / 2, "{:?}", started.elapsed());
    cloud.metadata.behave();
    cloud.recovers().await;
}

#[tokio::test]
async fn a_metadata_server_that_is_slow_is_waited_for() {
    let cloud = Cloud::start().await;
    cloud.metadata.misbehave(Fault::Delay(std::time::Duration::from_secs(1)));
    for call in futures_util::future::join_all((0..4).map(|_| cloud.list())).await {
        call.success();
    }
    assert_eq!(cloud.metadata.requests(), 1, "callers that wait share one question");
}

#[tokio::test]
async fn a_lie_that_looks_like_a_token_does_not_last_an_hour() {
    let lies = [
        Identity { audience: Some("https://other.example".to_owned()), ..Identity::default() },
        Identity { expires_in: Some(-3600), ..Identity::default() },
        Identity { foreign_key: true, ..Identity::default() },
    ];
    for lie in lies {
        let cloud = Cloud::start().await;
        cloud.metadata.set_identity(lie.clone());
        assert_eq!(failure(&cloud.list().await), ("SERVICE_AUTH_FAILED".to_owned(), 401.into()), "{lie:?}");
        cloud.metadata.set_identity(Identity::default());
        cloud.recovers().await;
    }
}
