//! The view of MCP Apps, as clients of others find it. The TypeScript client renders it, in the suite `view`.

use std::time::Duration;

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::python::Python;
use suite::server::Server;
use suite::{process, require};

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn the_python_client_reads_the_view_and_is_told_what_to_do_without_one_in_both_eras() {
    let python = require!(Python::with_clients().await);
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    // 32 bytes in base64, made for this test.
    let server = Server::for_sandbox(&sandbox)
        .env("VALIDIBOT_MCP_SEAL_KEYS", "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let server = server.on_its_own_base_url().start().await;
    let workflow_ref = fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE);
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input.json");
    let given =
        json!({ "url": server.mcp_url(), "token": fixtures::DEMO_TOKEN, "workflow_ref": workflow_ref });
    std::fs::write(&input, given.to_string()).expect("written");
    for (mode, says) in [("legacy", "Where the user sees none"), ("auto", "This client shows no views")] {
        let mut script = python.script("views.py");
        script.arg(mode).arg(&input);
        let output = process::run(&mut script, DEADLINE).await.expect("it ends").expect_success(mode);
        let seen: Value =
            serde_json::from_str(output.stdout.lines().last().unwrap_or_default()).expect("JSON");
        let names: Vec<&Value> =
            seen["tools"].as_array().expect("a list").iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["wait_for_run", "open_upload"], "{mode}");
        assert_eq!(seen["tools"][0]["meta"]["ui"]["resourceUri"], seen["tools"][0]["meta"]["ui/resourceUri"]);
        assert_eq!(seen["view"]["mime_type"], "text/html;profile=mcp-app");
        assert_eq!(seen["view"]["meta"]["ui"]["csp"]["connectDomains"], json!([server.base()]));
        assert_eq!(seen["view"]["text"], "<!doctype html>");
        // Many clients show their models the text alone.
        for told in [seen["opened"]["message"].as_str(), seen["text"].as_str()] {
            assert!(told.is_some_and(|told| told.contains(says)), "{mode}: {told:?}");
        }
        assert_eq!(seen["opened"]["next"]["tool"], "prepare_upload", "{mode}");
    }
}
