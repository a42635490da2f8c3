//! The main job: list, look, validate, wait, read the findings.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::server::Server;

use crate::Stack;

async fn submit(client: &Client, workflow: &str, name: &str, file: &[u8]) -> Value {
    let arguments = json!({
        "file_content": BASE64_STANDARD.encode(file),
        "file_name": name,
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, workflow),
    });
    client.call_tool("validate_file", arguments).await.success()
}

/// Submits a file and waits for its run, as an agent does.
async fn verdict(client: &Client, workflow: &str, name: &str, file: &[u8]) -> Value {
    let run = submit(client, workflow, name, file).await;
    client.call_tool("wait_for_run", json!({ "run_ref": run["run_ref"] })).await.success()
}

/// The findings, which stand once in a result; the steps say how many of them are theirs.
fn findings(run: &Value) -> Vec<Value> {
    let shown = run["overview"]["findings"]["shown"].as_array().expect("findings").clone();
    let steps = run["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step.get("issues").is_none()), "they stand once: {run}");
    let counted: u64 = steps.iter().filter_map(|step| step["issues_count"].as_u64()).sum();
    assert_eq!(
        (shown.len() as u64, &run["overview"]["findings"]["total"]),
        (counted, &json!(counted)),
        "{run}"
    );
    shown
}

#[tokio::test]
async fn the_catalogue_is_validibots_and_each_entry_can_be_looked_at() {
    let stack = Stack::start().await;
    for era in Era::BOTH {
        let client = stack.client(era);
        let list = client.call_tool("list_workflows", json!({})).await;
        let text: Value = serde_json::from_str(&list.text).expect("the text is JSON");
        let list = list.success();
        assert_eq!(text, list, "the text is the structured content, with `next`");
        assert!(list["next"].is_object(), "{list}");
        let workflows = list["result"].as_array().expect("a list");
        assert_eq!(workflows.len(), 5, "{list}");
        for workflow in workflows {
            let details = client
                .call_tool("get_workflow_details", json!({ "workflow_ref": workflow["workflow_ref"] }))
                .await
                .success();
            for key in ["workflow_ref", "slug", "org_slug", "name"] {
                assert_eq!(details[key], workflow[key], "{key}");
            }
            assert!(!details["accepted_extensions"].as_array().expect("a list").is_empty());
            assert_eq!(details["pricing"], json!({ "mode": "AUTHOR_PAYS", "payment_required": false }));
            assert!(details["validation_summary"].as_str().is_some_and(|text| text.contains("step")));
        }
    }
}

#[tokio::test]
async fn good_files_pass_and_bad_ones_fail_with_findings_that_name_the_place() {
    let stack = Stack::start().await;
    for era in Era::BOTH {
        let client = stack.client(era);
        let good = verdict(&client, fixtures::ENERGY_MODEL, "good.json", fixtures::GOOD_ENERGY_MODEL).await;
        assert_eq!((&good["state"], &good["result"]), (&json!("COMPLETED"), &json!("PASS")), "{good}");
        let good = verdict(&client, fixtures::SENSOR_TABLE, "good.csv", fixtures::GOOD_TABLE).await;
        assert_eq!(good["result"], "PASS", "{good}");

        let bad = verdict(&client, fixtures::ENERGY_MODEL, "bad.json", fixtures::BAD_ENERGY_MODEL).await;
        assert_eq!(bad["result"], "FAIL", "{bad}");
        assert!(
            findings(&bad).iter().any(|issue| issue["path"].as_str().is_some_and(|p| p.contains("zones")))
        );
        let bad = verdict(&client, fixtures::SENSOR_TABLE, "bad.csv", fixtures::BAD_TABLE).await;
        let bad_findings = findings(&bad);
        assert_eq!(bad["result"], "FAIL", "{bad}");
        assert!(bad_findings.len() >= 4, "{bad_findings:#?}");
        assert!(bad_findings.iter().all(|issue| issue["message"].as_str().is_some_and(|m| !m.is_empty())));
    }
}

#[tokio::test]
async fn the_file_arrives_as_it_was_with_its_name_and_type() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let binary: Vec<u8> = (0..=255).chain(0..=255).collect();
    for (name, kind, workflow, file) in [
        ("model.json", "application/json", fixtures::ENERGY_MODEL, fixtures::GOOD_ENERGY_MODEL),
        ("table.csv", "text/plain", fixtures::SENSOR_TABLE, fixtures::GOOD_TABLE),
        ("Modell Zürich.fmu", "application/octet-stream", fixtures::ANNUAL_SIMULATION, &binary),
    ] {
        stack.sandbox.clear_received();
        submit(&client, workflow, name, file).await;
        let received = stack.sandbox.received();
        let launch = received.iter().find(|request| request.method == "POST").expect("a launch");
        assert!(launch.header("content-type").is_some_and(|t| t.starts_with("multipart/form-data")));
        let holds = |part: &[u8]| launch.body.windows(part.len()).any(|window| window == part);
        assert!(holds(file), "{name}: the bytes are there as they were");
        assert!(holds(name.as_bytes()), "{name}: the name is there");
        assert!(holds(kind.as_bytes()), "{name}: the type is there");
    }
}

