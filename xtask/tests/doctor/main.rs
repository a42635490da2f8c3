//! `cargo xtask doctor` on set-ups with one fault each: its first finding names it. On healthy ones it finds nothing.

mod cloud;
mod files;
mod half_filled;
mod stage;

use clap::Parser as _;
use serde_json::Value;
use xtask::cli::Cli;

/// The finding has this code, says everything that a finding says, and these words; a command of ours that it tells to
/// type is one.
#[track_caller]
fn expect_finding(finding: &Value, code: &str, words: &[&str]) {
    assert_eq!(finding["code"], code, "{finding:#}");
    for field in ["what", "why", "where", "fix"] {
        assert!(finding[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {finding}");
    }
    for word in words {
        assert!(finding.to_string().contains(word), "{word} is not in {finding:#}");
    }
    let fix = finding["fix"].as_str().unwrap_or_default();
    if let Some((_, command)) = fix.split_once("cargo xtask ") {
        // What comes behind a semicolon says what the command is for.
        let command = command.split(';').next().unwrap_or_default();
        let words = std::iter::once("cargo xtask").chain(command.split_whitespace());
        let parsed = Cli::try_parse_from(words.take_while(|word| *word != "says"));
        assert!(parsed.is_ok(), "{fix}: {}", parsed.unwrap_err());
    }
}
