//! The Model Context Protocol's own scenarios for authorization servers.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use suite::node::Node;
use suite::{net, require};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::stack::{Stack, browser_script};

/// Generous: a run takes seconds.
const DEADLINE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn the_authorization_server_scenarios_pass() {
    let node = require!(Node::with_clients().await);
    let stack = Stack::start().await;
    let port = net::free_port();
    let redirect = format!("http://127.0.0.1:{port}/callback");
    let metadata = json!({ "client_name": "Conformance", "redirect_uris": [redirect] });
    let registered = net::http_client().post(format!("{}/register", stack.base)).json(&metadata).send().await;
    let registered: Value = registered.expect("an answer").json().await.expect("JSON");

    let mut command = node.bin("conformance");
    command
        .args(["authorization", "--url", &stack.base, "--port", &port.to_string()])
        .args(["--client-id", registered["client_id"].as_str().expect("text")])
        .args(["--resource", &stack.mcp_url()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut running = command.spawn().expect("it starts");
    let mut output = BufReader::new(running.stdout.take().expect("it is piped"));
    let mut printed = String::new();
    let finish = async {
        loop {
            let mut line = String::new();
            assert_ne!(
                output.read_line(&mut line).await.expect("text"),
                0,
                "it asked for no sign-in:\n{printed}"
            );
            printed.push_str(&line);
            let address = line.trim();
            if address.starts_with(&stack.base) && address.contains("code_challenge=") {
                let mut browser = tokio::process::Command::new("python3");
                let walked = browser.arg(browser_script()).arg(address).status().await.expect("it starts");
                assert!(walked.success());
                break;
            }
        }
        output.read_to_string(&mut printed).await.expect("text");
        running.wait().await.expect("it ends")
    };
    let Ok(status) = tokio::time::timeout(DEADLINE, finish).await else {
        panic!("it did not end:\n{printed}")
    };
    assert!(status.success(), "{printed}");
    for scenario in ["authorization-server-metadata-endpoint", "authorization-code-grant"] {
        assert!(printed.contains(scenario), "{scenario} was not run:\n{printed}");
    }
    assert!(!printed.contains("WARNING") && !printed.contains("FAILURE"), "{printed}");
}
