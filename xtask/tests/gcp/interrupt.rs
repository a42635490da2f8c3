//! Ctrl-C: while gcloud hangs, looking or changing, and as the end of the emulator.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gcp_emulator::{Fault, FaultKind, installed};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use test_support::require;

use crate::stage::{Finished, Stage};

const ACCOUNT: &str = "serviceAccount:validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";

#[test]
fn a_hanging_gcloud_ends_with_its_children_and_the_state_is_said() {
    require!(installed::gcloud());
    let stage = Stage::dev();
    stage.emulator.fail(Fault::new("*", FaultKind::Slow(Duration::from_hours(1))));
    let child = start(&stage);
    // gcloud is hanging once its call has arrived.
    wait(|| stage.emulator.calls().len() >= 2);
    let finished = signal(child, Signal::SIGINT);
    assert_eq!(finished.code, Some(130), "{}", finished.err);
    assert!(finished.err.contains("nothing was changed"), "{}", finished.err);
    assert_eq!(stage.emulator.writes(), [""; 0]);
}

#[test]
fn a_step_that_is_interrupted_is_said_to_be_in_doubt() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    stage.emulator.cloud().bind_project("roles/secretmanager.secretAccessor", ACCOUNT);
    let slow = Fault::new("*demo-proj:setIamPolicy", FaultKind::Slow(Duration::from_hours(1)));
    stage.emulator.fail(slow);
    let child = start(&stage);
    wait(|| stage.emulator.calls().iter().any(|call| call.path.ends_with("demo-proj:setIamPolicy")));
    let finished = signal(child, Signal::SIGTERM);
    assert_eq!(finished.code, Some(130), "{}", finished.err);
    let doubt = "in doubt: roles/secretmanager.secretAccessor on the whole project";
    for part in [doubt, "done: docker login", "type the same command again"] {
        assert!(finished.err.contains(part), "{part}\n{}", finished.err);
    }
}

#[test]
fn the_emulator_runs_until_ctrl_c() {
    let stage = Stage::dev();
    let mut command = stage.command(&["emulator", "--project", "rehearsal"]);
    // It is built by cargo, which has folders of its own.
    // rustup must not be left to its defaults: without its own switches it may fetch another toolchain.
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTUP_AUTO_INSTALL", "CARGO"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with('#')).collect();
    assert!(said.contains(&"export CLOUDSDK_CORE_PROJECT='rehearsal'".to_owned()), "{said:?}");
    let port = said.iter().find_map(|line| line.strip_prefix("export CLOUDSDK_PROXY_PORT=")).unwrap();
    let address = format!("127.0.0.1:{}", port.trim_matches('\''));
    assert!(TcpStream::connect(&address).is_ok());
    let finished = signal(child, Signal::SIGINT);
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    assert!(TcpStream::connect(&address).is_err(), "nothing is left behind");
}

fn start(stage: &Stage) -> Child {
    let mut command = stage.command(&["setup", "dev", "--yes"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for what must come, however slow the machine is.
pub(crate) fn wait(mut come: impl FnMut() -> bool) {
    let started = Instant::now();
    while !come() {
        assert!(started.elapsed() < Duration::from_mins(3), "it never came");
        std::thread::yield_now();
    }
}

fn signal(child: Child, signal: Signal) -> Finished {
    nix::sys::signal::kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    Finished::of(&child.wait_with_output().unwrap())
}
