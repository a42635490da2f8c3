//! A8: the API for agents that pay. This version of it is the reference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};

use crate::client::{World, got};

const WALLET: &str = "0x857b06519e91e3a54538791bdbb0e22373e36b66";

/// A deployment that lets agents pay.
async fn paid() -> World {
    World::with(Sandbox::builder().paid_access(true)).await
}

/// A launch as the MCP server sends it, for this transaction and file.
fn launch(world: &World, transaction: &str, content: &[u8]) -> RequestBuilder {
    let body = json!({ "file_content": STANDARD.encode(content) });
    world
        .http
        .post(world.url("/api/v1/agent/runs/"))
        .header("X-MCP-Service-Key", fixtures::SERVICE_KEY)
        .header("X-X402-TxHash", transaction)
        .header("X-X402-Wallet", WALLET)
        .header("X-X402-Amount", "100000")
        .header("X-X402-Network", fixtures::NETWORK)
        .header("X-X402-Asset", fixtures::ASSET)
        .header("X-X402-Pay-To", fixtures::PAY_TO)
        .header("X-X402-Workflow-Slug", fixtures::ENERGY_MODEL)
        .header("X-X402-Org-Slug", fixtures::OPEN_LAB)
        .header("X-X402-File-Name", "model.json")
        .header("Content-Type", "application/json")
        .body(body.to_string())
}

#[tokio::test]
async fn the_catalogue_is_public_and_says_what_costs_what() {
    let world = paid().await;
    let list = got(world.get("/api/v1/agent/workflows/")).await;
    assert_eq!(list.status, 200);
    let list = list.json();
    assert_eq!(list.as_array().map(Vec::len), Some(5));
    assert_eq!(
        list[0],
        json!({
            "slug": "energy-model",
            "name": "Energy model",
            "description": "Checks a building-energy model against its JSON Schema, then for plausibility.",
            "version": 1,
            "org_slug": "open-lab",
            "org_name": "Open Lab",
            "allowed_file_types": ["json"],
            "agent_price_cents": 10,
            "agent_billing_mode": "AGENT_PAYS_X402",
            "agent_access_enabled": true,
        })
    );
    let reference = fixtures::workflow_ref(fixtures::OPEN_LAB, fixtures::ENERGY_MODEL);
    let one = got(world.get(&format!("/api/v1/agent/workflows/{reference}/"))).await.json();
    assert!(one["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{one}");
    let members = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    assert_eq!(got(world.get(&format!("/api/v1/agent/workflows/{members}/"))).await.status, 404);
}

#[tokio::test]
async fn a_transaction_has_one_run_whatever_comes_with_it_later() {
    let world = paid().await;
    let first = got(launch(&world, "0xAB", fixtures::BAD_ENERGY_MODEL)).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let first = first.json();
    let again = got(launch(&world, "0xab", fixtures::GOOD_ENERGY_MODEL)).await;
    assert_eq!((again.status, again.json()), (200, first.clone()));
    assert_eq!(world.sandbox.paid_transactions(), ["0xab"]);
    let other = got(launch(&world, "0xac", fixtures::BAD_ENERGY_MODEL)).await.json();
    assert_ne!(other["run_id"], first["run_id"]);
    assert_eq!(other["file_sha256"], first["file_sha256"]);

    let keys: Vec<&String> = first.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "run_id",
            "wallet_address",
            "state",
            "result",
            "org",
            "workflow_slug",
            "started_at",
            "ended_at",
            "file_sha256",
            "findings",
        ]
    );
    assert_eq!((&first["state"], &first["result"]), (&json!("COMPLETED"), &json!("FAIL")));
    assert_eq!(first["findings"].as_array().map(Vec::len), Some(4));
    let run = |wallet: &str| {
        let id = first["run_id"].as_str().expect("text");
        world.get(&format!("/api/v1/agent/runs/{id}/?wallet_address={wallet}"))
    };
    assert_eq!(got(run(WALLET)).await.json(), first);
    for stranger in ["", "0x1111111111111111111111111111111111111111"] {
        assert_eq!(got(run(stranger)).await.status, 404, "{stranger}");
    }
}

#[tokio::test]
async fn a_launch_is_the_services_alone_and_has_to_be_for_the_price() {
    let world = paid().await;
    let with = |name: &str, value: &str| {
        let mut request = launch(&world, "0xab", fixtures::GOOD_ENERGY_MODEL).build().expect("a request");
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
        RequestBuilder::from_parts(world.http.clone(), request)
    };
    for (header, value, status) in [
        ("X-MCP-Service-Key", "another", 401),
        ("X-X402-TxHash", "", 401),
        ("X-X402-Pay-To", "0x1111111111111111111111111111111111111111", 401),
        ("X-X402-Network", "eip155:1", 401),
        ("X-X402-Amount", "1", 400),
        ("X-X402-Workflow-Slug", fixtures::FREE_WORKFLOW, 403),
        ("X-X402-Workflow-Slug", "none", 404),
        ("X-X402-File-Name", "model.csv", 400),
    ] {
        assert_eq!(got(with(header, value)).await.status, status, "{header}: {value}");
    }
    let garbage: Value = json!({ "file_content": "*" });
    let garbage = launch(&world, "0xab", b"{}").body(garbage.to_string());
    assert_eq!(got(garbage).await.status, 400);
    assert!(world.sandbox.paid_transactions().is_empty());
}

#[tokio::test]
async fn without_paid_access_there_is_no_such_api() {
    for (on, status, feature) in [(false, 404, false), (true, 200, true)] {
        let world = World::with(Sandbox::builder().paid_access(on)).await;
        assert_eq!(got(world.get("/api/v1/agent/workflows/")).await.status, status);
        let licence = got(world.get("/api/v1/license/features/")).await.json();
        let features = licence["features"].as_array().expect("a list");
        assert_eq!(features.contains(&json!("x402_agent_payments")), feature, "{licence}");
        assert!(features.is_sorted_by_key(|name| name.as_str()), "{licence}");
    }
    let world = World::start().await;
    assert_eq!(got(launch(&world, "0xad", fixtures::GOOD_ENERGY_MODEL)).await.status, 404);
    assert!(world.sandbox.paid_transactions().is_empty());
}
