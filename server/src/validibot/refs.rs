//! References to workflows and runs (contract, A7), checked before they go into a path.
//!
//! Validibot answers 500 to some malformed ones; and what has not been checked must not become a path segment
//! (GHSA-vv7q-7jx5-f767: `../` in a tool's argument reached other endpoints with the server's credentials).

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::base::json;

/// Far above any real reference: two slugs or a slug and a UUID.
const MAX_CHARS: usize = 2048;
/// Far above the structure of any: an object of three parts.
const MAX_NODES: usize = 64;

/// A reference to the newest version of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRef(String);

/// A reference to a member's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRef(String);

/// What is wrong with a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefError {
    /// Empty.
    #[error("is empty")]
    Empty,
    /// Too long to be one.
    #[error("is too long")]
    TooLong,
    /// Characters that no reference has.
    #[error("holds a character that is not a letter, a digit, '-' or '_'")]
    Characters,
    /// Not the right prefix.
    #[error("does not start with {0:?}")]
    Prefix(&'static str),
    /// Not base64url of a JSON object.
    #[error("does not decode: it was cut or altered")]
    Encoding,
    /// A part of the decoded object is missing or blank.
    #[error("lacks the part {0:?}: it was cut or altered")]
    Part(&'static str),
    /// A part of the decoded object has characters that no name has.
    #[error("has a control character in the part {0:?}: it was altered")]
    Control(&'static str),
    /// A run of another kind than this surface serves.
    #[error("is of a kind that this server does not serve")]
    Kind,
    /// The run's id has another form.
    #[error("holds a run id that is no UUID: it was cut or altered")]
    RunId,
}

impl WorkflowRef {
    /// Checks a reference that an agent gave.
    pub fn parse(text: &str) -> Result<Self, RefError> {
        let parts = decode(text, "wf_")?;
        part(&parts, "org")?;
        part(&parts, "workflow")?;
        Ok(Self(text.to_owned()))
    }

    /// The slugs of its organization and of the workflow; there for every reference that was checked.
    pub(super) fn parts(&self) -> Option<(String, String)> {
        let parts = decode(&self.0, "wf_").ok()?;
        Some((part(&parts, "org").ok()?, part(&parts, "workflow").ok()?))
    }

    /// Makes the reference of a workflow.
    pub fn new(org: &str, workflow: &str) -> Self {
        Self(encode("wf_", &serde_json::json!({ "org": org, "workflow": workflow })))
    }
}

impl RunRef {
    /// Checks a reference that an agent gave.
    pub fn parse(text: &str) -> Result<Self, RefError> {
        let parts = decode(text, "run_")?;
        if part(&parts, "kind")? != "member" {
            return Err(RefError::Kind);
        }
        part(&parts, "org")?;
        Uuid::parse_str(&part(&parts, "run_id")?).map_err(|_| RefError::RunId)?;
        Ok(Self(text.to_owned()))
    }

    /// The slug of its organization, and its id; there for every reference that was checked.
    pub(super) fn parts(&self) -> Option<(String, String)> {
        let parts = decode(&self.0, "run_").ok()?;
        Some((part(&parts, "org").ok()?, part(&parts, "run_id").ok()?))
    }
}

/// Makes the reference of a member's run.
pub fn run_ref(org: &str, run_id: &str) -> String {
    encode("run_", &serde_json::json!({ "kind": "member", "org": org, "run_id": run_id }))
}

impl fmt::Display for WorkflowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RunRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn decode(text: &str, prefix: &'static str) -> Result<Map<String, Value>, RefError> {
    if text.is_empty() {
        return Err(RefError::Empty);
    }
    if text.len() > MAX_CHARS {
        return Err(RefError::TooLong);
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(RefError::Characters);
    }
    let payload = text.strip_prefix(prefix).ok_or(RefError::Prefix(prefix))?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| RefError::Encoding)?;
    // A reference has three parts; Python keeps others that it does not know.
    json::read(&bytes, MAX_NODES).map_err(|_| RefError::Encoding)
}

/// Validibot turns numbers into text and trims blanks; so do we, to accept what it accepts.
fn part(parts: &Map<String, Value>, name: &'static str) -> Result<String, RefError> {
    let text = match parts.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    if text.is_empty() {
        Err(RefError::Part(name))
    } else if text.chars().any(char::is_control) {
        // PostgreSQL refuses a NUL, and Validibot answers 500 to that.
        Err(RefError::Control(name))
    } else {
        Ok(text)
    }
}

/// Keys sorted, no blanks, non-ASCII escaped, no padding.
fn encode(prefix: &str, parts: &Value) -> String {
    let mut ascii = String::new();
    for c in parts.to_string().chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract's own example (contract, A7).
    const WORKFLOW: &str = "wf_eyJvcmciOiJhY21lIiwid29ya2Zsb3ciOiJlbmVyZ3kifQ";

    fn sealed(prefix: &str, json: &str) -> String {
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(json))
    }

    #[test]
    fn the_contracts_example_reads_and_writes() {
        assert_eq!(WorkflowRef::parse(WORKFLOW).unwrap().to_string(), WORKFLOW);
        assert_eq!(WorkflowRef::new("acme", "energy").to_string(), WORKFLOW);
        let run = run_ref("acme", "ea71cf20-ed08-4db4-84e3-5b631a6acf2d");
        assert!(run.starts_with("run_eyJraW5k"), "{run}");
        assert_eq!(RunRef::parse(&run).unwrap().to_string(), run);
        let decoded =
            URL_SAFE_NO_PAD.decode(WorkflowRef::new("zürich", "a").0.trim_start_matches("wf_")).unwrap();
        assert_eq!(decoded, br#"{"org":"z\u00fcrich","workflow":"a"}"#);
    }

    #[test]
    fn a_workflow_reference_that_would_harm_or_puzzle_validibot_is_refused() {
        for (text, expected) in [
            (String::new(), RefError::Empty),
            ("../../license/features".into(), RefError::Characters),
            ("wf_a/b".into(), RefError::Characters),
            ("wf_a..b".into(), RefError::Characters),
            ("wf_%2F".into(), RefError::Characters),
            ("wf_a b".into(), RefError::Characters),
            ("wf_a\\b".into(), RefError::Characters),
            ("energy".into(), RefError::Prefix("wf_")),
            ("wf_x".into(), RefError::Encoding),
            ("wf_WzFd".into(), RefError::Encoding),
            (sealed("wf_", r#"{"org":"acme"}"#), RefError::Part("workflow")),
            (sealed("wf_", r#"{"org":" ","workflow":"a"}"#), RefError::Part("org")),
            // Objects to Validibot, though not to serde_json, which would read a string out of them.
            (
                sealed("wf_", r#"{"org":{"$serde_json::private::RawValue":"\"a\""},"workflow":"a"}"#),
                RefError::Encoding,
            ),
            (
                sealed("wf_", r#"{"org":{"$serde_json::private::Number":"1"},"workflow":"a"}"#),
                RefError::Encoding,
            ),
            (sealed("wf_", r#"{"org":{"a":"b"},"workflow":"a"}"#), RefError::Part("org")),
            (sealed("wf_", r#"{"org":["a"],"workflow":"a"}"#), RefError::Part("org")),
            (sealed("wf_", r#"{"org":"a\u0000b","workflow":"a"}"#), RefError::Control("org")),
            (sealed("wf_", r#"{"org":"a","workflow":"a\u009b"}"#), RefError::Control("workflow")),
            ("wf_".to_owned() + &"a".repeat(3000), RefError::TooLong),
        ] {
            assert_eq!(WorkflowRef::parse(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_run_reference_has_a_kind_an_organisation_and_a_uuid() {
        for (json, expected) in [
            (r#"{"org":"acme","run_id":"x"}"#, RefError::Part("kind")),
            (r#"{"kind":"x402","run_id":"x","wallet":"0x"}"#, RefError::Kind),
            (r#"{"kind":"member","run_id":"x"}"#, RefError::Part("org")),
            (r#"{"kind":"member","org":"acme"}"#, RefError::Part("run_id")),
            (r#"{"kind":"member","org":"acme","run_id":"7"}"#, RefError::RunId),
            (
                r#"{"kind":"member","org":"a\u0000","run_id":"ea71cf20-ed08-4db4-84e3-5b631a6acf2d"}"#,
                RefError::Control("org"),
            ),
            (
                r#"{"kind":"member","org":"a","run_id":{"\u0024serde_json::private::RawValue":"\"ea71cf20-ed08-4db4-84e3-5b631a6acf2d\""}}"#,
                RefError::Encoding,
            ),
            (r#"{"kind":"member","org":"acme","run_id":["ea71cf20"]}"#, RefError::Part("run_id")),
            ("[1]", RefError::Encoding),
        ] {
            assert_eq!(RunRef::parse(&sealed("run_", json)), Err(expected), "{json}");
        }
        assert_eq!(RunRef::parse(WORKFLOW), Err(RefError::Prefix("run_")));
    }
}
