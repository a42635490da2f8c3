//! `validibot-mcp probe`: what a deploy needs to know, as an exit code and as JSON.

use std::time::Duration;

use sandbox::{Sandbox, fixtures};
use serde_json::Value;
use suite::binary;
use suite::process::{Output, run};
use suite::server::{CLIENT_SECRET, Server};
use tokio::process::Command;

use crate::Stack;

async fn probe(url: &str, arguments: &[&str], token: Option<&str>) -> Output {
    let mut command = Command::new(binary::validibot_mcp());
    command.env_clear().arg("probe").arg(url).args(arguments);
    if let Some(token) = token {
        command.env("VALIDIBOT_E2E_TOKEN", token);
    }
    run(&mut command, Duration::from_mins(2)).await.expect("it runs")
}

fn checks(output: &Output) -> (Value, Vec<(String, String)>) {
    let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let checks = report["checks"].as_array().expect("checks").iter();
    let checks = checks.map(|check| (text(&check["name"]), text(&check["status"]))).collect();
    (report, checks)
}

fn with(status: [&str; 7]) -> Vec<(String, String)> {
    let names = ["version", "ready", "challenge", "metadata", "switch", "initialize", "tools"];
    names.into_iter().zip(status).map(|(name, status)| (name.to_owned(), status.to_owned())).collect()
}

#[tokio::test]
async fn a_good_server_is_proven_as_far_as_the_probe_can_go() {
    let stack = Stack::start().await;
    let output = probe(stack.server.base(), &["--json"], None).await.expect_success("probe");
    let (report, found) = checks(&output);
    assert_eq!(found, with(["passed", "passed", "passed", "skipped", "passed", "skipped", "skipped"]));
    assert_eq!(report["switch"], "on");
    assert_eq!((&report["ok"], &report["proven"]), (&true.into(), &"challenge".into()));

    let token = Some(fixtures::DEMO_TOKEN);
    let output = probe(&stack.server.mcp_url(), &["--json"], token).await.expect_success("probe");
    let (report, found) = checks(&output);
    assert_eq!(found, with(["passed", "passed", "passed", "skipped", "passed", "passed", "passed"]));
    assert_eq!(report["proven"], "tools");
    assert!(!output.stdout.contains(fixtures::DEMO_TOKEN) && !output.stderr.contains(fixtures::DEMO_TOKEN));
}

#[tokio::test]
async fn where_oauth_is_on_its_metadata_has_to_be_there_and_to_agree() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::with_sign_in(&sandbox).on_its_own_base_url();
    let server = server.start().await;
    let output = probe(server.base(), &["--json"], Some(fixtures::DEMO_TOKEN)).await.expect_success("probe");
    assert_eq!(checks(&output).1, with(["passed"; 7]), "{}", output.stdout);
}

/// A deploy that runs the migration has written the client row: whether Validibot then knows this server shows at the login page.
#[tokio::test]
async fn a_sign_in_is_tried_as_far_as_the_login_page_and_fails_no_proof() {
    let sandbox = Sandbox::builder().oauth_client_secret(CLIENT_SECRET).start().await.expect("a sandbox");
    let tried = async |client: &str, registered: bool| {
        let server =
            Server::with_sign_in(&sandbox).on_its_own_base_url().env("VALIDIBOT_OAUTH_CLIENT_ID", client);
        let server = server.start().await;
        sandbox.set_mcp_base_url(if registered { server.base() } else { "https://mcp.acme.example" });
        let output = probe(server.base(), &["--json"], None).await.expect_success("probe");
        let sign_in = checks(&output).0["sign_in"].clone();
        (sign_in["works"].clone(), sign_in["detail"].as_str().unwrap_or_default().to_owned())
    };
    let (works, seen) = tried("validibot-mcp-server", true).await;
    assert_eq!(works, true, "{seen}");
    for (client, registered, says) in
        [("validibot-mcp-server", false, "ensure_oidc_clients"), ("another", true, "another")]
    {
        let (works, reason) = tried(client, registered).await;
        assert!(works == false && reason.contains(says), "{works} {reason}");
    }
    let candidate = Server::with_sign_in(&sandbox).on_its_own_base_url();
    let candidate = candidate.start().await;
    let elsewhere = candidate.base().replace("127.0.0.1", "localhost");
    let output = probe(&elsewhere, &["--json"], None).await;
    assert_eq!(checks(&output).0["sign_in"], Value::Null, "the public address is another one");
}

#[tokio::test]
async fn a_kill_switch_that_is_off_is_said_with_a_token_and_without() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_ENABLED", "false").start().await;
    for token in [None, Some(fixtures::DEMO_TOKEN)] {
        let output = probe(server.base(), &["--json"], token).await.expect_success("probe");
        assert_eq!(checks(&output).0["switch"], "off", "{}", output.stdout);
    }
    let output = probe(server.base(), &[], None).await.expect_success("probe");
    assert!(output.stdout.contains("every tool answers SERVICE_UNAVAILABLE"), "{}", output.stdout);
}

#[tokio::test]
async fn another_build_a_bad_token_and_another_service_fail() {
    let stack = Stack::start().await;
    let expected = ["--expect-commit", "0123456789abcdef0123456789abcdef01234567", "--json"];
    let output = probe(stack.server.base(), &expected, Some(fixtures::REVOKED_TOKEN)).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert_eq!(
        checks(&output).1,
        with(["failed", "passed", "passed", "skipped", "passed", "failed", "failed"]),
        "{}",
        output.stdout
    );

    let output = probe(stack.sandbox.url(), &[], None).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("FAILED   version"), "{}", output.stdout);

    let output = probe("mcp.example", &[], None).await;
    assert_eq!(output.code, Some(64));
    assert!(output.stderr.contains("mcp.example is no absolute URL"), "{}", output.stderr);
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_in_every_check() {
    let stack = Stack::start().await;
    let url = stack.server.base().to_owned();
    stack.server.stop().await;
    let output = probe(&url, &["--json"], None).await;
    assert_eq!(output.code, Some(1));
    let (report, found) = checks(&output);
    assert_eq!(found, with(["failed", "failed", "failed", "skipped", "skipped", "skipped", "skipped"]));
    assert_eq!((&report["ok"], &report["proven"]), (&false.into(), &"no".into()));
}
