//! Each client signs in, calls a tool and refreshes; then both server processes are replaced, and it goes on with what
//! it has stored.

use std::time::Duration;

use sandbox::{Fault, Route};
use serde_json::json;
use suite::node::Node;
use suite::python::Python;
use suite::{process, require};

use crate::stack::{Stack, browser_script, last_json};

const TOKEN: &str = "/identity/o/api/token";
const AUTHORIZE: &str = "/identity/o/authorize";

#[tokio::test]
async fn fastmcp_signs_in() {
    python_signs_in(require!(Python::with_clients().await), "fastmcp").await;
}

#[tokio::test]
async fn the_python_sdk_signs_in() {
    python_signs_in(require!(Python::with_clients().await), "mcp").await;
}

async fn python_signs_in(python: Python, kind: &str) {
    let mut stack = Stack::start().await;
    for round in 1..=2 {
        let mut command = python.script("sign_in.py");
        command.arg(kind).arg(stack.mcp_url()).arg(stack.scratch());
        let seen = last_json(&stack.run(command, kind).await);
        assert_eq!(seen["workflows"], json!([5, 5]), "{kind}, round {round}");
        assert_eq!(stack.asked(TOKEN, "grant_type=refresh_token"), round, "{kind}: a refresh in each round");
        assert_eq!(stack.asked(AUTHORIZE, ""), 1, "{kind}: one sign-in for both rounds");
        assert!(stack.proxy.requests() > 6, "through the proxy");
        stack.restart().await;
    }
}

#[tokio::test]
async fn the_typescript_client_signs_in() {
    node_signs_in(require!(Node::with_clients().await), "client").await;
}

#[tokio::test]
async fn a_stdio_host_signs_in_through_mcp_remote() {
    node_signs_in(require!(Node::with_clients().await), "mcp-remote").await;
}

async fn node_signs_in(node: Node, kind: &str) {
    let mut stack = Stack::start().await;
    for round in 1..=2 {
        let mut command = node.script("sign_in.mjs");
        command.arg(kind).arg(stack.mcp_url()).arg(stack.scratch()).arg(browser_script());
        let seen = last_json(&stack.run(command, kind).await);
        assert_eq!(seen["workflows"], json!([5]), "{kind}, round {round}");
        assert_eq!(stack.asked(TOKEN, "grant_type=refresh_token"), round - 1, "{kind}");
        assert_eq!(stack.asked(AUTHORIZE, ""), 1, "{kind}: one sign-in for both rounds");
        stack.restart().await;
        assert!(stack.expire_tokens() > 0, "{kind} keeps its token somewhere else");
    }
}

#[tokio::test]
async fn the_inspector_signs_in() {
    let node = require!(Node::with_clients().await);
    let mut stack = Stack::start().await;
    for round in 1..=2 {
        let mut command = node.bin("mcp-inspector");
        command.arg("--cli").arg(stack.mcp_url()).args([
            "--format",
            "json",
            "--method",
            "tools/call",
            "--tool-name",
            "list_workflows",
        ]);
        let printed = stack.run(command, "the inspector").await;
        assert!(printed.contains("workflow_ref"), "round {round}: {printed}");
        stack.restart().await;
    }
    assert!(stack.asked(TOKEN, "grant_type=authorization_code") >= 1);
}

/// What SECURITY.md says of it: the SDK gives its tokens up and signs in anew, with the client id that it has.
#[tokio::test]
async fn the_python_sdk_signs_in_anew_when_a_refresh_is_503() {
    let python = require!(Python::with_clients().await);
    let stack = Stack::start().await;
    for sign_ins in 1..=2 {
        let mut command = python.script("sign_in.py");
        command.arg("mcp").arg(stack.mcp_url()).arg(stack.scratch());
        let seen = last_json(&stack.run(command, "mcp").await);
        assert_eq!(seen["workflows"], json!([5, 5]));
        assert_eq!(stack.asked(AUTHORIZE, ""), sign_ins);
        stack.sandbox.misbehave_times(Route::Token, Fault::Status(503), 1);
    }
}

/// What SECURITY.md says of it: the call fails, the tokens stay, and the next call refreshes.
#[tokio::test]
async fn the_typescript_client_keeps_its_tokens_when_a_refresh_is_503() {
    let node = require!(Node::with_clients().await);
    let stack = Stack::start().await;
    let command = || {
        let mut command = node.script("sign_in.mjs");
        command.arg("client").arg(stack.mcp_url()).arg(stack.scratch()).arg(browser_script());
        command
    };
    stack.run(command(), "client").await;
    assert!(stack.expire_tokens() > 0);
    stack.sandbox.misbehave_times(Route::Token, Fault::Status(503), 1);
    let failed = process::run(&mut command(), Duration::from_mins(2)).await.expect("it ends");
    assert_ne!(failed.code, Some(0), "{}", failed.stdout);
    let seen = last_json(&stack.run(command(), "client").await);
    assert_eq!(seen["workflows"], json!([5]));
    assert_eq!(stack.asked(AUTHORIZE, ""), 1, "no new sign-in");
}
