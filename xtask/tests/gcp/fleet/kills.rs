//! Kills at random moments of random commands on a whole fleet behind a load balancer that is only being made: whatever was
//! killed, the traffic is on what is proven, the lock is free or says whose it is, and the same command comes to its end.
//!
//! A round that fails names its seed: put it into `SEEDS`.

use serde_json::Value;

use super::Fleet;
use super::inside::{Kill, tool};
use crate::blow::{Dice, kills, new_seed};
use crate::played::add_balancer;

/// Where rounds have failed before, and some more.
const SEEDS: [u64; 2] = [1, 2];

/// Kills in a round, where nobody says (`VALIDIBOT_KILLS`).
const KILLS: usize = 10;

const DOMAIN: &str = "mcp.acme.example";
const ADDRESS: &str = "203.0.113.7";
const SERVER: &str = "validibot-mcp-dev";
const LOCK: &str = "validibot-mcp-deploy-lock-dev";
const APPLICATION: [&str; 2] = ["validibot-web-dev", "validibot-worker-dev"];

/// How much a command writes at most, beside the lock: thirteen parts of maintenance.
const WRITES: usize = 16;

impl Fleet {
    /// What one service remembers under a name.
    fn remembers(&self, service: &str, name: &str) -> String {
        let annotations = self.state()["services"][service]["metadata"]["annotations"].clone();
        annotations[format!("validibot.com/{name}")].as_str().unwrap_or_default().to_owned()
    }

