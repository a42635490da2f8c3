//! `gcp setup`.

use gcp_emulator::{Fault, FaultKind, installed};
use serde_json::{Value, json};
use test_support::require;

use crate::stage::{APIS, Finished, Stage};

const ACCOUNT: &str = "serviceAccount:validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";

#[test]
fn an_empty_project_is_set_up_once_and_then_left_alone() {
    require!(installed::gcloud());
    let stage = Stage::dev();
    // What an older installation left: a role for every secret of the project. Its account is there, of course.
    stage.emulator.cloud().seed_account("validibot-mcp-dev");
    stage.emulator.cloud().bind_project("roles/secretmanager.secretAccessor", ACCOUNT);

    let first = stage.ok(&["setup", "dev", "--yes"]);
    assert!(first.out.ends_with("dev is set up; next: cargo xtask gcp secrets dev\n"), "{}", first.out);
    assert!(
        first.out.contains("+ image repository") || first.out.contains("? image repository"),
        "{}",
        first.out
    );
    let project = stage.emulator.snapshot();
    let secret = &project["secrets"]["mcp-env-dev"];
    assert_eq!(secret["versions"], json!({}), "the secret is made empty");
    assert_eq!(secret["replication"]["userManaged"]["replicas"], json!([{"location": "us-west1"}]));
    let accessor = json!([{"role": "roles/secretmanager.secretAccessor", "members": [ACCOUNT]}]);
    assert_eq!(secret["policy"], accessor);
    assert_eq!(project["repositories"], json!(["us-west1/validibot"]));
    let roles = project["policy"].as_array().unwrap();
    assert!(roles.iter().all(|binding| binding["role"] != "roles/secretmanager.secretAccessor"), "{roles:?}");
    let lines: Vec<_> = stage.emulator.take_calls().iter().map(gcp_emulator::Recorded::line).collect();
    let place = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    let (given, taken) = (place("mcp-env-dev:setIamPolicy"), place("projects/demo-proj:setIamPolicy"));
    assert!(given < taken, "there is no moment without access: {lines:#?}");

    let second = stage.ok(&["setup", "dev"]);
    assert!(second.out.contains("nothing to do"), "{}", second.out);
    // However somebody likes to see gcloud's answers in a shell.
    let mut taste = stage.command(&["secrets", "dev", "--dry-run"]);
    taste.env("CLOUDSDK_CORE_DEFAULT_FORMAT", "yaml").env("CLOUDSDK_CORE_SHOW_STRUCTURED_LOGS", "always");
    let third = Finished::of(&taste.output().unwrap());
    assert_eq!(third.code, Some(0), "{}", third.err);
    assert_eq!(stage.emulator.writes(), [""; 0]);
    assert_eq!(stage.emulator.unexpected(), [""; 0]);
}

#[test]
fn the_web_application_is_called_once_it_is_there() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    stage.emulator.cloud().seed_service("us-west1", "validibot-web-dev", "gcr.io/demo-proj/web:1");
    stage.ok(&["setup", "dev", "--yes"]);
    let project = stage.emulator.snapshot();
    let invoker = json!([{"role": "roles/run.invoker", "members": [ACCOUNT]}]);
    assert_eq!(project["invokers"]["validibot-web-dev"], invoker);
}

#[test]
fn a_dry_run_shows_commands_and_changes_nothing() {
    require!(installed::gcloud());
    let stage = Stage::dev();
    let shown = stage.ok(&["setup", "dev", "--dry-run"]);
    // What can be seen only later is shown, too, and marked: everything that a run does is there.
    for part in [
        "2 changes, and up to 5 more of what is marked ?",
        "gcloud services enable artifactregistry.googleapis.com",
        "# secret mcp-env-dev, once the APIs are on: created if it is not there:\n",
        "gcloud iam service-accounts create validibot-mcp-dev",
        "gcloud artifacts repositories create validibot",
        "gcloud secrets create mcp-env-dev",
        "gcloud secrets add-iam-policy-binding mcp-env-dev",
        "gcloud auth configure-docker",
    ] {
        assert!(shown.out.contains(part), "{part}\n{}", shown.out);
    }
    let json = stage.ok(&["setup", "dev", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&plan["schema_version"], &plan["applied"]), (&json!(2), &json!(false)));
    // Nobody is there to say yes.
    assert_eq!(stage.run(&["setup", "dev"]).code, Some(64));
    assert_eq!(stage.emulator.writes(), [""; 0]);
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    stage.emulator.fail(Fault::new("*/secrets/mcp-env-dev*", FaultKind::PermissionDenied));
    stage.emulator.fail(Fault::new("*validibot-web-dev*", FaultKind::Unauthenticated));
    let refused = stage.run(&["setup", "dev", "--yes"]);
    assert_eq!(refused.code, Some(1));
    for part in [
        "nothing was changed",
        "the secret's policy",
        "PERMISSION_DENIED",
        "validibot-web-dev",
        "gcloud auth login",
    ] {
        assert!(refused.err.contains(part), "{part}\n{}", refused.err);
    }
    assert_eq!(stage.emulator.writes(), [""; 0]);
}

/// What was done by then is done: nobody is told that nothing was changed.
#[test]
fn what_cannot_be_read_once_the_apis_are_on_is_said_with_what_was_done() {
    require!(installed::gcloud());
    let stage = Stage::dev();
    stage.emulator.fail(Fault::new("artifactregistry.googleapis.com/*", FaultKind::PermissionDenied));
    // Until its API is on, such an answer says nothing.
    let stopped = stage.run(&["setup", "dev", "--yes"]);
    assert_eq!(stopped.code, Some(1), "{}", stopped.out);
    for part in [
        "the APIs were turned on",
        "the image repository",
        "nothing else was changed",
        "type the same command again",
    ] {
        assert!(stopped.err.contains(part), "{part}\n{}", stopped.err);
    }
    assert!(!stopped.err.contains("so nothing was changed"), "{}", stopped.err);
    assert!(stage.emulator.snapshot()["enabledApis"].to_string().contains("run.googleapis.com"));
    stage.emulator.clear_faults();
    stage.ok(&["setup", "dev", "--yes"]);
}

#[test]
fn a_step_that_fails_says_what_was_done_and_the_next_run_goes_on() {
    require!(installed::gcloud());
    let stage = Stage::dev();
    stage.emulator.cloud().enable(&APIS);
    stage.emulator.fail(Fault::new("*/repositories", FaultKind::PermissionDenied).method("POST"));
    let stopped = stage.run(&["setup", "dev", "--yes", "--at-once", "1"]);
    assert_eq!(stopped.code, Some(1));
    for part in
        ["done: service account", "in doubt: image repository validibot", "not begun: secret mcp-env-dev"]
    {
        assert!(stopped.err.contains(part), "{part}\n{}", stopped.err);
    }
    stage.emulator.clear_faults();
    stage.ok(&["setup", "dev", "--yes"]);
    assert!(stage.ok(&["setup", "dev"]).out.contains("nothing to do"));
}
