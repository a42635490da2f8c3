//! Runs as they go on.

use std::time::Duration;

use sandbox::Sandbox;
use sandbox::fixtures::{self, ACME, ANNUAL_SIMULATION, ENERGY_MODEL};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Got, World, as_demo, got};

fn path(run: &Value) -> String {
    format!("/api/v1/mcp/runs/{}/", run["run_ref"].as_str().expect("a reference"))
}

fn steps(run: &Value) -> Vec<&str> {
    run["steps"].as_array().expect("steps").iter().filter_map(|step| step["status"].as_str()).collect()
}

#[tokio::test]
async fn a_slow_run_shows_its_steps_one_after_the_other() {
    // Long, and the clock is moved: what the machine adds by being slow does not matter.
    let world = World::with(Sandbox::builder().simulation(Duration::from_mins(200))).await;
    let launched = world.upload(ANNUAL_SIMULATION, fixtures::GOOD_ENERGY_MODEL, "application/json").await;
    let run = launched.json();
    assert_eq!((launched.status, launched.header("retry-after")), (202, "5"));
    assert_eq!(
        (&run["status"], &run["state"], &run["result"]),
        (&json!("PENDING"), &json!("PENDING"), &json!("UNKNOWN"))
    );
    assert_eq!((&run["started_at"], &run["ended_at"]), (&Value::Null, &Value::Null));
    let mut seen = Vec::new();
    for _ in 0..13 {
        world.sandbox.advance(Duration::from_secs(1000));
        let now = got(world.demo(&path(&run))).await.json();
        let shown = format!("{} {}", now["state"].as_str().expect("a state"), steps(&now).join(" "));
        if seen.last() != Some(&shown) {
            seen.push(shown);
        }
    }
    assert_eq!(
        seen,
        [
            "PENDING PENDING PENDING PENDING PENDING",
            "RUNNING RUNNING PENDING PENDING PENDING",
            "RUNNING PASSED RUNNING PENDING PENDING",
            "RUNNING PASSED PASSED RUNNING PENDING",
            "RUNNING PASSED PASSED PASSED RUNNING",
            "COMPLETED PASSED PASSED PASSED PASSED",
        ]
    );
    let last = got(world.demo(&path(&run))).await;
    assert_eq!(last.keys()[..2], ["run_ref", "id"], "a status read starts with the reference");
    assert!(!last.keys().contains(&"run_id".to_owned()));
    let output = &last.json()["steps"][2]["output_values"][0];
    assert_eq!(output["slug"], "annual_heating_demand");
    assert_eq!(last.json()["result"], "PASS");
}

#[tokio::test]
async fn the_content_decides_the_slow_verdict() {
    let world = World::start().await;
    let run = world.upload(ANNUAL_SIMULATION, b"{\"no\":1}", "application/json").await.json();
    world.sandbox.advance(Duration::from_secs(12));
    let now = got(world.demo(&path(&run))).await.json();
    assert_eq!((&now["result"], &now["steps"][2]["issues"][0]["path"]), (&json!("FAIL"), &json!("/model")));
    assert_eq!(steps(&now), ["PASSED", "PASSED", "FAILED", "SKIPPED"]);
}

#[tokio::test]
async fn findings_name_the_place() {
    let world = World::start().await;
    let run = world.upload("sensor-table", fixtures::BAD_TABLE, "text/plain").await.json();
    let now = got(world.demo(&path(&run))).await.json();
    let issue = &now["steps"][0]["issues"][2];
    assert_eq!(issue["path"], "row 3, column temperature_c");
    assert_eq!(
        issue["failed_rows"],
        json!({ "sample_rows": [{ "row": 3, "column": "temperature_c", "value": "197.8" }], "count": 1,
                "truncated": false })
    );
}

