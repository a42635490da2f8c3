//! Long results stay below what hosts pass on, and nothing is out of reach.

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::Era;

/// A model with this many zones, each of them wrong in two places.
fn bad_model(zones: usize) -> String {
    let mut model: Value = serde_json::from_slice(fixtures::BAD_ENERGY_MODEL).expect("JSON");
    let zone = model["zones"][1].clone();
    model["zones"] = vec![zone; zones].into();
    model.to_string()
}

#[tokio::test]
async fn every_finding_of_a_long_run_can_be_paged_through() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let arguments = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
        "file_name": "bad.json",
        "text": bad_model(600),
    });
    let run = client.call_tool("validate_file", arguments).await.success();
    let mut call = json!({ "run_ref": run["run_ref"], "findings_limit": 200 });
    let mut places = std::collections::BTreeSet::new();
    let mut total = 0;
    for page in 0.. {
        assert!(page < 100, "paging does not end");
        let result = client.call_tool("get_run_status", call.clone()).await;
        assert!(result.text.len() <= 40_000, "a page has {} characters", result.text.len());
        // What is cut off elsewhere is cut off at the end.
        let first: String = result.text.chars().take(1_000).collect();
        for told in ["\"run_ref\"", "\"result\"", "\"next\""] {
            assert!(first.contains(told), "{told} is not in {first}");
        }
        let result = result.success();
        let findings = &result["overview"]["findings"];
        total = findings["total"].as_u64().expect("a count");
        for finding in findings["shown"].as_array().expect("findings") {
            places.insert(finding.to_string());
        }
        let next = &result["overview"]["next"];
        call = next["arguments"].clone();
        if next["tool"] == "validate_file" {
            // All were shown: now the file is to be corrected.
            break;
        }
        assert_eq!((&next["tool"], &call["findings_limit"]), (&json!("get_run_status"), &json!(200)));
    }
    assert!(total > 20, "the sandbox reports {total} findings");
    assert_eq!(places.len() as u64, total, "each finding is on one page");
}

#[tokio::test]
async fn a_page_that_makes_no_sense_is_refused_by_field() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Legacy);
    let run_ref = "run_eyJraW5kIjoibWVtYmVyIiwib3JnIjoiYWNtZSIsInJ1bl9pZCI6ImVhNzFjZjIwLWVkMDgtNGRiNC04NGUzLTViNjMxYTZhY2YyZCJ9";
    for (argument, value) in
        [("findings_limit", json!(0)), ("findings_limit", json!(1000)), ("findings_offset", json!(-1))]
    {
        let mut arguments = json!({ "run_ref": run_ref });
        arguments[argument] = value;
        let result = client.call_tool("get_run_status", arguments).await;
        let errors = &result.structured["error"]["data"]["errors"];
        assert_eq!(errors[0]["field"], Value::from(argument), "{}", result.structured);
    }
}
