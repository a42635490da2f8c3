//! Which revision gets how much.

use serde::Serialize;
use serde_json::{Value, json};

/// The tag of a revision that is to be proven.
pub(crate) const CANDIDATE: &str = "candidate";

/// One line of a service's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Target {
    /// The revision.
    pub(crate) revision: String,
    /// Its share, 0 to 100.
    pub(crate) percent: u32,
    /// The tag under whose own address it answers.
    pub(crate) tag: Option<String>,
    /// That address, where there is a tag.
    pub(crate) url: Option<String>,
}

impl Target {
    /// Everything to one revision.
    pub(crate) fn whole(revision: &str) -> Self {
        Self { revision: revision.to_owned(), percent: 100, tag: None, url: None }
    }

    /// A revision without traffic, under a tag.
    pub(crate) fn tagged(revision: &str, tag: &str) -> Self {
        Self { revision: revision.to_owned(), percent: 0, tag: Some(tag.to_owned()), url: None }
    }

    /// Whether this is the candidate's line.
    pub(crate) fn is_candidate(&self) -> bool {
        self.tag.as_deref() == Some(CANDIDATE)
    }

    /// Reads an entry of `status.traffic`; `None` where it names no revision.
    pub(super) fn read(entry: &Value) -> Option<Self> {
        let text = |field: &str| entry[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let percent = entry["percent"].as_u64().unwrap_or(0);
        Some(Self {
            revision: text("revisionName")?,
            percent: u32::try_from(percent).ok()?,
            tag: text("tag"),
            url: text("url"),
        })
    }

    /// As an entry of `spec.traffic`.
    pub(super) fn entry(&self) -> Value {
        let mut entry = json!({ "revisionName": self.revision });
        if self.percent > 0 {
            entry["percent"] = json!(self.percent);
        }
        if let Some(tag) = &self.tag {
            entry["tag"] = json!(tag);
        }
        entry
    }
}
