//! A soak that cannot fail proves nothing: mistakes that are made on purpose have to be found.

use std::time::Duration;

use suite::process::{self, Output};
use tokio::process::Command;

/// One of each kind of trouble takes longer, and then comes a steady part: this is as short as it gets.
const SECONDS: &str = "1";
const DEADLINE: Duration = Duration::from_mins(10);

async fn soak(bug: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_validibot-soak"));
    process::run(command.args(["--seconds", SECONDS, "--bug", bug]), DEADLINE).await.expect("it ends")
}

#[tokio::test]
async fn a_dropped_answer_is_found() {
    let output = soak("dropped-answer").await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stderr.contains("FAULT not in order") && output.stderr.contains("Nothing("),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn a_leaked_descriptor_is_found() {
    let output = soak("leaked-descriptor").await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("FAULT proxy leaks descriptors"), "{}", output.stderr);
}
