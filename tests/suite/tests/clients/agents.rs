//! Agent products that others make, with a stand-in for their model: what the model reads after a product's conversions, and
//! what comes of what it answers.

mod products;
mod script;

use std::time::Duration;

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::model::Model;
use suite::node::Agents;
use suite::server::Server;
use suite::{process, require};

use self::products::Product;
use self::script::{BAD, CALLS, GOOD, told};

/// 32 bytes in base64, made for these tests.
const SEAL_KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Not done when it is first asked for, and soon after.
const SIMULATION: Duration = Duration::from_secs(1);
/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(4);

#[tokio::test]
async fn claude_code_makes_the_twelve_calls() {
    let agents = require!(Agents::installed().await);
    twelve_calls(&agents, Product::ClaudeCode).await;
}

#[tokio::test]
async fn codex_cli_makes_the_twelve_calls() {
    let agents = require!(Agents::installed().await);
    twelve_calls(&agents, Product::Codex).await;
}

#[tokio::test]
async fn gemini_cli_makes_the_twelve_calls() {
    let agents = require!(Agents::installed().await);
    twelve_calls(&agents, Product::Gemini).await;
}

#[tokio::test]
async fn opencode_makes_the_twelve_calls() {
    let agents = require!(Agents::installed().await);
    twelve_calls(&agents, Product::Opencode).await;
}

async fn twelve_calls(agents: &Agents, product: Product) {
    let sandbox = Sandbox::builder().simulation(SIMULATION).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS);
    let server = server.on_its_own_base_url().start().await;
    let model = Model::start(Box::new(script::next)).await;
    let home = tempfile::tempdir().expect("a folder");

    let mut command = product.command(agents, home.path(), model.url(), &server.mcp_url());
    let output = process::run(&mut command, DEADLINE).await.expect("it ends");
    let results = model.conversation().results;
    assert_eq!(results.len(), CALLS, "{product:?}: {results:#?}\n{}\n{}", output.stdout, output.stderr);
    let _ = output.expect_success(&format!("{product:?}"));

    assert_results(&results);
    assert_arrived(&sandbox);
}

/// What the model has read.
#[track_caller]
fn assert_results(results: &[String]) {
    let json: Vec<Value> = results.iter().map(|result| told(result)).collect();
    let workflow = |slug| fixtures::workflow_ref(fixtures::ACME, slug);
    assert_eq!(json[0]["next"]["tool"], "get_workflow_details", "{}", results[0]);
    assert_eq!(json[1]["workflow_ref"], workflow(fixtures::ENERGY_MODEL), "{}", results[1]);
    assert_eq!(json[1]["next"]["tool"], "validate_file", "{}", results[1]);

    // Each wait is about the run before it, and ends in its verdict.
    for (validated, waited, verdict) in [(2, 3, "PASS"), (4, 5, "FAIL"), (7, 8, "PASS")] {
        let (started, ended) = (&json[validated]["overview"], &json[waited]["overview"]);
        assert_eq!(started["run_ref"], ended["run_ref"], "{}\n{}", results[validated], results[waited]);
        assert_eq!((&ended["state"], &ended["result"]), (&json!("COMPLETED"), &json!(verdict)), "{ended}");
    }
    assert_eq!(json[3]["overview"]["findings"]["total"], 0, "{}", results[3]);
    assert!(json[5]["overview"]["findings"]["shown"].as_array().is_some_and(|shown| shown.len() >= 4));
    assert_eq!(json[5]["overview"]["next"]["tool"], "validate_file", "{}", results[5]);
    assert_eq!(json[7]["overview"]["next"]["tool"], "wait_for_run", "{}", results[7]);

    for said in ["INVALID_PARAMS", "run_ref does not decode"] {
        assert!(results[6].contains(said), "the error says {said}: {}", results[6]);
    }
    assert!(json[9]["curl"].as_str().is_some_and(|line| line.starts_with("curl ")), "{}", results[9]);
    for slug in [fixtures::ENERGY_MODEL, fixtures::SENSOR_TABLE, fixtures::ANNUAL_SIMULATION] {
        let uri = format!("validibot://workflows/{}", workflow(slug));
        assert!(results[10].contains(&uri), "{uri} is listed: {}", results[10]);
    }
    assert!(results[11].contains("# Sensor table") && results[11].contains("## Steps"), "{}", results[11]);
}

/// What Validibot has got: the three files as they are, and nothing else was started.
#[track_caller]
fn assert_arrived(sandbox: &Sandbox) {
    let launches: Vec<String> = sandbox
        .received()
        .iter()
        .filter(|request| request.method == "POST")
        .map(sandbox::Received::text)
        .collect();
    assert_eq!(launches.len(), 3);
    for (launch, file) in launches.iter().zip([GOOD, BAD, GOOD]) {
        let file = String::from_utf8_lossy(file);
        assert!(launch.contains(&*file), "the file arrived as it is: {launch}");
    }
}
