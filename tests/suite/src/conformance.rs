//! The Model Context Protocol's own conformance suite.

use std::time::Duration;

use crate::install::pinned;
use crate::node::Node;
use crate::process;

/// Generous: a run takes seconds.
const DEADLINE: Duration = Duration::from_mins(4);

/// Runs all scenarios of a version against a server that needs no credentials. What may fail is listed in a file of
/// `tests/suite/clients`, each with the reason; an entry that starts to pass fails the run.
///
/// # Panics
/// With all that the suite said, when a check fails.
pub async fn run(node: &Node, base: &str, version: &str, expected: &str) {
    let expected = pinned(expected).canonicalize().expect("the expected failures are in the repository");
    let mut command = node.bin("conformance");
    command
        .args(["server", "--url", &format!("{base}/mcp"), "--suite", "all", "--spec-version", version])
        .arg("--expected-failures")
        .arg(expected);
    let output = process::run(&mut command, DEADLINE).await.expect("it ends");
    assert_eq!(output.code, Some(0), "{}\n{}", output.stdout, output.stderr);
}