#[tokio::test]
async fn a_slow_run_is_waited_for_with_progress() {
    for era in Era::BOTH {
        let sandbox = Sandbox::builder().simulation(Duration::from_secs(5)).start().await.expect("a sandbox");
        let server = Server::for_sandbox(&sandbox).start().await;
        let client = server.client(era, fixtures::DEMO_TOKEN);
        let run =
            submit(&client, fixtures::ANNUAL_SIMULATION, "model.json", fixtures::GOOD_ENERGY_MODEL).await;
        assert_ne!(run["state"], "COMPLETED", "{run}");
        let waited = client
            .call_tool_with_progress(
                "wait_for_run",
                json!({ "run_ref": run["run_ref"], "timeout_seconds": 60 }),
            )
            .await;
        let progress = waited.progress.clone();
        assert!(progress.len() >= 3, "{progress:?}");
        assert!(progress.windows(2).all(|pair| pair[0].done < pair[1].done), "it only grows: {progress:?}");
        assert!(progress.iter().any(|p| p.total.is_some() && p.message.is_some()), "{progress:?}");
        let run = waited.success();
        assert_eq!((&run["state"], &run["result"]), (&json!("COMPLETED"), &json!("PASS")), "{run}");
    }
}

#[tokio::test]
async fn a_wait_that_is_too_short_says_plainly_to_call_again() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let run = submit(&client, fixtures::ANNUAL_SIMULATION, "model.json", fixtures::GOOD_ENERGY_MODEL).await;
    let arguments = json!({ "run_ref": run["run_ref"], "timeout_seconds": 0 });
    let waited = client.call_tool("wait_for_run", arguments).await.success();
    assert_eq!(waited["is_complete"], false, "{waited}");
    assert_eq!(waited["result"], "TIMED_OUT", "{waited}");
    // The system we replace has it there; who reads the overview must not take it for a verdict.
    assert_eq!(waited["overview"]["result"], "UNKNOWN", "{waited}");
    for told in [&waited["message"], &waited["overview"]["message"]] {
        assert!(told.as_str().is_some_and(|m| m.contains("wait_for_run")), "{waited}");
    }
    assert_eq!(waited["run_ref"], run["run_ref"], "{waited}");
}

/// Outputs are deleted after their retention, some a minute after the run: what was found is unknown then, and not nothing.
#[tokio::test]
async fn findings_that_validibot_has_deleted_are_not_reported_as_none() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let run = verdict(&client, fixtures::ENERGY_MODEL, "bad.json", fixtures::BAD_ENERGY_MODEL).await;
    assert!(
        run["overview"]["findings"]["total"].as_u64().is_some_and(|total| total > 0),
        "the control: {run}"
    );
    stack.sandbox.advance(Duration::from_hours(31 * 24));
    let purged = client.call_tool("get_run_status", json!({ "run_ref": run["run_ref"] })).await.success();
    let overview = &purged["overview"];
    assert_eq!((&overview["result"], &overview["findings"]), (&json!("FAIL"), &json!({ "kept": false })));
    assert!(overview["message"].as_str().is_some_and(|text| text.contains("no longer keeps")), "{overview}");
    assert_eq!(overview["next"]["tool"], "validate_file", "{overview}");
    let uri = format!("validibot://runs/{}", run["run_ref"].as_str().expect("a reference"));
    let report = client.request("resources/read", json!({ "uri": uri })).await.result();
    let report = report["contents"][0]["text"].as_str().expect("text").to_owned();
    assert!(report.contains("no longer keeps") && !report.contains("No findings"), "{report}");
}

