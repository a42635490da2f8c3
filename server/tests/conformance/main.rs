//! The Model Context Protocol's conformance suite against this server's transport and middleware with the suite's own
//! fixtures in front of the product's tools: what the product has no use for is exercised here all the same.
//!
//! The suite against the server as it ships is in `tests/suite/tests/conformance.rs`.
#![expect(deprecated, reason = "the suite tests what the protocol is about to drop, too")]

mod fixtures;
mod interviews;
mod prompts;
mod resources;
mod tools;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sandbox::{Sandbox, fixtures as known};
use suite::node::Node;
use suite::proxy::{self, Proxy};
use suite::{conformance, require};
use validibot_mcp::app::App;
use validibot_mcp::base::clock::SystemClock;
use validibot_mcp::base::random::SystemRandom;
use validibot_mcp::config::Settings;
use validibot_mcp::http::router::router_with;
use validibot_mcp::mcp::Tools;

use self::fixtures::WithFixtures;

/// 32 bytes in base64, made for this test.
const SEAL_KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[tokio::test]
async fn the_legacy_era_conforms_with_the_suites_fixtures() {
    conforms(&require!(Node::with_clients().await), "2025-11-25").await;
}

#[tokio::test]
async fn the_modern_era_conforms_with_the_suites_fixtures() {
    conforms(&require!(Node::with_clients().await), "2026-07-28").await;
}

async fn conforms(node: &Node, version: &str) {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let before = proxy::listener().await;
    let base_url = proxy::url(&before);
    let listener = proxy::listener().await;
    let server = proxy::url(&listener);
    let env = BTreeMap::from(
        [
            ("VALIDIBOT_API_BASE_URL", sandbox.url()),
            ("VALIDIBOT_MCP_BASE_URL", &base_url),
            ("VALIDIBOT_MCP_SERVICE_KEY", known::SERVICE_KEY),
            ("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let loaded = Settings::load(&env, Path::new("/nonexistent/.env")).expect("good settings");
    let app = App::build(loaded.settings, Arc::new(SystemClock), Arc::new(SystemRandom)).expect("an app");
    let router = router_with(&app, WithFixtures::around(Tools::new(app.backend()), &app));
    tokio::spawn(axum::serve(listener, router).into_future());
    let proxy = Proxy::start(before, &server, known::DEMO_TOKEN);
    conformance::run(node, proxy.url(), version, &format!("conformance-fixtures-{version}.yml")).await;
}
