//! The Model Context Protocol's own conformance suite, in both eras.
//!
//! What it cannot find here is listed in `clients/conformance-*.yml`, each with the reason. An entry that starts
//! to pass fails the run.

use sandbox::{Sandbox, fixtures};
use suite::node::Node;
use suite::proxy::{self, Proxy};
use suite::server::Server;
use suite::{conformance, require};

#[tokio::test]
async fn the_legacy_era_conforms() {
    conforms(&require!(Node::with_clients().await), "2025-11-25").await;
}

#[tokio::test]
async fn the_modern_era_conforms() {
    conforms(&require!(Node::with_clients().await), "2026-07-28").await;
}

async fn conforms(node: &Node, version: &str) {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let listener = proxy::listener().await;
    // The suite sends the Origin of the address that it talks to, which is the proxy's.
    let base_url = proxy::url(&listener);
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_BASE_URL", base_url).start().await;
    let proxy = Proxy::start(listener, server.base(), fixtures::DEMO_TOKEN);
    conformance::run(node, proxy.url(), version, &format!("conformance-{version}.yml")).await;
}
