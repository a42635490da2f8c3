//! What a plan and the last lines of a deploy say beside the service itself: a file that is not uploaded, an address that nothing
//! leads from.

use std::sync::Arc;

use gcp_emulator::{Fault, FaultKind, installed};
use serde_json::Value;
use test_support::require;

use crate::deployment::Deployment;
use crate::played::{Ended, World};

const DEPLOY: [&str; 3] = ["deploy", "dev", "--yes"];

fn ok(world: &Arc<World>, args: &[&str]) -> Ended {
    let ended = world.run(args, None);
    assert_eq!(ended.code, Some(0), "{args:?}\n{}\n{}", ended.out, ended.err);
    ended
}

#[test]
fn a_file_that_was_edited_and_not_uploaded_is_named_by_plan_and_deploy() {
    let world = World::new();
    world.stage.write(".mcp", "# as it is uploaded\nA=1\n");
    let plan = ok(&world, &["plan", "dev"]);
    assert!(!plan.out.contains("settings in secret"), "{}", plan.out);

    world.stage.write(".mcp", "A=sentinel\nB=2\n");
    let named = |ended: &Ended| {
        for part in [
            "? settings in secret mcp-env-dev\n",
            ".mcp differs from version 1, which this deploy uses: A, B\n",
            "to upload it first: cargo xtask gcp secrets dev\n",
        ] {
            assert!(ended.out.contains(part), "{part}\n{}", ended.out);
        }
        assert!(!format!("{}{}", ended.out, ended.err).contains("sentinel"), "a value is shown");
    };
    named(&ok(&world, &["plan", "dev"]));
    named(&ok(&world, &DEPLOY));
    // Nobody looks, and another commit is certain to be written.
    *world.commit.lock().unwrap() = "2".repeat(40);
    named(&ok(&world, &DEPLOY));

    *world.blind.lock().unwrap() = Some("versions access latest");
    let blind = ok(&world, &["plan", "dev"]);
    assert!(blind.out.contains("not compared with ") && !blind.out.contains("differs from"), "{}", blind.out);
    *world.blind.lock().unwrap() = None;
    world.stage.emulator.cloud().seed_version("mcp-env-dev", "A=sentinel\nB=2\n");
    let uploaded = world.run(&["plan", "dev"], None);
    assert!(!uploaded.out.contains("settings in secret"), "{}", uploaded.out);
    // Where the file is not on this machine, nothing is asked.
    std::fs::remove_file(world.stage.path("envs/dev/google-cloud/.mcp")).unwrap();
    ok(&world, &DEPLOY);
    let asked = world.gclouds.lock().unwrap().iter().any(|line| line.contains("versions access"));
    assert!(!asked, "{:?}", world.gclouds.lock().unwrap());
}

#[test]
fn a_plan_of_a_project_that_was_not_set_up_says_so_in_a_sentence() {
    require!(installed::gcloud());
    let deployment = Deployment::new();
    deployment.stage.emulator.fail(Fault::new("*run.googleapis.com/*", FaultKind::ApiDisabled));
    let plan = deployment.ends(1, &["plan", "dev"]);
    for part in [
        "error: dev is not prepared: these APIs are off: run\n  nothing was changed\n",
        "hint: cargo xtask gcp setup dev",
    ] {
        assert!(plan.err.contains(part), "{part}\n{}", plan.err);
    }
}

#[test]
fn an_address_that_nothing_leads_from_is_told_after_a_deploy_and_by_status() {
    let world = World::bare();
    let next = "next: cargo xtask gcp lb-add dev mcp.example.com; it prints the DNS record to create";
    let first = ok(&world, &DEPLOY);
    assert!(
        first.out.contains("https://mcp.example.com, which clients use, was not verified"),
        "{}",
        first.out
    );
    assert!(first.out.contains(next), "{}", first.out);
    let json = ok(&world, &["deploy", "dev", "--yes", "--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert!(json["clients"].to_string().contains(next), "{json}");
    assert!(ok(&world, &["status", "dev"]).out.contains(next));

    *world.balanced.lock().unwrap() = true;
    *world.commit.lock().unwrap() = "2".repeat(40);
    let balanced = ok(&world, &DEPLOY);
    assert!(!balanced.out.contains("lb-add"), "{}", balanced.out);
    assert!(!ok(&world, &["status", "dev"]).out.contains("lb-add"));
}
