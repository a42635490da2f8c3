//! Whether the real gcloud is here: for tests, which are skipped without it, and never silently.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Command;

/// The version that gcloud's requests and answers were recorded with.
const TESTED: &str = "528.0.0";

/// Whether gcloud is installed, for the test of this name.
///
/// Without it the test says on standard error, past the capture of the test runner, and in the file that
/// `VALIDIBOT_SKIPPED_LOG` names, that it is skipped. Another version than the recorded one is said as well.
///
/// # Panics
///
/// When gcloud is missing and `VALIDIBOT_REQUIRE_ALL_TESTS` is true, or the log cannot be written.
pub fn gcloud_is_here(test: &str) -> bool {
    let found = Command::new("gcloud").arg("--version").output();
    let Ok(found) = found else {
        let required = std::env::var_os("VALIDIBOT_REQUIRE_ALL_TESTS").is_some_and(|value| value == "true");
        assert!(
            !required,
            "{test} must not be skipped (VALIDIBOT_REQUIRE_ALL_TESTS): gcloud is not installed"
        );
        let line = format!("{test}: gcloud is not installed\n");
        say(&format!("SKIPPED {line}"));
        if let Some(path) = std::env::var_os("VALIDIBOT_SKIPPED_LOG") {
            let log = OpenOptions::new().append(true).create(true).open(&path);
            let written = log.and_then(|mut log| log.write_all(line.as_bytes()));
            assert!(written.is_ok(), "VALIDIBOT_SKIPPED_LOG={} cannot be written", path.display());
        }
        return false;
    };
    if !String::from_utf8_lossy(&found.stdout).contains(TESTED) {
        say(&format!("ATTENTION {test}: this gcloud is not {TESTED}, which the records are of\n"));
    }
    true
}

fn say(text: &str) {
    // A test's own voice: nobody is there to be told that it could not be heard.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
