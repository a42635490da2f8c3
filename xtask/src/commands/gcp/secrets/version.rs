//! Versions of the secret: which are there, which are used, which may go.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::core::time::since_epoch;

/// A version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Whether it can be read.
    pub(crate) enabled: bool,
    /// Whether its content is gone.
    pub(crate) destroyed: bool,
    /// Whether it is to be destroyed once the delay that its secret is set to is over
    /// (<https://cloud.google.com/secret-manager/docs/delay-destruction>).
    pub(crate) doomed: bool,
    /// When it was made, since 1970; `None` where that was not asked.
    pub(crate) created: Option<Duration>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    state: String,
    #[serde(rename = "scheduledDestroyTime")]
    doomed: Option<String>,
    #[serde(rename = "createTime")]
    created: Option<String>,
}

impl Version {
    /// Reads `gcloud secrets versions list --format=json(name,state,scheduledDestroyTime)`; `None` where any line is not understood.
    pub(crate) fn parse_list(text: &str) -> Option<Vec<Self>> {
        let listed: Vec<Listed> = serde_json::from_str(text).ok()?;
        listed
            .into_iter()
            .map(|version| {
                let number = version.name.rsplit('/').next()?.parse().ok()?;
                // gcloud prints the state in either case, depending on its version.
                let state = version.state.to_ascii_uppercase();
                let destroyed = state == "DESTROYED";
                let doomed = version.doomed.is_some() && !destroyed;
                let created = version.created.as_deref().and_then(since_epoch);
                Some(Self { number, enabled: state == "ENABLED", destroyed, doomed, created })
            })
            .collect()
    }
}

/// Where the container's specification stands, in each kind of document that uses secrets.
pub(crate) const OF_REVISIONS: &str = "/spec";
/// See [`OF_REVISIONS`].
pub(crate) const OF_SERVICES: &str = "/spec/template/spec";
/// See [`OF_REVISIONS`].
pub(crate) const OF_JOBS: &str = "/spec/template/spec/template/spec";

/// The versions of `secret` that these use, as they name them: a number, or `latest`.
///
/// Reads a list that gcloud has printed as JSON; `None` where it is not understood. Both ways to use a secret count: as a file
/// and as a variable.
pub(crate) fn in_use(text: &str, secret: &str, place: &str) -> Option<Vec<String>> {
    let documents: Vec<Value> = serde_json::from_str(text).ok()?;
    let mut used = Vec::new();
    for spec in documents.iter().filter_map(|document| document.pointer(place)) {
        for volume in list(&spec["volumes"]).filter(|volume| names(&volume["secret"]["secretName"], secret)) {
            let items = &volume["secret"]["items"];
            used.extend(list(items).filter_map(|item| item["key"].as_str()).map(str::to_owned));
            if list(items).next().is_none() {
                // The whole secret is its newest version.
                used.push("latest".to_owned());
            }
        }
        let variables = list(&spec["containers"]).flat_map(|container| list(&container["env"]));
        let references = variables.map(|variable| &variable["valueFrom"]["secretKeyRef"]);
        used.extend(
            references
                .filter(|reference| names(&reference["name"], secret))
                .filter_map(|reference| reference["key"].as_str())
                .map(str::to_owned),
        );
    }
    used.sort();
    used.dedup();
    Some(used)
}

/// The versions to destroy: neither among the `keep` newest, counting the one about to be `added`, nor used.
pub(crate) fn to_destroy(versions: &[Version], used: &[String], keep: usize, added: bool) -> Vec<u64> {
    let mut left: Vec<u64> =
        versions.iter().filter(|v| !v.destroyed && !v.doomed).map(|v| v.number).collect();
    left.sort_unstable_by(|a, b| b.cmp(a));
    let newest = keep.saturating_sub(usize::from(added));
    // `latest` means the newest one, now or after the upload. Before the upload it must stay, too: an instance that
    // starts meanwhile reads it.
    let kept = newest.max(usize::from(used.iter().any(|key| key == "latest")));
    left.into_iter().skip(kept).filter(|number| !used.contains(&number.to_string())).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A secret of this project is named alone, one of another project with its path.
fn names(value: &Value, secret: &str) -> bool {
    value.as_str().is_some_and(|name| name.rsplit('/').next() == Some(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(states: &[(u64, &str)]) -> Vec<Version> {
        let listed: Vec<Value> = states
            .iter()
            .map(|(number, state)| serde_json::json!({"name": format!("projects/1/secrets/s/versions/{number}"), "state": state}))
            .collect();
        Version::parse_list(&Value::from(listed).to_string()).unwrap()
    }

    #[test]
    fn the_newest_and_the_used_stay() {
        let all =
            versions(&[(5, "ENABLED"), (4, "enabled"), (3, "DISABLED"), (2, "ENABLED"), (1, "DESTROYED")]);
        let used = ["2".to_owned()];
        assert_eq!(to_destroy(&all, &used, 2, false), [3]);
        assert_eq!(to_destroy(&all, &used, 2, true), [4, 3], "the new one is one of the two");
        assert_eq!(to_destroy(&all, &[], 1, true), [5, 4, 3, 2]);
        assert_eq!(to_destroy(&all, &["latest".to_owned()], 1, true), [4, 3, 2]);
        assert_eq!(to_destroy(&all, &[], 9, false), [0; 0]);
    }

    #[test]
    fn what_is_to_be_destroyed_already_is_not_destroyed_again() {
        let listed = r#"[
            {"name": "projects/1/secrets/s/versions/3", "state": "ENABLED"},
            {"name": "projects/1/secrets/s/versions/2", "state": "DISABLED", "scheduledDestroyTime": "2026-12-01T00:00:00Z"},
            {"name": "projects/1/secrets/s/versions/1", "state": "ENABLED"}
        ]"#;
        let versions = Version::parse_list(listed).unwrap();
        assert_eq!(to_destroy(&versions, &[], 1, false), [1]);
    }

    #[test]
    fn a_use_is_found_as_a_file_and_as_a_variable() {
        let revisions = r#"[
            {"spec": {"volumes": [{"secret": {"secretName": "mcp-env", "items": [{"key": "7", "path": ".env"}]}}]}},
            {"spec": {"containers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "mcp-env", "key": "latest"}}}]}]}},
            {"spec": {"volumes": [{"secret": {"secretName": "django-env", "items": [{"key": "9", "path": ".env"}]}}]}},
            {"spec": {}}
        ]"#;
        assert_eq!(in_use(revisions, "mcp-env", OF_REVISIONS).unwrap(), ["7", "latest"]);
        assert_eq!(in_use("[]", "mcp-env", OF_REVISIONS).unwrap(), [""; 0]);
        assert!(in_use("oops", "mcp-env", OF_REVISIONS).is_none());
        let whole =
            r#"[{"spec": {"template": {"spec": {"volumes": [{"secret": {"secretName": "mcp-env"}}]}}}}]"#;
        assert_eq!(in_use(whole, "mcp-env", OF_SERVICES).unwrap(), ["latest"]);
    }
}
