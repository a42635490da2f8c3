//! Kills at random moments of random commands, one after another in one project: whatever was killed, the traffic is on what has
//! served, and the same command typed again comes to its end.
//!
//! The other tests strike each moment of one command; here what one has left is what the next one finds. A round that fails
//! names its seed: put it into `SEEDS`.

use std::sync::Arc;

use crate::blow::{Blow, Dice, kills, new_seed};
use crate::played::{World, add_balancer};

/// Where rounds have failed before, and some more.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Kills in a round, where nobody says (`VALIDIBOT_KILLS`).
const KILLS: usize = 8;

const DOMAIN: &str = "mcp.acme.example";
const ADDRESS: &str = "203.0.113.7";

/// The commit of this number, in their order; that of 0 is the one that [`World::new`] has deployed.
fn commit(number: usize) -> String {
    const FIRST: usize = 0x11;
    let commit = format!("{:02x}", FIRST + number).repeat(20);
    assert_eq!(commit.len(), 40, "a round has too many commits");
    commit
}

/// The command of a turn. A rollback is of what a deploy has brought.
fn command(world: &Arc<World>, dice: &mut Dice, commits: &mut usize) -> Vec<String> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    match dice.next(5) {
        0 | 1 => {
            *commits += 1;
            *world.commit.lock().unwrap() = commit(*commits);
            words("deploy dev --yes")
        }
        2 => words("maintenance on dev --yes"),
        3 => words("maintenance off dev --yes"),
        _ => {
            let served = world.remembers("served");
            let target = served.split(',').nth(1).filter(|name| !name.is_empty());
            match target {
                Some(target) => words(&format!("rollback dev {target} --yes --anyway")),
                None => words("release drop dev --yes"),
            }
        }
    }
}

/// All of it on one revision, and that is proven, by itself or in public, where anybody reaches it.
///
/// What opens a stage cannot be reached before it does: at a kill just then, the next run proves it.
fn check_traffic(world: &World, killed: bool, place: &str) {
    let service = world.service();
    let traffic = service["status"]["traffic"].as_array().cloned().unwrap_or_default();
    let serving: Vec<_> = traffic.iter().filter(|target| target["percent"].as_u64() > Some(0)).collect();
    assert_eq!(serving.len(), 1, "{place}: {serving:?}");
    assert_eq!(serving[0]["percent"], 100, "{place}: {serving:?}");
    let name = serving[0]["revisionName"].as_str().unwrap();
    let reached = service["metadata"]["annotations"]["run.googleapis.com/ingress"] != "internal";
    let proven = world.proven.lock().unwrap();
    let known = proven.iter().any(|revision| revision == name) || killed && name.contains("-open-");
    assert!(known || !reached, "{place}: {name} has the traffic, and only these are proven: {proven:?}");
}

/// Free, or with a holder and what they were at.
fn check_lock(world: &Arc<World>, place: &str) {
    if world.is_locked() {
        let status = world.run(&["lock", "status", "dev"], None);
        assert!(
            status.out.contains("holder: ada on ") && status.out.contains("doing: gcp "),
            "{place}: {}",
            status.out
        );
        let broken = world.run(&["lock", "break", "dev", "--yes"], None);
        assert_eq!(broken.code, Some(0), "{place}: {}", broken.err);
    }
}

/// What may be there once only.
fn check_copies(world: &World, place: &str) {
    let state = world.stage.emulator.snapshot();
    let secrets: Vec<&String> = state["secrets"].as_object().unwrap().keys().collect();
    assert_eq!(secrets, ["mcp-env-dev"], "{place}");
    let invokers = state["invokers"]["validibot-mcp-dev"].to_string();
    assert_eq!(invokers.matches("allUsers").count(), 1, "{place}: {invokers}");
}

