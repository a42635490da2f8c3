//! One release: a revision, from what it carries itself.

use serde::Serialize;
use serde_json::Value;

use crate::commands::gcp::service::{COMMIT, Live, server};

/// A revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Revision {
    /// Its name.
    pub(crate) name: String,
    /// The commit of its image; `None` where an earlier tool deployed it.
    pub(crate) commit: Option<String>,
    /// The image's digest; `None` where it was deployed by a tag.
    pub(crate) digest: Option<String>,
    /// The secret's version; `None` where it has none.
    pub(crate) secret_version: Option<String>,
    /// Whether its tools answer (`VALIDIBOT_MCP_ENABLED`); on where it does not say.
    pub(crate) enabled: bool,
    /// When it was made, in RFC 3339.
    pub(crate) when: String,
    /// Whose login made it.
    pub(crate) who: Option<String>,
    /// Its share of the traffic.
    pub(crate) percent: u32,
    /// Its place in the order of service, 1 for the latest; `None` where it is not known to have served after a proof.
    pub(crate) served: Option<usize>,
    /// Whether it, or its commit, was gone back from or is marked as bad.
    pub(crate) bad: bool,
    /// Whether it is what the stage is held for: the last that was gone back from.
    pub(crate) held: bool,
    /// What became of it.
    pub(crate) fate: Fate,
}

/// What became of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fate {
    /// It has traffic.
    Serving,
    /// It had traffic, after a proof.
    Served,
    /// It came up, and is not known to have served after a proof: that failed, a deploy ended before it, or it was closed.
    NotPromoted,
    /// It did not come up.
    NotStarted,
    /// It is coming up.
    Starting,
}

impl Revision {
    /// What became of it, for people.
    pub(crate) fn result(&self) -> &'static str {
        match self.fate {
            Fate::Serving if self.bad => "serving, marked as bad",
            Fate::Serving => "serving",
            Fate::NotStarted => "did not start",
            Fate::Starting => "starting",
            Fate::Served | Fate::NotPromoted if self.held => "rolled back",
            Fate::Served | Fate::NotPromoted if self.bad => "marked as bad, or rolled back earlier",
            Fate::Served => "served",
            Fate::NotPromoted if !self.enabled => "switched off",
            Fate::NotPromoted => "not proven",
        }
    }

    /// Whether maintenance has made it to close the service: switched off, and never one to go back to.
    pub(crate) const fn is_closed(&self) -> bool {
        !self.enabled && self.served.is_none()
    }

    /// Reads `gcloud run revisions list --format=json`; `None` where any is not understood. Newest first.
    pub(crate) fn parse_list(text: &str, live: &Live) -> Option<Vec<Self>> {
        let documents: Vec<Value> = serde_json::from_str(text).ok()?;
        let mut revisions: Vec<Self> =
            documents.iter().map(|document| Self::read(document, live)).collect::<Option<_>>()?;
        // The first of a service is written down before it comes up, where that is its only proof.
        let never = |name: &String| {
            revisions.iter().any(|revision| revision.name == *name && revision.fate == Fate::NotStarted)
        };
        let served: Vec<String> = live.history.served.iter().filter(|name| !never(name)).cloned().collect();
        for revision in &mut revisions {
            revision.served = served.iter().position(|name| *name == revision.name).map(|place| place + 1);
        }
        revisions.sort_by(|a, b| b.when.cmp(&a.when).then_with(|| b.name.cmp(&a.name)));
        Some(revisions)
    }

    fn read(document: &Value, live: &Live) -> Option<Self> {
        let (metadata, spec) = (&document["metadata"], &document["spec"]);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let name = text(&metadata["name"])?;
        let conditions = document["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        let percent =
            live.traffic.iter().filter(|target| target.revision == name).map(|target| target.percent).sum();
        let fate = match ready.and_then(|ready| ready["status"].as_str()) {
            _ if percent > 0 => Fate::Serving,
            Some("False") => Fate::NotStarted,
            Some("True") if live.history.served.contains(&name) => Fate::Served,
            Some("True") => Fate::NotPromoted,
            _ => Fate::Starting,
        };
        // Others stand beside it, in any order: a sidecar, a proxy.
        let server = server(spec);
        let env = server["env"].as_array().map(Vec::as_slice).unwrap_or_default();
        let switch = env.iter().find(|entry| entry["name"] == envs::server::ENABLED.name);
        let image = server["image"].as_str().unwrap_or_default();
        let commit = text(&metadata["labels"][COMMIT]);
        Some(Self {
            // As soon as all of them are known.
            served: None,
            bad: live.history.blames(&name, commit.as_deref()).is_some(),
            held: live.history.held.as_deref() == Some(name.as_str()),
            commit,
            digest: image.split_once('@').map(|(_, digest)| digest.to_owned()),
            secret_version: secret_version(spec, live),
            enabled: switch
                .and_then(|entry| entry["value"].as_str())
                .and_then(envs::parse_switch)
                .unwrap_or(true),
            when: text(&metadata["creationTimestamp"]).unwrap_or_default(),
            who: text(&metadata["annotations"]["serving.knative.dev/creator"]),
            percent,
            fate,
            name,
        })
    }
}

