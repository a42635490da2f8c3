//! `kill -9` of the real tool at random moments, where every program is real: tool, gcloud, containers. Whatever was killed, what
//! users reach is proven, and the same command typed again comes to its end.
//!
//! A moment is a number of calls that Google has had from the command, so that it does not depend on a clock. The played gcloud of
//! `xtask/tests/gcp` strikes every write; here it is the processes that are left behind.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use gcp_emulator::installed;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use suite::require;

use crate::fleet::Fleet;
use crate::project::{Image, SERVICE};

/// Kills where nobody says (`VALIDIBOT_KILLS`): each is a deploy and more, of every container.
const KILLS: usize = 2;

/// The most calls that a killed command gets to make.
const CALLS: u64 = 30;

/// A look at a process, or at how far it is, costs nothing.
const LOOK: Duration = Duration::from_millis(10);

const DOMAIN: &str = "mcp.acme.example";

/// Which of its programs are killed with the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// None: what it has started comes to its end.
    Tool,
    /// All of them.
    Tree,
}

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>), from a seed that a failure names.
struct Dice(u64);

impl Dice {
    fn next(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// The programs that a process has started; the tool gives each a group of its own.
fn children(process: u32) -> Vec<Pid> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let said =
        threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let numbers: Vec<i32> = said
        .flat_map(|said| said.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect();
    numbers.into_iter().map(Pid::from_raw).collect()
}

/// Whether a process has not ended; one that nobody has asked about since has.
fn is_running(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

impl Fleet {
    /// Runs a command until Google has had this many calls of it, and kills it then; whether it had not ended by itself.
    async fn killed_at(&self, arguments: &[&str], calls: u64, which: Killed) -> bool {
        self.project.emulator.take_calls();
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut tool = command.spawn().expect("the tool starts");
        let number = tool.id().expect("it has just started");
        let enough = usize::try_from(calls).expect("a small number");
        while self.project.emulator.calls().len() < enough {
            if tool.try_wait().expect("it can be waited for").is_some() {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        let started = children(number);
        tool.kill().await.expect("it is killed");
        for child in started {
            if which == Killed::Tree {
                // It may have ended just now.
                let _ = killpg(child, Signal::SIGKILL);
            }
            while is_running(child) {
                tokio::time::sleep(LOOK).await;
            }
        }
        true
    }

    fn remembers(&self, name: &str) -> Vec<String> {
        let service = self.project.emulator.snapshot()["services"][SERVICE].clone();
        let said =
            service["metadata"]["annotations"][format!("validibot.com/{name}")].as_str().unwrap_or_default();
        said.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// What there may be one of only, and what has to be served where anybody reaches it.
    async fn check(&self, place: &str) {
        let state = self.project.emulator.snapshot();
        for service in ["validibot-web-dev", "validibot-worker-dev", SERVICE] {
            let targets =
                state["services"][service]["status"]["traffic"].as_array().cloned().unwrap_or_default();
            let serving: Vec<&Value> =
                targets.iter().filter(|target| target["percent"].as_u64() > Some(0)).collect();
            assert!(serving.len() == 1 && serving[0]["percent"] == 100, "{place}: {service}: {targets:?}");
        }
        let secrets: BTreeSet<&str> =
            state["secrets"].as_object().expect("secrets").keys().map(String::as_str).collect();
        let known = BTreeSet::from(["django-env-dev", "mcp-env-dev", "validibot-mcp-deploy-lock-dev"]);
        assert!(secrets.is_subset(&known), "{place}: {secrets:?}");
        assert_eq!(state["invokers"][SERVICE].to_string().matches("allUsers").count(), 1, "{place}");
        let ingress = &state["services"][SERVICE]["metadata"]["annotations"]["run.googleapis.com/ingress"];
        if ingress == "all" {
            let url = self.project.engine.url(SERVICE);
            assert_eq!(self.project.version(&url).await, self.project.named, "{place}: users are not served");
        }
    }

    /// The lock is nobody's, or says whose it is; then it is taken away.
    async fn free(&self, place: &str) {
        let status = self.project.ends(0, &["lock", "status", "dev"]).await;
        if !status.stdout.contains("holder: ") {
            return;
        }
        assert!(
            status.stdout.contains("holder: ada on ") && status.stdout.contains("doing: gcp "),
            "{place}\n{}",
            status.stdout
        );
        self.project.ends(0, &["lock", "break", "dev", "--yes"]).await;
    }

    /// The command of a turn.
    async fn command_of(&self, dice: &mut Dice, turn: u64) -> Vec<String> {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        match dice.next(6) {
            0 => {
                self.project.commit(&format!("{:07x}", 0x0200_0000 + turn), Image::Good);
                words("deploy-all dev --yes --allow-dirty")
            }
            1 => {
                self.project.commit(&format!("{:07x}", 0x0200_0000 + turn), Image::Good);
                self.project.ends(0, &["build", "dev", "--yes", "--allow-dirty"]).await;
                words("deploy dev --yes --allow-dirty --yes-older")
            }
            2 => words("maintenance on dev --yes"),
            3 => words("maintenance off dev --yes"),
            4 => match self.remembers("served").get(1) {
                Some(earlier) => words(&format!("rollback dev {earlier} --yes --anyway")),
                None => words("release drop dev --yes"),
            },
            _ => words(&format!("lb-add dev {DOMAIN} --yes")),
        }
    }
}

/// The web application's load balancer, whose new certificate Google never issues: what comes after that is the played tests'.
fn add_balancer(fleet: &Fleet) {
    let mut cloud = fleet.project.emulator.cloud();
    cloud.enable(&["compute.googleapis.com"]);
    let link = |path: &str| format!("https://www.googleapis.com/compute/v1/projects/demo-proj/global/{path}");
    cloud.seed_compute("global/addresses/validibot-ip-dev", json!({"address": "203.0.113.7"}));
    cloud.seed_compute(
        "global/backendServices/validibot-backend-dev",
        json!({"loadBalancingScheme": "EXTERNAL", "protocol": "HTTP"}),
    );
    let default = link("backendServices/validibot-backend-dev");
    cloud.seed_compute("global/urlMaps/validibot-url-map-dev", json!({"defaultService": default}));
    let managed = json!({"domains": ["app.acme.example"], "status": "ACTIVE"});
    cloud.seed_compute(
        "global/sslCertificates/validibot-cert-dev",
        json!({"type": "MANAGED", "managed": managed}),
    );
    let (map, certificate) =
        (link("urlMaps/validibot-url-map-dev"), link("sslCertificates/validibot-cert-dev"));
    cloud.seed_compute(
        "global/targetHttpsProxies/validibot-https-proxy-dev",
        json!({"urlMap": map, "sslCertificates": [certificate]}),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_for_real_the_same_command_goes_on() {
    require!(installed::engine());
    require!(installed::gcloud());
    let kills = match suite::process::env("VALIDIBOT_KILLS") {
        Some(said) => said.parse().expect("VALIDIBOT_KILLS is a number"),
        None => KILLS,
    };
    let fleet = Fleet::start().await;
    fleet.deploy().await;
    add_balancer(&fleet);
    // The port that the emulator was given is as good as any number.
    let seed = u64::from(fleet.project.emulator.address().port());
    let mut dice = Dice(seed);
    let mut struck = 0;
    for turn in 1.. {
        if struck == kills {
            break;
        }
        let typed = fleet.command_of(&mut dice, turn).await;
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        let calls = 1 + dice.next(CALLS);
        let which = if dice.next(2) == 0 { Killed::Tool } else { Killed::Tree };
        let place = format!("seed {seed}, turn {turn}: {typed:?}, killed at call {calls}, {which:?}");
        if fleet.killed_at(&typed, calls, which).await {
            struck += 1;
        }
        fleet.check(&place).await;
        fleet.free(&place).await;
        let again = fleet.project.run(fleet.command(&typed)).await;
        assert_eq!(again.code, Some(0), "{place}\n{}\n{}", again.stdout, again.stderr);
        fleet.check(&place).await;
        // For those who watch forty of them.
        let _ = writeln!(std::io::stderr(), "{place}: {}", again.stdout.lines().last().unwrap_or_default());
    }
    assert_eq!(fleet.project.emulator.unexpected(), [""; 0]);
}
