//! What a hold is about: a revision of the same commit with other settings, too, and never one that maintenance has closed.

use std::sync::Arc;

use super::{CLOSE, DEPLOY, OPEN, check_out, ok, refused, second, whole};
use crate::played::World;

/// A stage on which the secret's second version was deployed, and somebody went back to the first, of the same commit; the names of
/// the two revisions.
fn other_settings() -> (Arc<World>, String, String) {
    let world = World::new();
    let first = world.revision("");
    world.stage.emulator.cloud().seed_version("mcp-env-dev", "A=2");
    ok(&world, &DEPLOY);
    let second = world.revision("");
    // A bare one means another release; the way to other settings is shown.
    let how = format!("(same commit, secret 2 -> 1): cargo xtask gcp rollback dev {first}");
    refused(&world, &["rollback", "dev", "--yes"], &["no earlier revision", &how]);
    ok(&world, &["rollback", "dev", &first, "--yes"]);
    assert_eq!((world.revision(""), world.remembers("held")), (first.clone(), second.clone()));
    (world, first, second)
}

#[test]
fn a_hold_holds_where_both_revisions_are_of_one_commit() {
    let (world, first, second) = other_settings();
    let parts = [second.as_str(), "of this commit was gone back from", "--yes-older"];
    refused(&world, &DEPLOY, &parts);
    refused(&world, &["deploy", "dev", "--yes", "--at-once", "1"], &parts);
    let plan = world.run(&["plan", "dev"], None);
    assert!(plan.out.contains("wants --yes-older"), "{}", plan.out);
    ok(&world, &["deploy", "dev", "--yes", "--yes-older"]);
    assert_eq!(
        (world.revision(""), world.remembers("held"), world.remembers("bad")),
        (second.clone(), String::new(), String::new())
    );

    // Maintenance decides nothing about settings; a later version that was asked for does.
    ok(&world, &["rollback", "dev", &first, "--yes"]);
    let closed = ok(&world, &CLOSE);
    assert!(closed.out.ends_with("to open it: cargo xtask gcp maintenance off dev\n"), "{}", closed.out);
    ok(&world, &OPEN);
    refused(&world, &DEPLOY, &parts);
    world.stage.emulator.cloud().seed_version("mcp-env-dev", "A=3");
    ok(&world, &["deploy", "dev", "--yes", "--yes-older"]);
    assert_eq!(world.remembers("held"), "");
    world.stage.emulator.cloud().seed_version("mcp-env-dev", "A=4");
    ok(&world, &DEPLOY);
}

#[test]
fn a_stage_in_maintenance_is_not_opened_by_half() {
    let world = second();
    let first = world.of_commit("1").remove(0);
    ok(&world, &CLOSE);
    let closed = world.revision("");
    let parts = ["dev is in maintenance", "cargo xtask gcp maintenance off dev", "--anyway"];
    refused(&world, &["rollback", "dev", &first, "--yes"], &parts);
    refused(&world, &["rollback", "dev", "--yes"], &parts);
    assert_eq!(world.revision(""), closed);

    let moved = ok(&world, &["rollback", "dev", &first, "--yes", "--anyway"]);
    assert!(moved.out.contains("users do not reach it: the ingress is internal"), "{}", moved.out);
    assert_eq!(
        (world.traffic(), world.remembers("held"), world.remembers("bad")),
        (whole("1"), String::new(), String::new())
    );
    let releases = ok(&world, &["releases", "dev"]).out;
    assert!(!releases.contains("rolled back") && !releases.contains("held"), "{releases}");
    ok(&world, &OPEN);
    check_out(&world, "2");
    ok(&world, &DEPLOY);
    assert_eq!((world.traffic(), world.remembers("held")), (whole("2"), String::new()));
}
