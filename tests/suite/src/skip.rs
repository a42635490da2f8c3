//! Tests that need a program which is not everywhere.
//!
//! Such a test is skipped, never silently: it says so on standard error, past the capture of the test runner,
//! and in the file that `VALIDIBOT_SKIPPED_LOG` names. Where `VALIDIBOT_REQUIRE_ALL_TESTS` is true it fails.

use std::fs::OpenOptions;
use std::io::Write as _;

use crate::process::env;

/// Evaluates to what was found, or ends the test as skipped.
///
/// The argument is a `Result` whose error says what is missing. The test returns `()`.
#[macro_export]
macro_rules! require {
    ($found:expr) => {{
        // The path of a local function names the test, on whichever thread it runs.
        fn here() {}
        match $crate::skip::found(std::any::type_name_of_val(&here), $found) {
            Some(found) => found,
            None => return,
        }
    }};
}

/// What was found; `None` where the test is to be skipped, which has then been said.
///
/// # Panics
/// When it is missing and `VALIDIBOT_REQUIRE_ALL_TESTS` is true.
pub fn found<T>(place: &str, found: Result<T, String>) -> Option<T> {
    let reason = match found {
        Ok(found) => return Some(found),
        Err(reason) => reason,
    };
    let test = place.trim_end_matches("::here").replace("::{{closure}}", "");
    assert!(!all_required(), "{test} must not be skipped (VALIDIBOT_REQUIRE_ALL_TESTS): {reason}");
    let line = format!("{test}: {reason}\n");
    // The test is about to pass, and what it prints would be hidden.
    say(&format!("SKIPPED {}", line.trim_end()));
    if let Some(path) = env("VALIDIBOT_SKIPPED_LOG") {
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut log| log.write_all(line.as_bytes()));
        if let Err(error) = written {
            panic!("VALIDIBOT_SKIPPED_LOG={path} cannot be written: {error}");
        }
    }
    None
}

/// Says something on standard error that must be seen, a measurement say, past the runner's capture.
pub fn say(sentence: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = std::io::stderr().write_all(format!("{sentence}\n").as_bytes());
}

fn all_required() -> bool {
    let Some(value) = env(envs::tests::REQUIRE_ALL_TESTS.name) else { return false };
    envs::parse_switch(&value)
        .unwrap_or_else(|| panic!("{} is {value:?}: true or false", envs::tests::REQUIRE_ALL_TESTS.name))
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn what_is_there_is_handed_over() {
        assert_eq!(found("a::test::here", Ok(7)), Some(7));
    }

    #[test]
    fn a_test_can_take_what_it_requires() {
        let there = require!(Ok::<_, String>("there"));
        assert_eq!(there, "there");
    }
}
