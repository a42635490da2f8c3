//! `validibot-mcp contract` against each version of Validibot, and against what hides it.

use sandbox::{Edition, Fault, Route, Sandbox, Version, fixtures};
use serde_json::{Value, json};
use suite::binary;
use suite::mcp::Era;
use suite::process::run;
use suite::server::Server;
use tokio::process::Command;

/// The exit code, and the rows that are not as expected: state, name, and whether it breaks this server.
async fn check(url: &str, version: &str, token: bool) -> (Option<i32>, Vec<(String, String, bool)>) {
    let mut command = Command::new(binary::validibot_mcp());
    command.args(["contract", url, "--version", version, "--json"]).env_clear();
    if token {
        command.arg("--token").env("VALIDIBOT_E2E_TOKEN", fixtures::DEMO_TOKEN);
    }
    let output = run(&mut command, super::DEADLINE).await.expect("it ends");
    assert!(!output.stdout.contains(fixtures::DEMO_TOKEN), "the token is shown");
    let report: Value = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr));
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let rows = report["parts"].as_array().expect("rows").iter().filter(|row| row["state"] != "as expected");
    let rows = rows.map(|row| (text(row, "state"), text(row, "name"), row["breaking"] == true)).collect();
    (output.code, rows)
}

fn row(state: &str, path: &str, breaking: bool) -> (String, String, bool) {
    (state.to_owned(), format!("endpoint {path}"), breaking)
}

const FEATURES: &str = "/api/v1/license/features/";
const HELPER: &str = "/api/v1/mcp/workflows/";
const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

#[tokio::test]
async fn each_version_has_its_contract_and_not_the_other_one() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    assert_eq!(check(sandbox.url(), "0.15", false).await, (Some(0), vec![]));
    let other = vec![row("new", FEATURES, false), row("new", HELPER, false), row("gone", METADATA, true)];
    assert_eq!(check(sandbox.url(), "0.16", false).await, (Some(2), other));

    sandbox.set_version(Version::V0_16);
    assert_eq!(check(sandbox.url(), "0.16", false).await, (Some(0), vec![]));
    let other = vec![row("gone", FEATURES, true), row("gone", HELPER, true), row("new", METADATA, false)];
    assert_eq!(check(sandbox.url(), "0.15", false).await, (Some(2), other));

    sandbox.set_edition(Edition::Community);
    assert_eq!(check(sandbox.url(), "0.16", false).await, (Some(2), vec![row("gone", METADATA, true)]));
}

#[tokio::test]
async fn what_a_user_can_read_has_its_fields() {
    let sandbox = Sandbox::builder().version(Version::V0_16).start().await.expect("a sandbox");
    let (code, rows) = check(sandbox.url(), "0.16", true).await;
    // Nobody has started a run: of its fields nothing is known.
    let unread = ("could not tell".to_owned(), "run, its fields".to_owned(), false);
    assert_eq!((code, rows), (Some(1), vec![unread]));

    let run = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
        "file_name": "m.json",
        "text": String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL),
    });
    let server = Server::for_sandbox(&sandbox).start().await;
    server.client(Era::Modern, fixtures::DEMO_TOKEN).call_tool("validate_file", run).await.success();
    assert_eq!(check(sandbox.url(), "0.16", true).await, (Some(0), vec![]));

    let bytes = r#"{"next":null,"previous":null,"results":[{"slug":"acme","title":"Acme"}]}"#.into();
    let changed = Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes };
    sandbox.misbehave(Route::Orgs, changed);
    let (code, rows) = check(sandbox.url(), "0.16", true).await;
    assert_eq!(code, Some(2), "{rows:?}");
    for expected in [
        ("gone".to_owned(), "organization: name".to_owned(), true),
        ("new".to_owned(), "organization: title".to_owned(), false),
    ] {
        assert!(rows.contains(&expected), "{expected:?}: {rows:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_unknown_and_a_redirect_is_a_move() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    sandbox.misbehave(Route::LicenseFeatures, Fault::StatusWithRetryAfter(429, 60));
    let unknown = ("could not tell".to_owned(), format!("endpoint {FEATURES}"), false);
    assert_eq!(check(sandbox.url(), "0.15", false).await, (Some(1), vec![unknown]));
    sandbox.misbehave(Route::LicenseFeatures, Fault::Redirect("/accounts/login/".to_owned()));
    assert_eq!(check(sandbox.url(), "0.15", false).await, (Some(2), vec![row("moved", FEATURES, true)]));
    sandbox.stop().await;
    let (code, rows) = check("http://127.0.0.1:9", "0.15", false).await;
    assert_eq!(code, Some(1));
    assert!(rows.iter().all(|(state, ..)| state == "could not tell"), "{rows:?}");
}
