//! `cargo xtask doctor` on set-ups with one fault each: its first finding names it. On healthy ones it finds nothing.

mod cloud;
mod files;
mod stage;

use serde_json::Value;

/// The finding has this code, says everything that a finding says and these words.
#[track_caller]
fn expect_finding(finding: &Value, code: &str, words: &[&str]) {
    assert_eq!(finding["code"], code, "{finding:#}");
    for field in ["what", "why", "where", "fix"] {
        assert!(finding[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {finding}");
    }
    for word in words {
        assert!(finding.to_string().contains(word), "{word} is not in {finding:#}");
    }
}
