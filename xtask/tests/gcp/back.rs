//! The ways back: a rollback and maintenance are about what serves, whatever the newest revision is, and nothing gets
//! traffic that is closed, unproven, or was gone back from.

mod held;

use std::sync::Arc;

use serde_json::Value;

use crate::played::{Ended, World};

const DEPLOY: [&str; 3] = ["deploy", "dev", "--yes"];
const BACK: [&str; 3] = ["rollback", "dev", "--yes"];
const CLOSE: [&str; 4] = ["maintenance", "on", "dev", "--yes"];
const OPEN: [&str; 4] = ["maintenance", "off", "dev", "--yes"];

/// All traffic on this commit, no tag left.
fn whole(commit: &str) -> Vec<(String, u64, String)> {
    vec![(commit.to_owned(), 100, String::new())]
}

fn ok(world: &Arc<World>, args: &[&str]) -> Ended {
    let ended = world.run(args, None);
    assert_eq!(ended.code, Some(0), "{args:?}\n{}\n{}", ended.out, ended.err);
    ended
}

/// Refused, with all of these words, and nothing written.
fn refused(world: &Arc<World>, args: &[&str], parts: &[&str]) {
    world.stage.emulator.take_calls();
    let ended = world.run(args, None);
    assert_eq!(ended.code, Some(1), "{args:?}\n{}", ended.out);
    for part in parts.iter().chain(&["nothing was changed"]) {
        assert!(ended.err.contains(part), "{part}\n{}", ended.err);
    }
    let writes = world.stage.emulator.writes();
    let writes = writes.iter().filter(|line| !line.contains("deploy-lock") && !line.contains("secretId="));
    assert_eq!(writes.count(), 0, "{args:?}");
    assert!(!world.is_locked());
}

fn check_out(world: &World, commit: &str) {
    *world.commit.lock().unwrap() = commit.repeat(40);
}

/// A stage on which the second commit serves, after the first.
fn second() -> Arc<World> {
    let world = World::new();
    check_out(&world, "2");
    ok(&world, &DEPLOY);
    world
}

/// A stage on which the first commit serves, and the second one's candidate has failed its proof.
fn failed_candidate() -> Arc<World> {
    let world = World::new();
    check_out(&world, "2");
    world.unfit.lock().unwrap().push("candidate---");
    assert_eq!(world.run(&DEPLOY, None).code, Some(1));
    world.unfit.lock().unwrap().clear();
    world
}

#[test]
fn a_rollback_passes_over_what_is_closed_and_what_is_of_the_commit_that_serves() {
    let world = World::new();
    ok(&world, &CLOSE);
    check_out(&world, "2");
    let closed = ok(&world, &DEPLOY).out;
    assert!(closed.contains("dev stays closed until: cargo xtask gcp maintenance off dev"), "{closed}");
    ok(&world, &OPEN);
    assert_eq!((world.traffic(), world.enabled("")), (whole("2"), true));

    let back = ok(&world, &BACK);
    assert_eq!((world.traffic(), world.enabled("")), (whole("1"), true), "{}", back.out);
    assert!(back.out.contains("commit 2222") && !back.out.contains("switch:"), "{}", back.out);
    refused(&world, &BACK, &["no earlier revision"]);

    let releases = ok(&world, &["releases", "dev"]).out;
    for part in ["switch", "served (1 = latest)", "switched off", "rolled back", "serving"] {
        assert!(releases.contains(part), "{part}\n{releases}");
    }
    let closed = world.revisions().into_iter().find(|(name, _)| name.contains("-closed-")).unwrap().0;
    refused(&world, &["rollback", "dev", &closed, "--yes"], &["is switched off", "--anyway"]);
    let plan = ok(&world, &["rollback", "dev", &closed, "--anyway", "--dry-run"]);
    for part in ["same commit: 1111", "switch: on -> off"] {
        assert!(plan.out.contains(part), "{part}\n{}", plan.out);
    }
}

