//! `gcp plan` and `gcp deploy`: what is written, in which order, and where the traffic is whatever happens.

use std::process::Stdio;
use std::time::{Duration, Instant};

use gcp_emulator::{Fault, FaultKind, installed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_support::require;

use crate::deployment::{Deployment, SERVICE};
use crate::stage::Finished;

#[test]
fn a_first_deploy_and_a_second_through_lock_and_interruption() {
    require!(installed::gcloud());
    let deployment = Deployment::new();
    let plan = deployment.ends(2, &["plan", "dev"]);
    assert!(plan.out.contains("+ service validibot-mcp-dev"), "{}", plan.out);
    assert_eq!(deployment.writes(), [""; 0]);

    deployment.deploy();
    let lock = [
        "POST secrets",
        "POST services",
        &format!("POST {SERVICE}:setIamPolicy")[..],
        // That it has served, once it is proven.
        &format!("PUT {SERVICE}")[..],
        "DELETE validibot-mcp-deploy-lock-dev",
    ];
    assert_eq!(deployment.writes(), lock);
    let first = deployment.serving();
    let environment = &deployment.service()["spec"]["template"]["spec"]["containers"][0]["env"];
    assert!(environment.to_string().contains("candidate---validibot-mcp-dev-123456789012.us-west1.run.app"));

    let again = deployment.deploy();
    assert!(again.out.contains("nothing to do") && again.out.contains(&first), "{}", again.out);
    assert_eq!(deployment.writes(), [""; 0], "no write, no lock");
    deployment.ends(0, &["plan", "dev"]);

    deployment.commit("second");
    somebody_else_is_at_it(&deployment);
    interrupted(&deployment);
    assert_eq!(deployment.serving_share(), (first.clone(), 100));
    deployment.writes();
    let plan = deployment.ends(2, &["plan", "dev"]);
    assert!(
        plan.out.contains("image: us-west1-docker.pkg.dev/demo-proj/validibot/validibot-mcp@sha256:"),
        "{}",
        plan.out
    );
    deployment.deploy();
    let put = format!("PUT {SERVICE}");
    assert_eq!(deployment.writes(), ["POST secrets", &put, &put, "DELETE validibot-mcp-deploy-lock-dev"]);
    assert_ne!(deployment.serving(), first);
    let probes = deployment.probes();
    assert!(
        probes.iter().any(|probe| probe.starts_with("https://candidate---validibot-mcp-dev-")),
        "{probes:?}"
    );
    assert!(probes.last().unwrap().starts_with("https://validibot-mcp-dev-"), "{probes:?}");
    assert_eq!(deployment.stage.emulator.unexpected(), [""; 0]);
}

/// A lock that is held ends a deploy with exit code 75 and its holder's name; broken, it is said whose it was.
fn somebody_else_is_at_it(deployment: &Deployment) {
    let annotations = "--set-annotations=holder=grace on build-1,command=gcp deploy dev,id=1";
    let lock = "validibot-mcp-deploy-lock-dev";
    let create = ["secrets", "create", lock, "--ttl=900s", "--replication-policy=automatic", annotations];
    let made = deployment.stage.gcloud(&create);
    assert_eq!(made.code, Some(0), "{}", made.err);
    deployment.writes();
    let refused = deployment.ends(75, &["deploy", "dev", "--yes"]);
    for part in ["grace on build-1", "gcp deploy dev", "nothing was changed", "--lock-wait"] {
        assert!(refused.err.contains(part), "{part}\n{}", refused.err);
    }
    assert_eq!(deployment.writes(), ["POST secrets"], "the attempt to take it");
    let broken = deployment.ends(0, &["lock", "break", "dev", "--yes"]);
    assert!(broken.out.contains("which was grace on build-1's"), "{}", broken.out);
    assert!(!deployment.is_locked());
}

/// Ctrl-C while gcloud is at the candidate: the lock is given back, and the traffic stays.
fn interrupted(deployment: &Deployment) {
    let slow =
        Fault::new("*/services/validibot-mcp-dev", FaultKind::Slow(Duration::from_hours(1))).method("PUT");
    deployment.stage.emulator.fail(slow);
    deployment.stage.emulator.take_calls();
    let mut command = deployment.command(&["deploy", "dev", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while !deployment.stage.emulator.calls().iter().any(|call| call.line().contains(" PUT ")) {
        assert!(started.elapsed() < Duration::from_mins(5), "it never came to the candidate");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let finished = Finished::of(&child.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(130), "{}", finished.err);
    assert!(finished.err.contains("candidate: interrupted"), "{}", finished.err);
    assert!(!deployment.is_locked(), "{}", finished.err);
    deployment.stage.emulator.clear_faults();
}
