//! `gcp logs`, by the real gcloud.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use gcp_emulator::{Fault, FaultKind, LogSource, installed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_support::require;

use crate::interrupt::wait;
use crate::stage::Stage;

const SERVICE: &str = "validibot-mcp-dev";

fn log(stage: &Stage, service: &str, line: &str) {
    let revision = format!("{service}-00001-abc");
    stage.emulator.cloud().log_line("us-west1", service, &revision, LogSource::Stderr, line);
}

#[test]
fn json_lines_of_this_service_are_read_for_people_and_raw() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    log(&stage, "validibot-web-dev", "somebody else's");
    log(&stage, SERVICE, r#"{"severity":"INFO","message":"listening","address":"0.0.0.0:8080"}"#);
    log(&stage, SERVICE, r#"{"severity":"ERROR","message":"the licence could not be checked"}"#);
    log(&stage, SERVICE, "no JSON");
    let all = stage.ok(&["logs", "dev"]).out;
    let said: Vec<&str> = all.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        said,
        [
            "INFO     00001-abc listening address=0.0.0.0:8080",
            "ERROR    00001-abc the licence could not be checked",
            "-        00001-abc no JSON",
        ]
    );
    let raw =
        stage.ok(&["logs", "dev", "--json", "--severity", "error", "--since", "2026-01-01T00:00:00Z"]).out;
    let entries: Vec<serde_json::Value> =
        raw.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 1, "{raw}");
    assert_eq!(entries[0]["jsonPayload"]["message"], "the licence could not be checked");
    let newest = stage.ok(&["logs", "dev", "--limit", "1"]);
    assert!(newest.out.ends_with("no JSON\n") && newest.out.lines().count() == 1, "{}", newest.out);
    assert!(newest.err.contains("only the newest 1 are shown"), "{}", newest.err);

    stage.emulator.fail(Fault::new("*entries:list", FaultKind::PermissionDenied));
    let refused = stage.run(&["logs", "dev"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("could not be read") && refused.err.contains("hint: ask an owner"),
        "{}",
        refused.err
    );
    assert_eq!(stage.emulator.writes(), [""; 0]);
}

#[test]
fn following_shows_each_entry_once_and_survives_what_passes() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    log(&stage, SERVICE, "one");
    let mut command = stage.command(&["logs", "dev", "-f"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(next(), "one");
    let looks = || stage.emulator.calls().iter().filter(|call| call.path.ends_with("entries:list")).count();
    // One look fails, the next finds what has come since, and nothing that was shown.
    stage.emulator.fail("* 429 x1".parse().unwrap());
    let before = looks();
    wait(|| looks() >= before + 2);
    log(&stage, SERVICE, "two");
    assert_eq!(next(), "two");
    log(&stage, SERVICE, "three");
    assert_eq!(next(), "three");
    let before = looks();
    wait(|| looks() >= before + 2);
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(lines.next().map(Result::unwrap), None, "nothing is shown twice");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