#[test]
fn a_switch_that_is_off_where_it_is_to_be_on_fails_the_proof() {
    let world = second();
    let wrong = world.of_commit("1").remove(0);
    // By another hand, the kill switch of what serves: everything else answers as ever.
    crate::played::by_hand(&world.stage.emulator, |service| {
        let env = &mut service["spec"]["template"]["spec"]["containers"][0]["env"];
        let switch =
            env.as_array_mut().unwrap().iter_mut().find(|entry| entry["name"] == "VALIDIBOT_MCP_ENABLED");
        switch.unwrap()["value"] = "false".into();
        service["spec"]["template"]["metadata"]["name"] = "validibot-mcp-dev-by-hand".into();
        service["spec"]["traffic"] = serde_json::json!([{"latestRevision": true, "percent": 100}]);
    });
    assert!(!world.enabled(""));
    let plan = world.run(&["plan", "dev"], None);
    assert!(plan.out.contains("env VALIDIBOT_MCP_ENABLED: 'false' -> 'true'"), "{}", plan.out);
    let back = ok(&world, &["rollback", "dev", &wrong, "--yes"]);
    assert!(back.out.contains("switch: off -> on"), "{}", back.out);
    assert!(world.enabled(""));
}

#[test]
fn what_has_not_served_is_proven_before_a_rollback_gives_it_traffic() {
    let world = failed_candidate();
    let candidate = world.of_commit("2").remove(0);
    let back = ["rollback", "dev", &candidate, "--yes"];
    let never_served = |world: &World| {
        assert_eq!(world.traffic()[0], ("1".to_owned(), 100, String::new()));
        assert!(!world.remembers("served").contains(&candidate));
        assert_eq!((world.remembers("bad"), world.remembers("held")), (String::new(), String::new()));
    };
    world.unfit.lock().unwrap().push("candidate---");
    let failed = world.run(&back, None);
    assert_eq!(failed.code, Some(1), "{}", failed.out);
    for part in ["proof: ", "the traffic stays where it was", "gcp release drop dev"] {
        assert!(failed.err.contains(part), "{part}\n{}", failed.err);
    }
    never_served(&world);

    *world.unfit.lock().unwrap() = vec!["//validibot-mcp-dev-"];
    let failed = world.run(&back, None);
    assert_eq!(failed.code, Some(1), "{}", failed.out);
    for part in ["public address: ", "the traffic is back where it was", "--stay"] {
        assert!(failed.err.contains(part), "{part}\n{}", failed.err);
    }
    assert_eq!(failed.err.matches("public address: ").count(), 1, "{}", failed.err);
    never_served(&world);

    world.unfit.lock().unwrap().clear();
    let moved = ok(&world, &back);
    assert!(moved.out.contains("it is proven at an address of its own first"), "{}", moved.out);
    assert_eq!(world.traffic(), whole("2"));
    assert!(world.remembers("served").starts_with(&candidate), "{}", world.remembers("served"));
}

#[test]
fn what_has_served_returns_where_it_is_not_fit_unless_it_is_to_stay() {
    let world = second();
    let before = (world.remembers("served"), world.remembers("bad"), world.remembers("held"));
    world.unfit.lock().unwrap().push("//validibot-mcp-dev-");
    let failed = world.run(&BACK, None);
    assert_eq!(failed.code, Some(1), "{}", failed.out);
    assert!(failed.err.contains("the traffic is back where it was"), "{}", failed.err);
    assert_eq!(world.traffic(), whole("2"));
    assert_eq!((world.remembers("served"), world.remembers("bad"), world.remembers("held")), before);
    let stays = world.run(&["rollback", "dev", "--yes", "--stay"], None);
    assert_eq!(stays.code, Some(1), "{}", stays.out);
    assert!(stays.err.contains("the traffic is at validibot-mcp-dev-111111111111-"), "{}", stays.err);
    assert_eq!(world.traffic(), whole("1"));
}

