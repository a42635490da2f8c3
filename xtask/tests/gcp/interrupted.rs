//! Every command of a deploy, of a rollback and of maintenance fails once and is killed once: the traffic is never on what was not
//! proven, and the same command, typed again, ends where it would have ended without the interruption.

use std::sync::Arc;
use std::time::Duration;

use gcp_emulator::{ManualClock, Options};
use serde_json::Value;

use crate::blow::Blow;
use crate::played::{World, by_hand};

const DEPLOY: [&str; 3] = ["deploy", "dev", "--yes"];
const BREAK: [&str; 4] = ["lock", "break", "dev", "--yes"];

fn second() -> String {
    "2".repeat(40)
}

/// All traffic on this commit, no tag left.
fn whole(commit: &str) -> Vec<(String, u64, String)> {
    vec![(commit.to_owned(), 100, String::new())]
}

/// What is deployed over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    First,
    Second,
    Balanced,
}

impl Case {
    /// A stage on which [`DEPLOY`] is about to be typed.
    fn world(self) -> Arc<World> {
        if self == Self::First {
            return World::bare();
        }
        let world = World::new();
        *world.balanced.lock().unwrap() = self == Self::Balanced;
        *world.commit.lock().unwrap() = second();
        world
    }

    fn goal(self) -> Vec<(String, u64, String)> {
        whole(if self == Self::First { "1" } else { "2" })
    }
}

#[test]
fn a_deploy_goes_on_after_any_interruption() {
    for case in [Case::First, Case::Second, Case::Balanced] {
        let served = |world: &World, place: &str| {
            let serving: Vec<_> = world.traffic().into_iter().filter(|target| target.1 > 0).collect();
            let served = serving == whole("1") || serving == case.goal();
            assert!(served || case == Case::First && serving.is_empty(), "{place}: {serving:?}");
        };
        let wanted = goes_on(&|| case.world(), &DEPLOY, &|_| DEPLOY.map(str::to_owned).to_vec(), &served);
        assert_eq!(wanted.traffic(), case.goal());
    }
}

#[test]
fn a_rollback_goes_on_after_any_interruption() {
    // The first revision's name, which the interrupted command has said, differs from world to world.
    let first = |world: &World| {
        let first = world.revisions().into_iter().find(|(_, commit)| commit.starts_with('1'));
        first.unwrap().0
    };
    let world = || {
        let world = Case::Second.world();
        assert_eq!(world.run(&DEPLOY, None).code, Some(0));
        world
    };
    let again = |world: &World| ["rollback", "dev", &first(world), "--yes"].map(str::to_owned).to_vec();
    let served = |world: &World, place: &str| {
        let traffic = world.traffic();
        assert!([whole("1"), whole("2")].contains(&traffic), "{place}: {traffic:?}");
    };
    let wanted = goes_on(&world, &["rollback", "dev", "--yes"], &again, &served);
    assert_eq!(wanted.traffic(), whole("1"));

    let world = world();
    let failed = world.run(&["rollback", "dev", "--yes"], Some((1, Blow::FailsAfter)));
    let hint = format!("cargo xtask gcp rollback dev {}", first(&world));
    assert!(failed.err.contains("traffic: ") && failed.err.contains(&hint), "{}", failed.err);
}

