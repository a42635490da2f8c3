//! Traffic: who gets how much, under which tags, and what happens while a revision is not ready.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::service::{Service, State};
use crate::api::is_name;
use crate::error::ApiError;

/// One entry of `spec.traffic`, or of `status.traffic` once `revision` is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// `None` in a wish for the latest revision that is ready.
    pub(super) revision: Option<String>,
    /// Whether this follows the latest revision.
    pub(super) latest: bool,
    pub(super) percent: u8,
    pub(super) tag: Option<String>,
}

impl Target {
    pub(super) fn json(&self) -> Value {
        let mut target = json!({});
        if let Some(revision) = &self.revision {
            target["revisionName"] = json!(revision);
        }
        if self.latest {
            target["latestRevision"] = json!(true);
        }
        if self.percent > 0 {
            target["percent"] = json!(self.percent);
        }
        if let Some(tag) = &self.tag {
            target["tag"] = json!(tag);
        }
        target
    }
}

/// Reads `spec.traffic`; where it is left out, everything goes to the latest revision.
pub(super) fn read(service: &Service, new: Option<&str>, traffic: &Value) -> Result<Vec<Target>, ApiError> {
    let entries = traffic.as_array().cloned().unwrap_or_default();
    if entries.is_empty() {
        return Ok(vec![Target { revision: None, latest: true, percent: 100, tag: None }]);
    }
    let mut targets = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let wrong = |what: String| ApiError::invalid(format!("spec.traffic[{index}]: {what}"));
        let revision = entry["revisionName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        let latest = entry["latestRevision"].as_bool().unwrap_or(false);
        if revision.is_some() == latest {
            return Err(wrong("exactly one of revisionName and latestRevision is needed.".into()));
        }
        if let Some(name) = &revision
            && service.revision(name).is_none()
            && new != Some(name)
        {
            return Err(wrong(format!("Revision {name} not found.")));
        }
        let percent =
            entry.get("percent").map_or(Some(0), Value::as_u64).and_then(|value| u8::try_from(value).ok());
        let percent =
            percent.filter(|percent| *percent <= 100).ok_or_else(|| wrong("percent: 0 to 100.".into()))?;
        let tag = entry["tag"].as_str().filter(|tag| !tag.is_empty()).map(str::to_owned);
        // Tag and service share a 63-character DNS label with the project's part: 46 is Cloud Run's own bound.
        if let Some(tag) = &tag
            && (!is_name(tag, 1..=63) || tag.len() + service.name.len() > 46)
        {
            return Err(wrong(format!("tag: '{tag}' is not valid or too long.")));
        }
        targets.push(Target { revision, latest, percent, tag });
    }
    let sum: u32 = targets.iter().map(|target| u32::from(target.percent)).sum();
    if sum != 100 {
        return Err(ApiError::invalid(format!("spec.traffic: the percents make {sum}, not 100.")));
    }
    let mut tags = BTreeSet::new();
    if let Some(twice) =
        targets.iter().filter_map(|target| target.tag.as_deref()).find(|tag| !tags.insert(*tag))
    {
        return Err(ApiError::invalid(format!("spec.traffic: tag '{twice}' is used twice.")));
    }
    Ok(targets)
}

/// The wish with every revision named, or the sentence that says which one is not ready.
pub(super) fn resolve(service: &Service) -> Result<Vec<Target>, String> {
    let resolved = service.wanted.iter().map(|target| {
        let revision = match &target.revision {
            Some(name) => service.revision(name),
            None => service.latest_ready(),
        };
        match revision {
            Some(revision) if revision.state == State::Ready => {
                Ok(Target { revision: Some(revision.name.clone()), ..target.clone() })
            }
            Some(revision) => Err(not_ready(&revision.name, &revision.state)),
            None => Err("No revision is ready.".to_owned()),
        }
    });
    resolved.collect()
}

/// Cloud Run's words for a revision that did not come up.
pub(super) fn not_ready(name: &str, state: &State) -> String {
    let why = if let State::Failed(message) = state { message } else { "It is still starting." };
    format!("Revision '{name}' is not ready and cannot serve traffic. {why}")
}
