//! Tests that need a program which not every machine has.
//!
//! Such a test is skipped, never silently: it is reported on standard error, past the test runner's capture, and in the file
//! that `VALIDIBOT_SKIPPED_LOG` names. If `VALIDIBOT_REQUIRE_ALL_TESTS` is true, the test fails.

use std::fs::OpenOptions;
use std::io::Write as _;

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

/// What was found; `None` if the test is skipped, which has then been reported.
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

/// Writes to standard error past the runner's capture what must be seen, such as a measurement.
pub fn say(sentence: &str) {
    // A closed standard error has no reader.
    let _ = std::io::stderr().write_all(format!("{sentence}\n").as_bytes());
}

/// A variable of the tests' own environment; empty counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place of these tests that reads the environment")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
