//! A Validibot with production settings at an inner address, and one that is slow to start.

use std::time::Duration;

use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::net::free_port;
use suite::server::Server;

const PUBLIC: &str = "validibot.acme.example";

async fn production() -> Sandbox {
    Sandbox::builder().production(&[PUBLIC]).start().await.expect("a sandbox")
}

#[tokio::test]
async fn a_validibot_with_production_settings_is_reached_at_its_inner_address() {
    let sandbox = production().await;
    for (name, value) in [
        ("VALIDIBOT_API_HOST", PUBLIC.to_owned()),
        ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", format!("https://{PUBLIC}")),
    ] {
        let server = Server::for_sandbox(&sandbox).env(name, value).start().await;
        let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
        client.call_tool("list_workflows", json!({})).await.success();
        let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
        let file = json!({ "workflow_ref": reference, "file_name": "model.json", "text": String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL) });
        client.call_tool("validate_file", file).await.success();
    }
}

#[tokio::test]
async fn a_host_that_validibot_does_not_take_ends_the_start_with_the_line_to_change() {
    let sandbox = production().await;
    let exit = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_LICENSE_WAIT", "20").run_to_exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.log);
    for said in ["127.0.0.1", "DJANGO_ALLOWED_HOSTS", "VALIDIBOT_API_HOST"] {
        assert!(exit.log.contains(said), "{said}: {}", exit.log);
    }
    assert_eq!(sandbox.received().len(), 1, "it would be the same in a moment");
}

#[tokio::test]
async fn a_redirect_to_https_ends_the_start_with_the_line_to_change() {
    let moved = Fault::Body { status: 301, content_type: "text/html".to_owned(), bytes: "".into() };
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    sandbox.misbehave(Route::LicenseFeatures, moved);
    let exit = Server::for_sandbox(&sandbox).run_to_exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.log);
    assert!(exit.log.contains("DJANGO_SECURE_SSL_REDIRECT"), "{}", exit.log);
}

#[tokio::test]
async fn a_host_that_is_not_taken_any_more_is_named_in_the_log_and_not_to_the_agent() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();
    sandbox.misbehave(Route::ListWorkflows, Fault::Html(400));
    let result = client.call_tool("list_workflows", json!({})).await;
    assert_eq!(result.error_code(), "API_ERROR");
    assert!(result.text.contains("operator") && !result.text.contains("DJANGO"), "{}", result.text);
    assert!(server.logs.text().contains("DJANGO_ALLOWED_HOSTS"), "{}", server.logs.text());
}

#[tokio::test]
async fn why_there_is_no_connection_is_told() {
    for (url, says) in [
        (format!("http://127.0.0.1:{}", free_port()), "refused"),
        ("http://no-such-host.invalid".to_owned(), "does not resolve"),
    ] {
        let exit = Server::for_api(&url).run_to_exit().await;
        assert_eq!(exit.code, Some(1), "{}", exit.log);
        assert!(exit.log.contains(says), "{says}: {}", exit.log);
    }
}

#[tokio::test]
async fn a_validibot_that_starts_more_slowly_is_waited_for() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let server = Server::for_api(&url)
        .env("VALIDIBOT_MCP_SERVICE_KEY", fixtures::SERVICE_KEY)
        .env("VALIDIBOT_MCP_LICENSE_WAIT", "30");
    let begun = server.start_with_logs(async |logs| {
        // It is up once it has been asked for in vain.
        logs.wait_for_text("It is asked again", Duration::from_secs(30)).await;
        let address = format!("127.0.0.1:{port}").parse().expect("an address");
        Sandbox::builder().bind(address).start().await.expect("a sandbox")
    });
    let (server, _sandbox) = begun.await;
    server.client(Era::Modern, fixtures::DEMO_TOKEN).call_tool("list_workflows", json!({})).await.success();
}
