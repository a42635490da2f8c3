//! Ctrl-C while gcloud hangs.

use std::process::Stdio;
use std::time::{Duration, Instant};

use gcp_emulator::{Fault, FaultKind, gcloud_is_here};

use crate::stage::{Finished, Stage};

#[test]
fn a_hanging_gcloud_ends_with_its_children_and_the_state_is_said() {
    if !gcloud_is_here("a_hanging_gcloud_ends_with_its_children_and_the_state_is_said") {
        return;
    }
    let stage = Stage::dev();
    stage.emulator.fail(Fault::new("*", FaultKind::Slow(Duration::from_hours(1))));
    let child = stage
        .command(&["setup", "dev", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    // gcloud is hanging once its call has arrived.
    while stage.emulator.calls().len() < 2 {
        assert!(started.elapsed() < Duration::from_mins(2), "gcloud never called");
        std::thread::yield_now();
    }
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let finished = Finished::of(&child.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(130), "{}", finished.err);
    assert!(finished.err.contains("nothing was changed"), "{}", finished.err);
    assert_eq!(stage.emulator.writes(), [""; 0]);
}
