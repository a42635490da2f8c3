//! Settings: complete errors, exit code 64, the process environment over the file.

use sandbox::{Sandbox, fixtures};
use suite::server::{Builder, Server};

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let exit = Builder::empty().run_to_exit().await;
    assert_eq!(exit.code, Some(64), "{}", exit.log);
    for name in ["VALIDIBOT_API_BASE_URL", "VALIDIBOT_MCP_BASE_URL"] {
        assert!(exit.log.contains(name), "{name} is not named: {}", exit.log);
    }
}

#[tokio::test]
async fn everything_that_is_malformed_is_named_at_once_with_its_place() {
    let exit = Server::for_api("not a url")
        .env("VALIDIBOT_MCP_ENABLED", "perhaps")
        .env("VALIDIBOT_LOG_LEVEL", "LOUD")
        .env("PORT", "70000")
        .settings_file("VALIDIBOT_MCP_SERVICE_KEY=fine\nthis line is none\n")
        .run_to_exit()
        .await;
    assert_eq!(exit.code, Some(64), "{}", exit.log);
    for name in ["VALIDIBOT_API_BASE_URL", "VALIDIBOT_MCP_ENABLED", "VALIDIBOT_LOG_LEVEL", "PORT", ":2"] {
        assert!(exit.log.contains(name), "{name} is not named: {}", exit.log);
    }
}

#[tokio::test]
async fn no_secret_is_quoted_in_an_error() {
    let exit = Server::for_api("http://127.0.0.1:1")
        .env("VALIDIBOT_MCP_SERVICE_KEY", "line\nbreak-of-a-secret")
        .env("VALIDIBOT_MCP_ENABLED", "perhaps")
        .settings_file("VALIDIBOT_OAUTH_CLIENT_SECRET=\"unfinished-secret\n")
        .run_to_exit()
        .await;
    assert_eq!(exit.code, Some(64), "{}", exit.log);
    for secret in ["break-of-a-secret", "unfinished-secret"] {
        assert!(!exit.log.contains(secret), "{}", exit.log);
    }
}

#[tokio::test]
async fn an_unknown_key_in_the_file_is_a_warning_with_a_suggestion() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox)
        .settings_file("VALIDIBOT_LOG_LEVLE=DEBUG\nSOMETHING_ELSE=1\n")
        .start()
        .await;
    let log = server.stop().await.log;
    assert!(log.contains("VALIDIBOT_LOG_LEVLE") && log.contains("VALIDIBOT_LOG_LEVEL"), "{log}");
    assert!(log.contains(":1"), "the line is named: {log}");
}

#[tokio::test]
async fn the_process_environment_wins_over_the_file() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let file = format!(
        "export VALIDIBOT_API_BASE_URL='http://127.0.0.1:1'\nVALIDIBOT_MCP_SERVICE_KEY={} # the file's\n",
        fixtures::SERVICE_KEY
    );
    let server = Server::for_api(sandbox.url()).settings_file(file).start().await;
    let tools = server
        .client(suite::mcp::Era::Modern, fixtures::DEMO_TOKEN)
        .call_tool("list_workflows", serde_json::json!({}))
        .await;
    tools.success();
    assert!(
        sandbox.received().iter().any(|r| r.header("x-mcp-service-key") == Some(fixtures::SERVICE_KEY)),
        "what the environment does not say is taken from the file"
    );
}
