//! Kills at random moments of random commands, one after another in one project: whatever was killed, the traffic is on what has
//! served, and the same command typed again comes to its end.
//!
//! The other tests strike each moment of one command; here what one has left is what the next one finds. A round that fails
//! names its seed: put it into `SEEDS`.

use std::sync::Arc;

use crate::blow::Blow;
use crate::played::{World, add_balancer};

/// Where rounds have failed before, and some more.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Kills in a round.
const KILLS: usize = 8;

const DOMAIN: &str = "mcp.acme.example";
const ADDRESS: &str = "203.0.113.7";

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): the same seed, the same round.
struct Dice(u64);

impl Dice {
    fn next(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sides = u64::try_from(sides).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % sides).unwrap()
    }
}

/// The command of a turn. Commits go on by one digit; a rollback is of what a deploy has brought.
fn command(world: &Arc<World>, dice: &mut Dice, commits: &mut u32) -> Vec<String> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    match dice.next(5) {
        0 | 1 => {
            *commits += 1;
            *world.commit.lock().unwrap() = commits.to_string().repeat(40);
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

/// All of it on one revision that came up, of a commit that was deployed here.
fn check_traffic(world: &World, place: &str) {
    let serving: Vec<_> = world.traffic().into_iter().filter(|(_, percent, _)| *percent > 0).collect();
    assert_eq!(serving.iter().map(|(_, percent, _)| percent).sum::<u64>(), 100, "{place}: {serving:?}");
    assert_eq!(serving.len(), 1, "{place}: {serving:?}");
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
    let mut dice = Dice(seed);
    let world = World::new();
    let mut commits = 1;
    for turn in 0..kills {
        let typed = command(&world, &mut dice, &mut commits);
        let words: Vec<&str> = typed.iter().map(String::as_str).collect();
        let at = dice.next(9);
        let blow = if dice.next(2) == 0 { Blow::KilledBefore } else { Blow::KilledAfter };
        let place = format!("seed {seed}, turn {turn}: {words:?} at command {at}, {blow:?}");
        let ended = world.run(&words, Some((at, blow)));
        assert!(ended.code.is_none() || ended.code == Some(0), "{place}: {}", ended.err);
        check_traffic(&world, &place);
        if world.is_locked() {
            let broken = world.run(&["lock", "break", "dev", "--yes"], None);
            assert_eq!(broken.code, Some(0), "{place}: {}", broken.err);
        }
        let again = world.run(&words, None);
        assert_eq!(again.code, Some(0), "{place}: {}\n{}", again.out, again.err);
        check_traffic(&world, &place);
        check_copies(&world, &place);
        assert!(!world.is_locked(), "{place}");
        let deployed = words[0] == "deploy";
        let digit = commits.to_string();
        assert!(!deployed || world.traffic()[0].0 == digit[..1], "{place}: {:?}", world.traffic());
    }
}

#[test]
fn whatever_is_killed_the_same_command_goes_on() {
    let new = u64::from_str_radix(&xtask::core::secret::random_hex(7).unwrap(), 16).unwrap();
    for seed in SEEDS.into_iter().chain([new]) {
        round(seed, KILLS);
    }
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
            if world.is_locked() {
                assert_eq!(world.run(&["lock", "break", "dev", "--yes"], None).code, Some(0), "{place}");
            }
            let again = world.run(&typed, None);
            assert_eq!(again.code, Some(0), "{place}: {}\n{}", again.out, again.err);
            check_traffic(&world, &place);
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