#[test]
fn maintenance_goes_on_after_any_interruption() {
    let enabled = |world: &World| {
        let env = world.service()["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        let env = env.as_array().unwrap().iter().find(|entry| entry["name"] == "VALIDIBOT_MCP_ENABLED");
        env.unwrap()["value"].clone()
    };
    let served = |world: &World, place: &str| {
        let serving: Vec<_> = world.traffic().into_iter().filter(|target| target.1 > 0).collect();
        assert_eq!(serving, whole("1"), "{place}");
    };
    let on = ["maintenance", "on", "dev", "--yes"];
    let closed = goes_on(&World::new, &on, &|_| on.map(str::to_owned).to_vec(), &served);
    assert_eq!((&closed.state()["ingress"], enabled(&closed)), (&"internal".into(), "false".into()));

    let off = ["maintenance", "off", "dev", "--yes"];
    let world = || {
        let world = World::new();
        assert_eq!(world.run(&on, None).code, Some(0));
        world
    };
    let open = goes_on(&world, &off, &|_| off.map(str::to_owned).to_vec(), &served);
    assert_eq!((&open.state()["ingress"], enabled(&open)), (&"all".into(), "true".into()));
}

/// Each command that counts of `args` fails once and is killed once, in a world of its own; typed again, it ends as it does
/// undisturbed. In between, `meanwhile` looks. The world that was not disturbed.
fn goes_on(
    world: &dyn Fn() -> Arc<World>,
    args: &[&str],
    again: &dyn Fn(&World) -> Vec<String>,
    meanwhile: &dyn Fn(&World, &str),
) -> Arc<World> {
    let undisturbed = world();
    let ended = undisturbed.run(args, None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let (wanted, commands) = (undisturbed.state(), undisturbed.counted());
    assert!(commands >= 4, "lock, write, write or proof, unlock: {commands}");
    for (at, blow) in (0..commands).flat_map(|at| Blow::ALL.map(|blow| (at, blow))) {
        let world = world();
        let ended = world.run(args, Some((at, blow)));
        let place = format!("{args:?}, command {at} of {commands}, {blow:?}");
        assert_eq!(ended.code.is_none(), blow.kills(), "{place}: {}", ended.err);
        // Whoever is interrupted gives the lock back, even the one that was just being taken.
        assert!(blow != Blow::Interrupted || !world.is_locked(), "{place}: {}", ended.err);
        meanwhile(&world, &place);
        let again = again(&world);
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        break_lock(&world, &again, &place);
        let ended = world.run(&again, None);
        assert_eq!(ended.code, Some(0), "{place}: {}", ended.err);
        assert_eq!(world.state(), wanted, "{place}");
    }
    undisturbed
}

/// A killed one's lock is still there, and says whose it is and what it was at.
fn break_lock(world: &Arc<World>, again: &[&str], place: &str) {
    if !world.is_locked() {
        return;
    }
    let locked = world.run(again, None);
    // Where it was killed at its very end, there is nothing to do any more, and so no lock to take.
    if locked.code != Some(0) {
        assert_eq!(locked.code, Some(75), "{place}: {}", locked.err);
        assert!(locked.err.contains("ada on"), "{place}: {}", locked.err);
    }
    let status = world.run(&["lock", "status", "dev"], None);
    let doing = format!("doing: gcp {}", again[..again.len() - 1].join(" "));
    assert!(status.out.contains(&doing), "{place}: {}", status.out);
    let broken = world.run(&BREAK, None);
    assert!(broken.out.contains("which was ada on"), "{place}: {}{}", broken.out, broken.err);
}

#[test]
fn a_killed_deploys_lock_frees_itself() {
    let clock = Arc::new(ManualClock::default());
    let world = World::first(Options { clock: clock.clone(), ..Options::default() });
    *world.commit.lock().unwrap() = second();
    assert_eq!(world.run(&DEPLOY, Some((1, Blow::KilledAfter))).code, None);
    clock.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(world.run(&DEPLOY, None).code, Some(75), "its time is not over yet");
    clock.advance(Duration::from_secs(1));
    let ended = world.run(&DEPLOY, None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(world.traffic(), whole("2"));
    assert!(!world.is_locked());
}

#[test]
fn a_second_deploy_waits_for_the_first_ones_lock() {
    let world = World::new();
    *world.commit.lock().unwrap() = second();
    world.stage.emulator.cloud().seed_secret("validibot-mcp-deploy-lock-dev");
    world.stage.emulator.take_calls();
    let waiting = Arc::clone(&world);
    let deploy =
        std::thread::spawn(move || waiting.run(&["deploy", "dev", "--yes", "--lock-wait", "5m"], None));
    // It has been refused, and has looked whose the lock is.
    let started = std::time::Instant::now();
    while !world.stage.emulator.calls().iter().any(|call| {
        call.line().contains(
            "GET secretmanager.googleapis.com/v1/projects/demo-proj/secrets/validibot-mcp-deploy-lock-dev",
        )
    }) {
        assert!(started.elapsed() < Duration::from_mins(2), "it never looked");
        std::thread::yield_now();
    }
    world.stage.emulator.cloud().remove_secret("validibot-mcp-deploy-lock-dev");
    let ended = deploy.join().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("waiting for somebody unnamed"), "{}", ended.err);
    assert_eq!(world.traffic(), whole("2"));
}

#[test]
fn what_nobody_can_tell_changes_nothing() {
    let reads = [
        "run services list",
        "run services get-iam-policy validibot-mcp-dev",
        "secrets versions list",
        "network-endpoint-groups describe",
        "run services get-iam-policy validibot-web-dev",
    ];
    for read in reads {
        for case in [Case::First, Case::Second] {
            let world = case.world();
            *world.blind.lock().unwrap() = Some(read);
            world.stage.emulator.take_calls();
            let ended = world.run(&DEPLOY, None);
            assert_eq!(ended.code, Some(1), "{read}, {case:?}");
            assert!(ended.err.contains("could not tell what is there"), "{read}: {}", ended.err);
            // At most the lock was taken, beside the last reads, and given back.
            let writes = world.stage.emulator.writes();
            let others = writes.iter().filter(|line| !line.contains("validibot-mcp-deploy-lock-dev"));
            assert_eq!(others.count(), 0, "{read}, {case:?}: {writes:?}");
            assert!(!world.is_locked(), "{read}, {case:?}");
        }
    }
    // The lock's own state, too: nothing is written over a lock that cannot be seen.
    let world = Case::Second.world();
    *world.blind.lock().unwrap() = Some("secrets describe validibot-mcp-deploy-lock-dev");
    let ended = world.run(&DEPLOY, None);
    assert!(ended.err.contains("could not tell whether the deploy lock is still ours"), "{}", ended.err);
    assert_eq!(world.traffic()[0], ("1".to_owned(), 100, String::new()));
}

#[test]
fn a_candidate_that_is_not_fit_never_gets_traffic() {
    let world = World::new();
    *world.commit.lock().unwrap() = second();
    world.unfit.lock().unwrap().push("candidate---");
    let ended = world.run(&DEPLOY, None);
    assert_eq!(ended.code, Some(1));
    for part in
        ["proof: ", "another build answers", "the traffic stays where it was", "what the container wrote"]
    {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(world.traffic()[0], ("1".to_owned(), 100, String::new()));
    assert!(!world.is_locked());
}

#[test]
fn behind_a_load_balancer_the_public_address_is_the_proof_and_the_traffic_returns() {
    let world = World::new();
    *world.balanced.lock().unwrap() = true;
    let locked = world.run(&DEPLOY, None);
    assert_eq!(locked.code, Some(0), "{}", locked.err);
    let before = world.state();

    *world.commit.lock().unwrap() = second();
    world.unfit.lock().unwrap().push("mcp.example.com");
    let ended = world.run(&DEPLOY, None);
    assert_eq!(ended.code, Some(1));
    for part in [
        "its startup probe is its proof",
        "public address: ",
        "the traffic is back where it was",
        "what the container wrote",
    ] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(world.traffic(), whole("1"));
    assert_eq!(world.state()["ingress"], before["ingress"]);
    assert!(!world.is_locked());
}

#[test]
fn a_rollback_and_then_a_normal_deploy() {
    let world = World::new();
    *world.commit.lock().unwrap() = second();
    assert_eq!(world.run(&DEPLOY, None).code, Some(0));
    let first = world.run(&["rollback", "dev", "--yes"], None);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert_eq!(world.traffic(), whole("1"));
    let releases = world.run(&["releases", "dev"], None).out;
    assert!(releases.contains("serving") && releases.contains("rolled back"), "{releases}");
    let twice = world.run(&["rollback", "dev", "--yes"], None);
    assert_eq!(twice.code, Some(1));
    assert!(twice.err.contains("no earlier revision"), "{}", twice.err);

    *world.commit.lock().unwrap() = "3".repeat(40);
    let deployed = world.run(&DEPLOY, None);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    assert_eq!(world.traffic(), whole("3"));
    let status = world.run(&["status", "dev", "--json"], None);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!((&status["overall"], &status["lock"]), (&"LIVE".into(), &Value::Null));
}

#[test]
fn a_lock_that_is_lost_stops_the_next_write() {
    // At the candidate, the second command that counts: somebody breaks the lock.
    let world = World::new();
    *world.commit.lock().unwrap() = second();
    *world.meanwhile.lock().unwrap() = Some((
        1,
        Box::new(|world| {
            world.stage.emulator.cloud().remove_secret("validibot-mcp-deploy-lock-dev");
        }),
    ));
    let ended = world.run(&DEPLOY, None);
    assert_eq!(ended.code, Some(1));
    for part in ["traffic: the deploy lock is lost", "stopped before the next write"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(world.traffic()[0], ("1".to_owned(), 100, String::new()));
}

#[test]
fn a_plan_is_refused_once_anything_has_changed() {
    let world = World::new();
    *world.commit.lock().unwrap() = second();
    let file = world.stage.path("plan.json");
    let file = file.to_str().unwrap();
    let planned = world.run(&["plan", "dev", "--out", file], None);
    assert_eq!(planned.code, Some(2), "{}", planned.err);
    by_hand(&world.stage.emulator, |service| {
        let limits = &mut service["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
        limits["memory"] = "1Gi".into();
        service["spec"]["template"]["metadata"]["name"] = "validibot-mcp-dev-by-hand".into();
    });
    world.stage.emulator.take_calls();
    let refused = world.run(&["deploy", "dev", "--yes", "--plan", file], None);
    assert_eq!(refused.code, Some(1));
    for part in ["what is there is not what was planned on", "512Mi", "1Gi", "nothing was changed"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    // Each value that differs in a line of its own, and not the container that it stands in.
    let longest = refused.err.lines().map(str::len).max().unwrap();
    assert!(longest < 200, "{}", refused.err);
    assert_eq!(world.stage.emulator.writes(), [""; 0]);
    // Planned anew, it names the other hand's revision, which does not serve, and is applied.
    let planned = world.run(&["plan", "dev", "--out", file], None);
    assert!(planned.out.contains("the newest revision is validibot-mcp-dev-by-hand"), "{}", planned.out);
    let deployed = world.run(&["deploy", "dev", "--yes", "--plan", file], None);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    assert_eq!(world.traffic(), whole("2"));
    // Another commit is not what was planned.
    *world.commit.lock().unwrap() = "3".repeat(40);
    let other = world.run(&["deploy", "dev", "--yes", "--plan", file], None);
    assert!(other.err.contains("this is not what was planned"), "{}", other.err);
}
