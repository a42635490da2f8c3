//! How often gcloud is started: each start is half a second of processor, which is most of the time that a command takes.

use gcp_emulator::installed;
use test_support::require;
use xtask::config::stage::{Names, Stage};
use xtask::tools::gcloud::{lock, run};

use crate::played::World;
use crate::stage;

/// The words between `gcloud` and its flags, sorted: what runs side by side has no order.
fn started(world: &World) -> Vec<String> {
    let words = |line: &String| {
        let words = line.split(' ').skip_while(|word| *word != "gcloud").skip(1);
        words.take_while(|word| !word.starts_with("--")).collect::<Vec<_>>().join(" ")
    };
    let mut started: Vec<String> = world.gclouds.lock().unwrap().iter().map(words).collect();
    started.sort();
    started
}

#[test]
fn a_repeat_deploy_asks_nothing_twice_but_what_another_deploy_changes() {
    let world = World::new();
    *world.commit.lock().unwrap() = "2".repeat(40);
    assert_eq!(world.run(&["deploy", "dev", "--yes"], None).code, Some(0));
    let lock = "validibot-mcp-deploy-lock-dev";
    let (taken, looked, given) = (
        format!("secrets create {lock}"),
        format!("secrets describe {lock}"),
        format!("secrets delete {lock}"),
    );
    let wanted = [
        "compute network-endpoint-groups describe validibot-mcp-neg-dev",
        "run services get-iam-policy validibot-mcp-dev",
        "run services get-iam-policy validibot-web-dev",
        // Before the lock, and under it.
        "run services list",
        "run services list",
        // A candidate, and its traffic.
        "run services replace -",
        "run services replace -",
        &taken,
        &given,
        // Before the second write: it was taken just before the first.
        &looked,
        "secrets versions list mcp-env-dev",
    ];
    assert_eq!(started(&world), wanted);

    // A plan in a file is held to all of it.
    *world.commit.lock().unwrap() = "3".repeat(40);
    let file = world.stage.path("plan.json");
    let file = file.to_str().unwrap();
    assert_eq!(world.run(&["plan", "dev", "--out", file], None).code, Some(2));
    assert_eq!(world.run(&["deploy", "dev", "--yes", "--plan", file], None).code, Some(0));
    let reads = started(&world).iter().filter(|line| line.starts_with("run services get-iam-policy")).count();
    assert_eq!(reads, 4);

    // Nothing to do: one look, one at who the server is, and one at a lock that a killed run may have left.
    assert_eq!(world.run(&["deploy", "dev", "--yes"], None).code, Some(0));
    assert_eq!(started(&world).len(), 9);

    // Where nobody looks, the stage's own file is compared with what was uploaded only if it has changed since.
    *world.commit.lock().unwrap() = "4".repeat(40);
    world.stage.write(".mcp", "A=2\n");
    assert_eq!(world.run(&["deploy", "dev", "--yes"], None).code, Some(0));
    assert_eq!(started(&world).len(), wanted.len() + 1);
}

/// The tool starts these before it knows what to tell them: should it be killed, they are told nothing, or half of it.
#[test]
fn a_gcloud_that_is_told_nothing_asks_nothing() {
    require!(installed::gcloud());
    let stage = stage::Stage::ready();
    let names = Names::new("demo-proj", "us-west1", "validibot", "validibot", Stage::Dev);
    stage.emulator.cloud().seed_secret(&names.lock());
    stage.emulator.take_calls();
    let ahead = [lock::look(&names), lock::release(&names, ""), run::replace(&names, "")];
    for command in ahead {
        let words: Vec<_> =
            command.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        for told in ["", r#"{"metadata": {"na"#] {
            let ended = stage.gcloud_told(&words, told);
            assert!(ended.code.is_some_and(|code| code != 0), "{words:?}, {told:?}: {}", ended.out);
            assert!(ended.err.contains("ERROR: (gcloud"), "{words:?}, {told:?}: {}", ended.err);
        }
    }
    let calls: Vec<_> = stage.emulator.take_calls().iter().map(gcp_emulator::Recorded::line).collect();
    assert_eq!(calls, [""; 0]);
}
