//! Each client signs in, calls a tool and refreshes; then both server processes are replaced, and it goes on with what
//! it has stored.

use sandbox::{Fault, Route};
use serde_json::json;
use suite::node::Node;
use suite::python::Python;
use suite::require;
use tokio::process::Command;

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
    let stack = Stack::start().await;
    let signs_in = async |stack: &Stack| {
        let seen = last_json(&stack.run(node_command(&node, kind, stack), kind).await);
        assert_eq!(seen["workflows"], json!([5]), "{kind}");
    };
    signs_in_once(stack, kind, signs_in).await;
}

#[tokio::test]
async fn the_inspector_signs_in() {
    let node = require!(Node::with_clients().await);
    let stack = Stack::start().await;
    let signs_in = async |stack: &Stack| {
        let printed = stack.run(inspector_command(&node, stack), "the inspector").await;
        assert!(printed.contains("workflow_ref"), "{printed}");
    };
    signs_in_once(stack, "the inspector", signs_in).await;
}

fn node_command(node: &Node, kind: &str, stack: &Stack) -> Command {
    let mut command = node.script("sign_in.mjs");
    command.arg(kind).arg(stack.mcp_url()).arg(stack.scratch()).arg(browser_script());
    command
}

fn inspector_command(node: &Node, stack: &Stack) -> Command {
    let mut command = node.bin("mcp-inspector");
    command.arg("--cli").arg(stack.mcp_url()).args(["--format", "json", "--method", "tools/call"]);
    command.args(["--tool-name", "list_workflows"]);
    // Without a keyring it would forget everything with its process.
    command.env("MCP_INSPECTOR_SECRET_STORE", "file");
    command
}

/// A client that keeps what it was given: it signs in, refreshes, and refreshes again with what it was given then, at
/// two processes that were not there before.
async fn signs_in_once(mut stack: Stack, kind: &str, calls_a_tool: impl AsyncFn(&Stack)) {
    for refreshes in 0..=2 {
        calls_a_tool(&stack).await;
        assert_eq!(stack.asked(TOKEN, "grant_type=refresh_token"), refreshes, "{kind}");
        assert_eq!(stack.asked(AUTHORIZE, ""), 1, "{kind}: one sign-in for all of it");
        if refreshes == 1 {
            stack.restart().await;
        }
        assert!(stack.expire_tokens() > 0, "{kind} keeps its token somewhere else");
    }
}

/// What SECURITY.md says of it: they give their tokens up and sign in anew, with the client id that they have.
#[tokio::test]
async fn the_python_clients_sign_in_anew_when_a_refresh_is_503() {
    let python = require!(Python::with_clients().await);
    for kind in ["mcp", "fastmcp"] {
        let stack = Stack::start().await;
        for sign_ins in 1..=2 {
            let mut command = python.script("sign_in.py");
            command.arg(kind).arg(stack.mcp_url()).arg(stack.scratch());
            let seen = last_json(&stack.run(command, kind).await);
            assert_eq!(seen["workflows"], json!([5, 5]), "{kind}");
            assert_eq!(stack.asked(AUTHORIZE, ""), sign_ins, "{kind}");
            stack.sandbox.misbehave_times(Route::Token, Fault::Status(503), 1);
        }
    }
}

/// What SECURITY.md says of it: the call fails, the tokens stay, and the next call refreshes.
#[tokio::test]
async fn the_typescript_clients_keep_their_tokens_when_a_refresh_is_503() {
    let node = require!(Node::with_clients().await);
    for kind in ["client", "mcp-remote", "the inspector"] {
        let stack = Stack::start().await;
        let command = || match kind {
            "the inspector" => inspector_command(&node, &stack),
            _ => node_command(&node, kind, &stack),
        };
        stack.run(command(), kind).await;
        assert!(stack.expire_tokens() > 0, "{kind}");
        stack.sandbox.misbehave_times(Route::Token, Fault::Status(503), 1);
        let failed = stack.try_run(command()).await;
        assert_ne!(failed.code, Some(0), "{kind}: {}", failed.stdout);
        stack.run(command(), kind).await;
        assert_eq!(stack.asked(AUTHORIZE, ""), 1, "{kind}: no new sign-in");
    }
}