/// The contract's example with the parts that differ from run to run taken out, and this sandbox's own values.
#[tokio::test]
async fn a_failed_run_is_the_contracts_example() {
    let world = World::start().await;
    let document = br#"{"building":{"name":"x","location":{"latitude":0,"longitude":0}},"total_floor_area_m2":1,"zones":[]}"#;
    let launched = world.upload(ENERGY_MODEL, document, "application/json").await.json();
    let text = got(world.demo(&path(&launched))).await.text;
    let mut shown = text.clone();
    for (key, name) in [
        ("run_ref", "RUN_REF"),
        ("id", "UUID"),
        ("submission", "SUBMISSION"),
        ("started_at", "START"),
        ("ended_at", "END"),
        ("output_hash", "HASH"),
        ("output_expires_at", "EXPIRY"),
    ] {
        let run: Value = serde_json::from_str(&text).expect("JSON");
        shown = shown.replacen(&format!("\"{key}\":{}", run[key]), &format!("\"{key}\":\"{name}\""), 1);
    }
    let duration = serde_json::from_str::<Value>(&text).expect("JSON")["duration_ms"].to_string();
    shown = shown.replace(&format!("\"duration_ms\":{duration}"), "\"duration_ms\":0");
    expect_test::expect![[r#"{"run_ref":"RUN_REF","id":"UUID","status":"FAILED","state":"COMPLETED","result":"FAIL","source":"MCP","error_category":"VALIDATION_FAILED","org":"acme","user":2,"workflow":1,"workflow_slug":"energy-model","submission":"SUBMISSION","started_at":"START","ended_at":"END","duration_ms":0,"steps":[{"step_id":11,"name":"Schema","status":"FAILED","issues":[{"id":1,"message":"[] has less than 1 item","path":"/zones","severity":"ERROR","code":"minItems","assertion_id":null,"failed_rows":null}],"error":"","output_values":[],"template_parameters_used":null,"template_warnings":null},{"step_id":12,"name":"Plausibility","status":"SKIPPED","issues":[],"error":"","output_values":[],"template_parameters_used":null,"template_warnings":null}],"error":"Validation failed: at least one step has errors.","user_friendly_error":"The file does not meet the workflow's requirements.","output_hash":"HASH","output_retention_policy":"DO_NOT_STORE","output_expires_at":"EXPIRY","output_purged_at":null}"#]]
    .assert_eq(&shown);
    let run: Value = serde_json::from_str(&text).expect("JSON");
    let moment = run["ended_at"].as_str().expect("a moment");
    assert!(moment.ends_with('Z') && (moment.len() == 27 || moment.len() == 20), "{moment}");
    assert_eq!(run["output_hash"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn outputs_are_purged_after_their_retention() {
    let world = World::start().await;
    let read = async |run: &Value| got(world.demo(&path(run))).await.json();
    let kept = |run: &Value| run["output_purged_at"].is_null() && run["steps"][0]["issues"].is_array();
    let assert_purged = |run: &Value| {
        assert_eq!(
            (&run["steps"], &run["error"], &run["user_friendly_error"], &run["output_hash"]),
            (&json!([]), &json!(""), &json!(""), &json!(""))
        );
        assert!(run["output_purged_at"].is_string());
    };
    // A workflow's default: everything expires as the run ends, and is gone from a minute after (contract, A6).
    let run = world.upload(ENERGY_MODEL, b"{}", "application/json").await.json();
    assert_eq!(
        (&run["output_retention_policy"], &run["output_expires_at"]),
        (&json!("DO_NOT_STORE"), &run["ended_at"])
    );
    world.sandbox.advance(Duration::from_secs(40));
    assert!(kept(&read(&run).await));
    world.sandbox.advance(Duration::from_secs(20));
    let purged = read(&run).await;
    assert_purged(&purged);
    assert_eq!((&purged["result"], &purged["state"]), (&json!("FAIL"), &json!("COMPLETED")));
    // One that keeps them.
    let run = world.upload(ANNUAL_SIMULATION, b"{}", "application/json").await.json();
    world.sandbox.advance(Duration::from_hours(29 * 24));
    assert!(kept(&read(&run).await));
    world.sandbox.advance(Duration::from_hours(2 * 24));
    assert_purged(&read(&run).await);
}

#[tokio::test]
async fn a_run_reference_that_leads_nowhere_has_its_status() {
    let world = World::start().await;
    let run = world.upload(ENERGY_MODEL, b"{}", "application/json").await.json();
    let id: Uuid = run["id"].as_str().expect("an id").parse().expect("a UUID");
    let status = |reference: String| got(world.demo(&format!("/api/v1/mcp/runs/{reference}/")));
    let not_found = |answer: Got| answer.is_coded(404, "NOT_FOUND");
    not_found(status(fixtures::run_ref(ACME, Uuid::new_v4())).await);
    not_found(status(fixtures::run_ref(fixtures::NORTHWIND, id)).await);
    // Another user's run.
    let foreign = world.get(&path(&run)).header("X-MCP-Service-Key", fixtures::SERVICE_KEY);
    not_found(got(foreign.header("X-Validibot-User-Sub", "3")).await);
    let refused = status("run_e30".to_owned()).await;
    refused.is_coded(400, "INVALID_PARAMS");
    assert_eq!(refused.json()["errors"][0]["field"], "run_ref");
    // {"kind":"member","org":"acme","run_id":"nope"}
    let no_uuid = "run_eyJraW5kIjoibWVtYmVyIiwib3JnIjoiYWNtZSIsInJ1bl9pZCI6Im5vcGUifQ";
    status(no_uuid.to_owned()).await.is_coded(500, "INTERNAL_SERVER_ERROR");
    got(as_demo(world.get("/api/v1/mcp/runs/x/")).header("a", "b")).await.is_coded(400, "INVALID_PARAMS");
}