#[test]
fn a_first_revision_has_served_once_it_is_proven_and_not_before() {
    let world = World::bare();
    world.unfit.lock().unwrap().push("validibot-mcp-dev-");
    let failed = world.run(&DEPLOY, None);
    assert_eq!(failed.code, Some(1), "{}", failed.out);
    assert!(!failed.err.contains("gcp rollback"), "there is nothing to go back to: {}", failed.err);
    assert_eq!(world.remembers("served"), "");
    let plan = world.run(&["plan", "dev"], None);
    assert_eq!(plan.code, Some(2), "{}", plan.out);
    assert!(plan.out.contains("once it is proven"), "{}", plan.out);
    assert_eq!(world.run(&DEPLOY, None).code, Some(1));
    assert_eq!(world.remembers("served"), "");

    world.unfit.lock().unwrap().clear();
    ok(&world, &DEPLOY);
    assert_eq!(world.remembers("served"), world.of_commit("1")[0]);
    assert_eq!(world.run(&["plan", "dev"], None).code, Some(0));
}

#[test]
fn maintenance_closes_and_opens_what_serves_after_a_rollback() {
    let world = second();
    ok(&world, &BACK);
    let plan = ok(&world, &["maintenance", "on", "dev", "--dry-run"]);
    assert!(!plan.out.contains("      image:") && !plan.out.contains("label validibot"), "{}", plan.out);
    assert!(plan.out.contains("-closed-new") && !plan.out.contains("what is said above"), "{}", plan.out);
    ok(&world, &CLOSE);
    assert_eq!((world.traffic(), world.enabled("")), (whole("1"), false));
    let status = ok(&world, &["status", "dev"]);
    assert!(status.out.starts_with("dev: MAINTENANCE"), "{}", status.out);
    ok(&world, &OPEN);
    assert_eq!((world.traffic(), world.enabled("")), (whole("1"), true));
    assert!(world.remembers("held").contains("-222222222222-"), "maintenance decides nothing about commits");
}

#[test]
fn maintenance_closes_and_opens_what_serves_beside_a_candidate_that_has_failed() {
    let world = failed_candidate();
    ok(&world, &CLOSE);
    assert_eq!((world.traffic(), world.enabled("")), (whole("1"), false));
    assert!(ok(&world, &CLOSE).out.contains("nothing to do"));
    ok(&world, &OPEN);
    assert_eq!((world.traffic(), world.enabled("")), (whole("1"), true));
}

#[test]
fn a_plan_compares_with_what_serves_and_names_the_newest_beside_it() {
    for world in [second(), failed_candidate()] {
        if world.traffic() == whole("2") {
            ok(&world, &BACK);
        }
        check_out(&world, "3");
        let plan = world.run(&["plan", "dev"], None);
        assert_eq!(plan.code, Some(2), "{}", plan.err);
        for part in [
            "label validibot-commit: 1111111111111111111111111111111111111111 -> 3333",
            "sha256:1111",
            "the newest revision is validibot-mcp-dev-222222222222-",
            "commit 2222",
        ] {
            assert!(plan.out.contains(part), "{part}\n{}", plan.out);
        }
        // What serves is what is wanted: there is nothing to do but to put an old candidate away.
        check_out(&world, "1");
        let plan = world.run(&["plan", "dev"], None);
        assert!(!plan.out.contains("image:"), "{}", plan.out);
        ok(&world, &DEPLOY);
        assert_eq!(world.traffic(), whole("1"));
        assert_eq!(world.of_commit("1").len(), 1, "no new revision of what serves");
    }
}

#[test]
fn after_a_rollback_the_stage_is_held_until_something_newer_comes() {
    let world = second();
    check_out(&world, "1");
    refused(&world, &DEPLOY, &["this commit is older than 2222", "--yes-older"]);
    let planned = world.run(&["plan", "dev"], None);
    assert!(planned.out.contains("wants --yes-older"), "{}", planned.out);
    check_out(&world, "2");
    ok(&world, &BACK);

    let parts = ["was gone back from", "--yes-older"];
    refused(&world, &DEPLOY, &parts);
    refused(&world, &["deploy", "dev", "--yes", "--at-once", "1"], &parts);
    let releases = ok(&world, &["releases", "dev"]).out;
    for part in ["rolled back", "held: somebody went back from validibot-mcp-dev-222222222222-"] {
        assert!(releases.contains(part), "{part}\n{releases}");
    }
    let status: Value = serde_json::from_str(&ok(&world, &["status", "dev", "--json"]).out).unwrap();
    assert!(status["held"].as_str().unwrap().contains("-222222222222-"), "{status}");

    ok(&world, &["deploy", "dev", "--yes", "--yes-older"]);
    assert_eq!((world.traffic(), world.remembers("held")), (whole("2"), String::new()));
    ok(&world, &BACK);
    check_out(&world, "3");
    ok(&world, &DEPLOY);
    assert_eq!((world.traffic(), world.remembers("held")), (whole("3"), String::new()));
    // Never again what was gone back from.
    ok(&world, &BACK);
    assert_eq!(world.traffic(), whole("1"));
}

