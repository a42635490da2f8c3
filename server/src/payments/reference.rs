//! The reference of a run that was paid for: whoever holds it may read the run.
//!
//! The payer's wallet, which Validibot's API wants beside the run's id, stands on the chain for all to see; so both go
//! into a sealed value, and neither alone opens anything.

use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::seal::{Artifact, Seal};

/// Tells such a reference from a member's at a glance.
const PREFIX: &str = "paid_";

/// A run that was paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PaidRun {
    pub(crate) id: String,
    pub(crate) wallet: String,
}

impl Artifact for PaidRun {
    const PURPOSE: &'static str = "paid-run";
    // All answers to one payment name its run alike.
    const DETERMINISTIC: bool = true;
}

impl PaidRun {
    /// The run that Validibot named; `None` where its id could leave its place in a path.
    pub(crate) fn new(run: &JsonObject, wallet: &str) -> Option<Self> {
        let id = ["run_id", "id"].iter().find_map(|key| run.get(*key).and_then(Value::as_str))?;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        ((1..=64).contains(&id.len()) && id.bytes().all(good))
            .then(|| Self { id: id.to_owned(), wallet: wallet.to_owned() })
    }

    /// The reference: it stays good as long as its key is in the ring.
    pub(crate) fn seal(&self, seal: &Seal) -> String {
        format!("{PREFIX}{}", seal.seal(self))
    }

    /// What a reference names; `now` in seconds since the Unix epoch.
    pub(crate) fn open(text: &str, seal: &Seal, now: u64) -> Option<Self> {
        seal.open(text.strip_prefix(PREFIX)?, now).ok()
    }
}