    /// What has served before what serves.
    fn earlier(&self, service: &str) -> Option<String> {
        let served = self.remembers(service, "served");
        served.split(',').nth(1).filter(|name| !name.is_empty()).map(str::to_owned)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// The command of a turn. Every release and every commit has a name of its own.
fn command(fleet: &mut Fleet, dice: &mut Dice, turn: usize) -> Vec<String> {
    let image = |fleet: &Fleet| {
        format!("deploy-all dev --yes --at-once 1 --image {}:{}", super::APPLICATION, fleet.tag)
    };
    match dice.next(8) {
        0 | 1 => {
            // Of the application, of the server, or of both.
            let what = dice.next(3);
            if what != 0 {
                let digit = char::from_digit(u32::try_from(turn % 16).unwrap(), 16).unwrap();
                fleet.release(&format!("r{turn}"), digit);
            }
            if what != 1 {
                fleet.deployment.say("commit", &format!("c{turn:011}"));
            }
            words(&image(fleet))
        }
        2 => words("maintenance on dev --yes --at-once 1"),
        3 => words("maintenance off dev --yes --at-once 1"),
        4 => match fleet.earlier(SERVER) {
            Some(target) => words(&format!("rollback dev {target} --yes --anyway")),
            None => words("release drop dev --yes"),
        },
        5 => match fleet.earlier(APPLICATION[0]) {
            Some(target) => words(&format!("rollback dev {target} --service web --yes --anyway")),
            None => words("release drop dev --service web --yes"),
        },
        6 => {
            // Google has seen the name lead here, at some time.
            let state = fleet.state();
            let certificates = state["compute"].as_object().unwrap().keys().cloned();
            let ordered: Vec<String> = certificates
                .filter_map(|path| path.strip_prefix("global/sslCertificates/").map(str::to_owned))
                .collect();
            for name in ordered {
                fleet.deployment.stage.emulator.cloud().certificate_status(&name, "ACTIVE");
            }
            words(&format!("lb-add dev {DOMAIN} --yes --at-once 1"))
        }
        // What was gone back from is asked for by name.
        _ => words(&format!("{} --yes-older", image(fleet))),
    }
}

/// Where users are, whatever was killed; afterwards (`killed` is false) everything that can be is proven.
fn check_traffic(fleet: &Fleet, killed: bool, place: &str) {
    let state = fleet.state();
    for service in APPLICATION.into_iter().chain([SERVER]) {
        let document = &state["services"][service];
        let targets = document["status"]["traffic"].as_array().unwrap();
        let serving: Vec<&Value> =
            targets.iter().filter(|target| target["percent"].as_u64() > Some(0)).collect();
        assert_eq!(serving.len(), 1, "{place}: {service}: {serving:?}");
        assert_eq!(serving[0]["percent"], 100, "{place}: {service}");
    }
    let server = &state["services"][SERVER];
    let targets = server["status"]["traffic"].as_array().unwrap();
    let name =
        targets.iter().find(|target| target["percent"] == 100).unwrap()["revisionName"].as_str().unwrap();
    let ingress =
        server["metadata"]["annotations"]["run.googleapis.com/ingress"].as_str().unwrap_or_default();
    // What no address leads to before it has the traffic is proven at once after it: by the next run, after a kill.
    let excused = ingress == "internal" || killed && (ingress != "all" || name.contains("-open-"));
    let proven = fleet.proven.lock().unwrap();
    assert!(excused || proven.iter().any(|known| known == name), "{place}: {name} serves, unproven");
}

fn check_copies(fleet: &Fleet, place: &str) {
    let state = fleet.state();
    let secrets: Vec<&str> = state["secrets"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| *name != LOCK)
        .collect();
    assert_eq!(secrets, ["django-env-dev", "mcp-env-dev"], "{place}");
    assert_eq!(state["invokers"][SERVER].to_string().matches("allUsers").count(), 1, "{place}");
    assert_eq!(state["invokers"]["validibot-worker-dev"], serde_json::json!([]), "{place}: it is private");
}

fn ok(fleet: &Fleet, words: &[&str], place: &str) -> String {
    let (done, said, _) = tool(fleet, words, None);
    done.unwrap_or_else(|error| panic!("{place}: {words:?}\n{error}\n{said}"));
    said
}

fn round(seed: u64, kills: usize) {
    let mut dice = Dice::new(seed);
    let mut fleet = Fleet::new();
    add_balancer(&fleet.deployment.stage.emulator, ADDRESS);
    fleet.deployment.say("dns", ADDRESS);
    fleet.deployment.say("commit", "c00000000000");
    fleet.quick(&[]);
    let mut struck = 0;
    for turn in 1.. {
        if struck == kills {
            return;
        }
        let typed = command(&mut fleet, &mut dice, turn);
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        let kill = Kill { write: dice.next(WRITES), blow: dice.kill() };
        let place = format!("seed {seed}, turn {turn}: {typed:?}, {kill:?}");
        let before = fleet.remembers(SERVER, "bad") + &fleet.remembers(APPLICATION[0], "bad");
        let (ended, said, writes) = tool(&fleet, &typed, Some(kill));
        let killed = writes > kill.write;
        struck += usize::from(killed);
        // What was gone back from is refused, in so many words, where nobody asks for it by name.
        if let (Err(error), false) = (&ended, killed) {
            let held = error.to_string().contains("--yes-older") && !before.is_empty();
            assert!(held, "{place}\n{error}\n{said}");
            continue;
        }
        check_traffic(&fleet, killed, &place);
        check_copies(&fleet, &place);
        if fleet.deployment.is_locked() {
            let status = ok(&fleet, &["lock", "status", "dev"], &place);
            assert!(
                status.contains("holder: ada on ") && status.contains("doing: gcp "),
                "{place}\n{status}"
            );
            ok(&fleet, &["lock", "break", "dev", "--yes"], &place);
        }
        ok(&fleet, &typed, &place);
        check_traffic(&fleet, false, &place);
        check_copies(&fleet, &place);
        assert!(!fleet.deployment.is_locked(), "{place}");
    }
}

#[test]
fn whatever_of_a_fleet_is_killed_the_same_command_goes_on() {
    for seed in SEEDS.into_iter().chain([new_seed()]) {
        round(seed, kills(KILLS));
    }
}