#[test]
fn a_revision_can_be_marked_and_a_candidate_can_be_dropped() {
    let world = second();
    check_out(&world, "3");
    ok(&world, &DEPLOY);
    let two = world.of_commit("2").remove(0);
    let marked = ok(&world, &["release", "bad", "dev", &two, "--yes"]);
    assert!(marked.out.contains("not to serve again: none -> "), "{}", marked.out);
    let plan = ok(&world, &["rollback", "dev", "--dry-run"]);
    assert!(plan.out.contains("validibot-mcp-dev-111111111111-"), "{}", plan.out);
    refused(&world, &["rollback", "dev", &two, "--yes"], &["marked as bad", "--anyway"]);
    ok(&world, &["release", "good", "dev", &two, "--yes"]);
    let plan = ok(&world, &["rollback", "dev", "--dry-run"]);
    assert!(plan.out.contains("-> validibot-mcp-dev-222222222222-"), "{}", plan.out);
    refused(&world, &["release", "bad", "dev", "nothing", "--yes"], &["there is no revision nothing"]);

    let world = failed_candidate();
    assert_eq!(world.traffic().len(), 2);
    ok(&world, &["release", "drop", "dev", "--yes"]);
    assert_eq!(world.traffic(), whole("1"));
    assert!(ok(&world, &["release", "drop", "dev"]).out.contains("nothing to do"));
}

#[test]
fn an_empty_list_of_services_is_no_proof_that_there_is_none() {
    let world = World::new();
    *world.lists_nothing.lock().unwrap() = true;
    check_out(&world, "2");
    refused(&world, &DEPLOY, &["could not tell what is there"]);
    refused(&world, &["deploy", "dev", "--yes", "--at-once", "1"], &["could not tell what is there"]);
    assert_eq!(world.traffic(), whole("1"));
    let plan = world.run(&["plan", "dev"], None);
    assert_eq!(plan.code, Some(1), "{}", plan.out);
}

#[test]
fn a_secrets_version_that_what_serves_reads_is_missed_in_the_status() {
    let world = second();
    world.stage.emulator.cloud().seed_version("mcp-env-dev", "A=2");
    check_out(&world, "3");
    ok(&world, &DEPLOY);
    ok(&world, &BACK);
    assert!(world.stage.emulator.cloud().disable_version("mcp-env-dev", "1"));
    let status = ok(&world, &["status", "dev"]).out;
    assert!(status.contains("version 1 of secret mcp-env-dev") && status.contains("is disabled"), "{status}");
}

/// A run that was killed at its very end has left its lock, and there is nothing to do any more.
#[test]
fn a_lock_that_a_finished_run_has_left_is_given_back_or_named() {
    let lock = "validibot-mcp-deploy-lock-dev";
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let number = child.id();
    child.wait().unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let numbers = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let here = format!("{} {}", boot.trim(), numbers.display());
    for (process, gone) in
        [(format!("{here} {number}"), !boot.is_empty()), (format!("elsewhere {number}"), false)]
    {
        let world = World::new();
        let annotations = serde_json::json!({"id": "7", "holder": "ada on build-1", "command": "gcp deploy dev", "process": process});
        world.lock_by(lock, &annotations);
        let again = ok(&world, &DEPLOY);
        let words = if gone { "gave back the deploy lock of ada on build-1" } else { "gcp lock break dev" };
        assert!(again.err.contains(words) && again.err.contains("ada on build-1"), "{}", again.err);
        assert_eq!(world.is_locked(), !gone);
    }
}