/// The version of the settings' secret, which the service itself names; of another volume's, where it names none.
fn secret_version(spec: &Value, live: &Live) -> Option<String> {
    let volumes = spec["volumes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut secrets = volumes.iter().map(|volume| &volume["secret"]).filter(|secret| secret.is_object());
    let settings = live.serving_spec().secrets.first().map(|mount| mount.secret.as_str());
    let own = secrets.clone().find(|secret| secret["secretName"].as_str() == settings);
    own.or_else(|| secrets.next())?["items"][0]["key"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(image: &str, port: Option<u16>, switch: &str) -> Value {
        let mut container =
            json!({"image": image, "env": [{"name": "VALIDIBOT_MCP_ENABLED", "value": switch}]});
        if let Some(port) = port {
            container["ports"] = json!([{"containerPort": port}]);
        }
        container
    }

    #[test]
    fn what_did_not_start_has_no_turn() {
        let annotations = json!({"validibot.com/served": "s-3,s-2,s-1"});
        let template = json!({"metadata": {}, "spec": {"containers": [container("r/web", None, "true")]}});
        let service = json!({
            "kind": "Service", "metadata": {"name": "s", "annotations": annotations},
            "spec": {"template": template}, "status": {"traffic": [{"revisionName": "s-3", "percent": 100}]},
        });
        let live = Live::parse(&service.to_string()).unwrap();
        let listed = |name: &str, ready: &str| {
            let conditions = json!([{"type": "Ready", "status": ready}]);
            json!({"metadata": {"name": name, "labels": {}}, "spec": {}, "status": {"conditions": conditions}})
        };
        let all = json!([listed("s-1", "True"), listed("s-2", "False"), listed("s-3", "True")]);
        let found = Revision::parse_list(&all.to_string(), &live).unwrap();
        let turns: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.served)).collect();
        assert_eq!(turns, [("s-3", Some(1)), ("s-2", None), ("s-1", Some(2))]);
    }

    #[test]
    fn a_release_is_about_the_container_that_takes_the_requests() {
        let volume = |name: &str, secret: &str, version: &str| {
            let items = json!([{"key": version, "path": ".env"}]);
            json!({"name": name, "secret": {"secretName": secret, "items": items}})
        };
        let server = container("r/mcp@sha256:abc", Some(8080), "false");
        let spec = json!({
            "containers": [container("r/proxy@sha256:def", None, "true"), server],
            "volumes": [{"name": "tmp", "emptyDir": {}}, volume("other", "of-the-proxy", "3"), volume("own", "mcp-env", "7")],
        });
        let mut alone = spec.clone();
        alone["containers"] = json!([server]);
        alone["containers"][0]["volumeMounts"] = json!([{"name": "own", "mountPath": "/secrets"}]);
        alone["volumes"] = json!([volume("own", "mcp-env", "7")]);
        let service = json!({
            "kind": "Service", "metadata": {"name": "s", "annotations": {}},
            "spec": {"template": {"metadata": {}, "spec": alone}}, "status": {"traffic": []},
        });
        let live = Live::parse(&service.to_string()).unwrap();
        let listed = json!([{"metadata": {"name": "s-1", "labels": {}}, "spec": spec, "status": {}}]);
        let found = Revision::parse_list(&listed.to_string(), &live).unwrap().remove(0);
        assert_eq!((found.digest.as_deref(), found.enabled), (Some("sha256:abc"), false));
        assert_eq!(found.secret_version.as_deref(), Some("7"));
    }
}