/// A run that fell over on the way to a verdict.
#[tokio::test]
async fn why_a_run_has_no_verdict_stands_first() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let run = submit(&client, fixtures::ENERGY_MODEL, "good.json", fixtures::GOOD_ENERGY_MODEL).await;
    let broken = json!({
        "id": run["run_id"], "org": fixtures::ACME, "workflow_slug": fixtures::ENERGY_MODEL, "state": "COMPLETED",
        "status": "FAILED", "result": "ERROR", "error_category": "RUNTIME_ERROR", "error": null,
        "user_friendly_error": "The simulation ended early.",
        "steps": [{ "step_id": 1, "name": "Simulation", "status": "FAILED", "issues": [], "error": "exit status 1" }],
    });
    stack.sandbox.misbehave(
        Route::RunStatus,
        Fault::Body {
            status: 200,
            content_type: "application/json".to_owned(),
            bytes: broken.to_string().into_bytes().into(),
        },
    );
    for era in Era::BOTH {
        let read = stack
            .client(era)
            .call_tool("get_run_status", json!({ "run_ref": run["run_ref"] }))
            .await
            .success();
        let message = read["overview"]["message"].as_str().expect("a message");
        for told in ["The simulation ended early.", "Step Simulation: exit status 1"] {
            assert!(message.contains(told), "{read}");
        }
    }
}

#[tokio::test]
async fn progress_comes_at_once_and_a_client_that_goes_away_ends_the_polling() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let run = submit(&client, fixtures::ANNUAL_SIMULATION, "model.json", fixtures::GOOD_ENERGY_MODEL).await;
    let params = json!({
        "name": "wait_for_run",
        "arguments": { "run_ref": run["run_ref"] },
        "_meta": { "progressToken": 1 },
    });
    let waiting = client.start("tools/call", params).await;
    let first = waiting.first_message_then_disconnect().await;
    assert_eq!(first["method"], "notifications/progress", "{first}");
    let ended = stack.server.logs.wait_for_message("tool call", Duration::from_secs(20));
    ended.await.expect("a log line of the first call");
    let polls = async || stack.asked().iter().filter(|asked| asked.contains("/runs/run_")).count();
    let before = polls().await;
    // The second poll would come two seconds after the first.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(polls().await <= before.max(1), "it went on polling");
}

#[tokio::test]
async fn numbers_and_key_order_reach_the_agent_as_validibot_wrote_them() {
    let stack = Stack::start().await;
    let odd = r#"{"zeta":1.10,"alpha":12345678901234567890123,"workflow_ref":"wf_x","mid":{"b":1E+2,"a":-0.0},"slug":"é"}"#;
    stack.sandbox.misbehave(
        Route::WorkflowDetails,
        Fault::Body {
            status: 200,
            content_type: "application/json".to_owned(),
            bytes: odd.as_bytes().to_vec().into(),
        },
    );
    let arguments = json!({ "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL) });
    for era in Era::BOTH {
        let details = stack.client(era).call_tool("get_workflow_details", arguments.clone()).await;
        for written in [&details.text, &details.body] {
            let unescaped = written.replace("\\\"", "\"");
            for part in [r#""zeta":1.10,"alpha":12345678901234567890123,"#, r#""mid":{"b":1"#, r#""a":-0.0}"#]
            {
                assert!(unescaped.contains(part), "{part} is not in {unescaped}");
            }
        }
    }
}

#[tokio::test]
async fn a_launch_whose_fate_is_unknown_is_not_tried_again() {
    for fault in [Fault::Cut, Fault::CutMidway, Fault::Status(502), Fault::Status(500), Fault::TruncatedJson]
    {
        let stack = Stack::start().await;
        stack.sandbox.misbehave(Route::LaunchRun, fault.clone());
        let arguments = json!({
            "file_content": BASE64_STANDARD.encode(fixtures::GOOD_TABLE),
            "file_name": "good.csv",
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE),
        });
        let result = stack.client(Era::Modern).call_tool("validate_file", arguments).await;
        result.error_code();
        let launches = stack.asked().iter().filter(|asked| asked.starts_with("POST")).count();
        assert_eq!(launches, 1, "{fault:?}");
    }
}
