//! What an operator reads when the provider is in trouble, and what nobody ever reads.

use sandbox::{Fault, Route};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::{net, process, skip};

use crate::stack::Stack;

async fn status(stack: &Stack, token: &str) -> u16 {
    let client = Client::new(&stack.mcp_url(), Era::Legacy).with_token(token);
    client.request("tools/list", json!({})).await.status
}

#[tokio::test]
async fn an_outage_of_the_keys_is_one_line_and_signs_nobody_out() {
    let mut stack = Stack::start().await;
    let token = stack.sandbox.mint().sign();
    for _ in 0..2 {
        assert_eq!(status(&stack, &token).await, 200);
    }
    stack.sandbox.misbehave(Route::Jwks, Fault::Status(503));
    for _ in 0..2 {
        assert_eq!(status(&stack, &token).await, 200, "warm");
    }
    stack.restart().await;
    for _ in 0..2 {
        assert_eq!(status(&stack, &token).await, 503, "cold");
    }
    let log = stack.logs();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("signing keys could not be fetched")).collect();
    assert_eq!(lines.len(), 2, "one for each process: {log}");
    assert!(
        lines.iter().all(|line| line.contains("HTTP 503") && line.contains("nobody who signed in")),
        "{log}"
    );
    assert!(!log.contains(&token), "no token in a log");
}

#[tokio::test]
async fn a_wrong_client_secret_is_named_and_not_shown() {
    // Its browser is a Python script.
    let python = process::on_path("python3").ok_or_else(|| "no python3 on the PATH".to_owned());
    let Some(_) = skip::found("oauth::logs::a_wrong_client_secret_is_named_and_not_shown", python) else {
        return;
    };
    let stack = Stack::start().await;
    let body = Fault::Body {
        status: 401,
        content_type: "application/json".to_owned(),
        bytes: r#"{"error":"invalid_client","error_description":"provider-detail"}"#.into(),
    };
    let metadata = json!({ "client_name": "Test", "redirect_uris": ["http://localhost/callback"] });
    let registered = net::http_client().post(format!("{}/register", stack.base)).json(&metadata).send().await;
    let registered: Value = registered.expect("an answer").json().await.expect("JSON");
    let client_id = registered["client_id"].as_str().expect("text");
    let code = stack.code(client_id, "http://localhost:33333/callback").await;
    stack.sandbox.misbehave(Route::Token, body);
    let answer = stack.redeem(client_id, &code, "http://localhost:33333/callback").await;
    assert_eq!(answer.status(), 503, "the client is not at fault");
    let log = stack.logs();
    assert!(log.contains("refuses this server itself (invalid_client)"), "{log}");
    for hidden in ["provider-detail", "a-client-secret", client_id, &code] {
        assert!(!log.contains(hidden), "{hidden}: {log}");
    }
}

/// Whoever runs a server without a way out learns of it from the log, whatever the app shows its user.
#[tokio::test]
async fn an_app_whose_document_cannot_be_had_is_a_warning_with_the_settings_that_help() {
    let stack = Stack::start().await;
    // This machine's own name: it is not fetched from, wherever the test runs.
    let id = "https://localhost/the-path-of-an-app.json";
    for _ in 0..4 {
        let url = stack.authorize_url(id, "http://localhost:33333/callback");
        let answer = net::http_client().get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 400);
    }
    let log = stack.logs();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("the metadata document of an app")).collect();
    assert_eq!(lines.len(), 2, "one for each process, however often it happens: {log}");
    for line in lines {
        let told: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!((&told["severity"], &told["host"]), (&json!("WARNING"), &json!("localhost")), "{line}");
        assert!(told["reason"].as_str().is_some_and(|reason| reason.contains("public addresses")), "{line}");
        for setting in ["VALIDIBOT_OAUTH_CLIENT_DOCUMENTS=false", "VALIDIBOT_OAUTH_CLIENT_DOCUMENTS_PROXY"] {
            assert!(line.contains(setting), "{setting}: {line}");
        }
    }
    assert!(!log.contains("the-path-of-an-app"), "what a stranger wrote stays out of the log: {log}");
}
