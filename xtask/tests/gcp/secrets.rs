//! `gcp secrets`.

use gcp_emulator::gcloud_is_here;
use serde_json::json;

use crate::stage::{APIS, Stage, mcp};

#[test]
fn a_new_value_is_uploaded_once_and_shown_nowhere() {
    if !gcloud_is_here("a_new_value_is_uploaded_once_and_shown_nowhere") {
        return;
    }
    let stage = Stage::ready();

    let mut said = String::new();
    let mut keep = |finished: crate::stage::Finished| {
        said.push_str(&finished.out);
        said.push_str(&finished.err);
        finished
    };
    keep(stage.ok(&["secrets", "dev", "--dry-run"]));
    let first = keep(stage.ok(&["secrets", "dev", "--yes", "--verbose"]));
    assert!(first.out.contains("+ VALIDIBOT_OAUTH_CLIENT_SECRET  "), "{}", first.out);
    assert_eq!(stage.emulator.snapshot()["secrets"]["mcp-env-dev"]["versions"], json!({"1": "ENABLED"}));

    stage.emulator.take_calls();
    let second = keep(stage.ok(&["secrets", "dev"]));
    assert!(second.out.contains("nothing to do"), "{}", second.out);
    assert_eq!(stage.emulator.writes(), [""; 0]);

    stage.write(".mcp", &mcp("sentinel-two"));
    let changed = keep(stage.ok(&["secrets", "dev", "--yes", "--json"]));
    assert!(changed.out.contains("~ VALIDIBOT_OAUTH_CLIENT_SECRET"), "{}", changed.out);
    assert!(!changed.out.contains("VALIDIBOT_MCP_SEAL_KEYS"), "only what differs: {}", changed.out);

    assert!(!said.contains("sentinel"), "{said}");
    // On the wire it is in the upload's payload and nowhere else, not even encoded (`c2VudGluZWw` is base64).
    for call in stage.emulator.calls() {
        let text = format!("{} {}", call.line(), call.body);
        assert!(!text.contains("sentinel"), "{}", call.line());
        assert!(!call.line().contains("c2VudGluZWw"), "{}", call.line());
    }
    assert!(!stage.emulator.snapshot().to_string().contains("sentinel"));
    assert_eq!(
        stage.gcloud(&["secrets", "versions", "access", "2", "--secret=mcp-env-dev"]).out,
        mcp("sentinel-two")
    );
}

#[test]
fn old_versions_go_but_for_those_in_use() {
    if !gcloud_is_here("old_versions_go_but_for_those_in_use") {
        return;
    }
    let stage = Stage::ready();
    for content in ["one", "two", "three"] {
        stage.emulator.cloud().seed_version("mcp-env-dev", &mcp(content));
    }
    // A revision uses the oldest.
    let image = format!("gcr.io/demo-proj/mcp@sha256:{}", "a".repeat(64));
    let account = "validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";
    let deployed = stage.gcloud(&[
        "run",
        "deploy",
        "validibot-mcp-dev",
        "--image",
        &image,
        "--region=us-west1",
        "--service-account",
        account,
        "--set-secrets=/secrets/.env=mcp-env-dev:1",
        "--no-allow-unauthenticated",
    ]);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    let versions = || stage.emulator.snapshot()["secrets"]["mcp-env-dev"]["versions"].clone();
    stage.ok(&["secrets", "dev", "--yes"]);
    assert_eq!(versions(), json!({"1": "ENABLED", "2": "DESTROYED", "3": "ENABLED", "4": "ENABLED"}));
    assert_eq!(stage.emulator.unexpected(), [""; 0]);
}

#[test]
fn without_setup_there_is_nowhere_to_put_it() {
    if !gcloud_is_here("without_setup_there_is_nowhere_to_put_it") {
        return;
    }
    let stage = Stage::dev();
    stage.emulator.cloud().enable(&APIS);
    let early = stage.run(&["secrets", "dev", "--yes"]);
    assert_eq!(early.code, Some(1));
    assert!(early.err.contains("hint: cargo xtask gcp setup dev"), "{}", early.err);
    assert_eq!(stage.emulator.writes(), [""; 0]);
}

#[test]
fn a_file_that_would_not_work_is_not_uploaded() {
    let stage = Stage::dev();
    stage.write(".mcp", "VALIDIBOT_OAUTH_CLIENT_SECRT=sentinel\nVALIDIBOT_MCP_ENABLED=sentinel\n");
    let refused = stage.run(&["secrets", "dev", "--yes"]);
    assert_eq!(refused.code, Some(64));
    assert!(refused.err.contains("VALIDIBOT_OAUTH_CLIENT_SECRET"), "{}", refused.err);
    assert!(!refused.err.contains("sentinel"), "{}", refused.err);
    assert!(stage.emulator.calls().is_empty(), "nothing was asked");
}
