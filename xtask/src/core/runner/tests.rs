//! The runner with real programs: `sh` stands for whatever an operator's machine has.

use std::time::{Duration, Instant};

use super::*;
use crate::core::secret::Secret;

fn real() -> (Runner, Interrupts) {
    let interrupts = Interrupts::none();
    (Runner::real(Printer::captured(), interrupts.clone()), interrupts)
}

fn sh(script: &str) -> Command {
    Command::new("sh").arg("-c").arg(script)
}

#[test]
fn both_streams_the_code_and_the_secret_input_arrive() {
    let command = sh("cat; printf \"$A\"; echo no >&2; exit 3")
        .env_secret("A", Secret::new("b"))
        .stdin_secret(Secret::new("in "), "somewhere");
    let outcome = real().0.run(&command, Streams::Captured).unwrap();
    assert_eq!(outcome, Outcome { code: 3, stdout: "in b".into(), stderr: "no\n".into() });
}

#[test]
fn a_failure_shows_the_command_and_the_last_lines() {
    let error = real().0.read(&sh("echo first; echo broken >&2; exit 7")).unwrap_err();
    expect_test::expect![[r"
        sh ended with exit code 7
          command: sh -c 'echo first; echo broken >&2; exit 7'
          broken"]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = real().0.read(&Command::new("no-such-program")).unwrap_err();
    assert!(error.to_string().contains("hint: install no-such-program"), "{error}");
}

#[test]
fn a_deadline_ends_the_program_with_its_children() {
    let started = Instant::now();
    // The grandchild holds the pipe: without the group, reading would go on for a minute.
    let error = real().0.read(&sh("sleep 60 & sleep 60").deadline(Duration::from_millis(200))).unwrap_err();
    assert!(error.to_string().contains("did not finish"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_grandchild_that_holds_the_pipe_does_not_keep_us() {
    let started = Instant::now();
    let outcome = real().0.read(&sh("sleep 60 & echo done")).unwrap();
    assert_eq!(outcome.stdout, "done\n");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_signal_is_passed_on_and_ends_the_command() {
    let (runner, interrupts) = real();
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let command =
        sh("trap 'echo caught > \"$0\".out; exit 0' TERM; : > \"$0\"; while :; do sleep 0.05; done")
            .arg(&ready)
            .no_deadline();
    let thread = std::thread::spawn(move || runner.run(&command, Streams::Captured));
    while !ready.exists() {
        std::thread::yield_now();
    }
    interrupts.raise(signal_hook::consts::SIGTERM);
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.exit().code(), 130);
    assert_eq!(std::fs::read_to_string(folder.path().join("ready.out")).unwrap(), "caught\n");
}

#[test]
fn a_dry_run_executes_reads_and_shows_changes() {
    let printer = Printer::captured();
    let runner = Runner::dry_run(printer.clone(), Interrupts::none());
    assert_eq!(runner.read(&sh("echo seen").reads()).unwrap().stdout, "seen\n");
    assert_eq!(runner.read(&sh("exit 1")).unwrap().code, 0);
    assert_eq!(printer.stdout(), "sh -c 'exit 1'\n");
}

#[test]
fn a_recording_runner_starts_nothing() {
    let runner = Runner::record(Printer::captured(), |_| Outcome::failure(9, "made up"));
    assert_eq!(runner.run(&sh("exit 1"), Streams::Captured).unwrap().code, 9);
    assert_eq!(runner.recorded(), [sh("exit 1")]);
}

#[test]
fn each_line_of_a_watched_command_comes_while_it_runs_and_none_is_lost_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    // It goes on only once its first line was seen.
    let script = "echo first; printf 'drawn\\rover\\n' >&2; until [ -e \"$0\" ]; do sleep 0.02; done; echo last; exit 3";
    let mut seen = Vec::new();
    let outcome = real()
        .0
        .watch(&sh(script).arg(&go), &mut |said| {
            if said == Said::Stdout("first".to_owned()) {
                std::fs::write(&go, "").unwrap();
            }
            seen.push(said);
        })
        .unwrap();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (3, "drawn\nover"));
    let stdout: Vec<_> = seen.iter().filter(|said| matches!(said, Said::Stdout(_))).collect();
    assert_eq!(stdout, [&Said::Stdout("first".to_owned()), &Said::Stdout("last".to_owned())]);
}

#[test]
fn a_watched_command_that_goes_on_writing_has_its_deadline_all_the_same() {
    let started = Instant::now();
    let command = sh("while :; do echo on; sleep 0.01; done").deadline(Duration::from_millis(200));
    let error = real().0.watch(&command, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("did not finish"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
}
