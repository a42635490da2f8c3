//! Whether the real programs are here: for tests, which are skipped without them, and never silently.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The version that gcloud's requests and answers were recorded with.
const TESTED: &str = "528.0.0";

/// Whether gcloud is installed, for the test of this name, as [`is_here`]. Another version than the recorded one is
/// said as well.
///
/// # Panics
///
/// As [`is_here`].
pub fn gcloud_is_here(test: &str) -> bool {
    let found = Command::new("gcloud").arg("--version").output();
    if let Ok(found) = &found
        && !String::from_utf8_lossy(&found.stdout).contains(TESTED)
    {
        say(&format!("ATTENTION {test}: this gcloud is not {TESTED}, which the records are of\n"));
    }
    is_here(test, "gcloud", found.is_ok())
}

/// Whether there is a Docker engine that answers, with buildx, and a registry to push to, for the test of this name,
/// as [`is_here`].
///
/// # Panics
///
/// As [`is_here`].
pub fn engine_is_here(test: &str) -> bool {
    let answers = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        let status = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let engine = answers("docker", &["version"]) && answers("docker", &["buildx", "version"]);
    is_here(test, "a docker engine with buildx", engine)
        && is_here(test, "docker-registry", answers("docker-registry", &["--version"]))
}

/// Passes on whether a program is `here`, for the test of this name.
///
/// Without it the test says on standard error, past the capture of the test runner, and in the file that
/// `VALIDIBOT_SKIPPED_LOG` names, that it is skipped.
///
/// # Panics
///
/// When it is missing and `VALIDIBOT_REQUIRE_ALL_TESTS` is true, or the log cannot be written.
pub fn is_here(test: &str, program: &str, here: bool) -> bool {
    if here {
        return true;
    }
    let required = std::env::var_os("VALIDIBOT_REQUIRE_ALL_TESTS").is_some_and(|value| value == "true");
    assert!(!required, "{test} must not be skipped (VALIDIBOT_REQUIRE_ALL_TESTS): {program} is not here");
    let line = format!("{test}: {program} is not here\n");
    say(&format!("SKIPPED {line}"));
    if let Some(path) = std::env::var_os("VALIDIBOT_SKIPPED_LOG") {
        let log = OpenOptions::new().append(true).create(true).open(&path);
        let written = log.and_then(|mut log| log.write_all(line.as_bytes()));
        assert!(written.is_ok(), "VALIDIBOT_SKIPPED_LOG={} cannot be written", path.display());
    }
    false
}

fn say(text: &str) {
    // A test's own voice: nobody is there to be told that it could not be heard.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