fn round(seed: u64, kills: usize) {
    let mut dice = Dice::new(seed);
    let world = World::new();
    let mut commits = 0;
    for turn in 0..kills {
        let typed = command(&world, &mut dice, &mut commits);
        let words: Vec<&str> = typed.iter().map(String::as_str).collect();
        let at = dice.next(9);
        let blow = dice.kill();
        let place = format!("seed {seed}, turn {turn}: {words:?} at command {at}, {blow:?}");
        let ended = world.run(&words, Some((at, blow)));
        assert!(ended.code.is_none() || ended.code == Some(0), "{place}: {}", ended.err);
        check_traffic(&world, true, &place);
        check_lock(&world, &place);
        let again = world.run(&words, None);
        assert_eq!(again.code, Some(0), "{place}: {}\n{}", again.out, again.err);
        check_traffic(&world, false, &place);
        check_copies(&world, &place);
        assert!(!world.is_locked(), "{place}");
        let deployed = words[0] == "deploy";
        assert!(!deployed || world.shares()[0].0 == commit(commits), "{place}: {:?}", world.shares());
    }
}

#[test]
fn whatever_is_killed_the_same_command_goes_on() {
    for seed in SEEDS.into_iter().chain([new_seed()]) {
        round(seed, kills(KILLS));
    }
}

/// A stage that was opened and not yet proven is no stage with nothing to do.
#[test]
fn an_opening_that_was_killed_is_proven_by_the_next() {
    let off = ["maintenance", "off", "dev", "--yes"];
    let mut unproven = 0;
    for (at, blow) in (0..9).flat_map(|at| [(at, Blow::KilledBefore), (at, Blow::KilledAfter)]) {
        let world = World::new();
        assert_eq!(world.run(&["maintenance", "on", "dev", "--yes"], None).code, Some(0));
        world.proven.lock().unwrap().clear();
        let place = format!("command {at}, {blow:?}");
        world.run(&off, Some((at, blow)));
        let open = world.service()["metadata"]["annotations"]["run.googleapis.com/ingress"] != "internal";
        unproven += usize::from(open && world.proven.lock().unwrap().is_empty());
        check_lock(&world, &place);
        let again = world.run(&off, None);
        assert_eq!(again.code, Some(0), "{place}: {}\n{}", again.out, again.err);
        check_traffic(&world, false, &place);
        assert!(world.run(&off, None).out.contains("nothing to do"), "{place}");
    }
    assert!(unproven > 0, "no kill fell between the traffic and its proof");
}

/// The parts of a load balancer are made one after another, before the certificate is active and after.
#[test]
fn a_name_is_led_to_the_load_balancer_whichever_step_is_killed() {
    let typed = ["lb-add", "dev", DOMAIN, "--yes", "--at-once", "1"];
    let mut kills = 0;
    for (at, blow) in (0..9).flat_map(|at| [(at, Blow::KilledBefore), (at, Blow::KilledAfter)]) {
        let world = World::new();
        add_balancer(&world.stage.emulator, ADDRESS);
        *world.dns.lock().unwrap() = Some(ADDRESS);
        for phase in ["PROVISIONING", "ACTIVE"] {
            let place = format!("command {at}, {blow:?}, {phase}");
            for name in certificates(&world) {
                assert!(world.stage.emulator.cloud().certificate_status(&name, phase), "{place}");
            }
            let ended = world.run(&typed, Some((at, blow)));
            assert!(ended.code.is_none_or(|code| code == 0), "{place}: {}", ended.err);
            kills += usize::from(ended.code.is_none());
            check_lock(&world, &place);
            let again = world.run(&typed, None);
            assert_eq!(again.code, Some(0), "{place}: {}\n{}", again.out, again.err);
            check_traffic(&world, false, &place);
            let ingress = world.service()["metadata"]["annotations"]["run.googleapis.com/ingress"].clone();
            let closed = ingress == "internal-and-cloud-load-balancing";
            assert_eq!((closed, certificates(&world).len()), (phase == "ACTIVE", 2), "{place}: {ingress}");
        }
        assert!(world.run(&typed, None).out.contains("nothing to do"), "{at}, {blow:?}");
    }
    assert!(kills > 10, "{kills}");
}

fn certificates(world: &World) -> Vec<String> {
    let state = world.stage.emulator.snapshot();
    let paths = state["compute"].as_object().unwrap().keys();
    paths.filter_map(|path| path.strip_prefix("global/sslCertificates/")).map(str::to_owned).collect()
}
