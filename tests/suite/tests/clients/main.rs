//! MCP clients that others wrote, against the real server: the main job in each, at each version it speaks.

mod agents;
mod inspector;
mod journey;
mod views;

use journey::Journey;
use suite::node::Node;
use suite::python::Python;
use suite::require;

#[tokio::test]
async fn fastmcp_does_the_main_job_in_both_eras() {
    let python = require!(Python::with_clients().await);
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")] {
        let journey = Journey::start().await;
        let command = python.script("journey.py");
        journey.run(command, "fastmcp", mode).await.assert_done(Some(version));
    }
}

#[tokio::test]
async fn the_python_sdk_does_the_main_job_in_both_eras() {
    let python = require!(Python::with_clients().await);
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")] {
        let journey = Journey::start().await;
        let command = python.script("journey.py");
        journey.run(command, "mcp-client", mode).await.assert_done(Some(version));
    }
}

#[tokio::test]
async fn the_python_sdks_low_level_session_does_the_main_job() {
    let python = require!(Python::with_clients().await);
    let journey = Journey::start().await;
    let command = python.script("journey.py");
    journey.run(command, "mcp-session", "legacy").await.assert_done(Some("2025-11-25"));
}

#[tokio::test]
async fn the_older_python_sdk_does_the_main_job() {
    let python = require!(Python::with_mcp1().await);
    let journey = Journey::start().await;
    let command = python.script("journey.py");
    journey.run(command, "mcp1", "legacy").await.assert_done(Some("2025-11-25"));
}

#[tokio::test]
async fn the_typescript_client_does_the_main_job_in_both_eras() {
    let node = require!(Node::with_clients().await);
    for (mode, version) in [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")] {
        let journey = Journey::start().await;
        let command = node.script("journey.mjs");
        journey.run(command, "client", mode).await.assert_done(Some(version));
    }
}

/// Of all clients here, this one alone can be told to speak an older version.
#[tokio::test]
async fn the_typescript_client_does_the_main_job_in_each_older_version() {
    let node = require!(Node::with_clients().await);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        let journey = Journey::start().await;
        let command = node.script("journey.mjs");
        journey.run(command, "client", version).await.assert_done(Some(version));
    }
}

#[tokio::test]
async fn the_older_typescript_sdk_does_the_main_job() {
    let node = require!(Node::with_clients().await);
    let journey = Journey::start().await;
    let command = node.script("journey.mjs");
    journey.run(command, "sdk", "legacy").await.assert_done(Some("2025-11-25"));
}

#[tokio::test]
async fn a_stdio_host_does_the_main_job_through_mcp_remote() {
    let node = require!(Node::with_clients().await);
    let journey = Journey::start().await;
    let command = node.script("journey.mjs");
    journey.run(command, "mcp-remote", "legacy").await.assert_done(None);
}
