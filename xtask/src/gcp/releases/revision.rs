//! One release: a revision, from what it carries itself.

use serde::Serialize;
use serde_json::Value;

use crate::gcp::service::{COMMIT, Live};

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
            Fate::Served | Fate::NotPromoted if self.bad => "gone back from, or bad",
            Fate::Served => "served",
            Fate::NotPromoted if !self.enabled => "switched off",
            Fate::NotPromoted => "not proven",
        }
    }

    /// Reads `gcloud run revisions list --format=json`; `None` where any is not understood. Newest first.
    pub(crate) fn parse_list(text: &str, live: &Live) -> Option<Vec<Self>> {
        let documents: Vec<Value> = serde_json::from_str(text).ok()?;
        let mut revisions: Vec<Self> =
            documents.iter().map(|document| Self::read(document, live)).collect::<Option<_>>()?;
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
        let env = spec["containers"][0]["env"].as_array().map(Vec::as_slice).unwrap_or_default();
        let switch = env.iter().find(|entry| entry["name"] == envs::server::ENABLED.name);
        let image = spec["containers"][0]["image"].as_str().unwrap_or_default();
        let commit = text(&metadata["labels"][COMMIT]);
        Some(Self {
            served: live.history.served.iter().position(|known| *known == name).map(|place| place + 1),
            bad: live.history.blames(&name, commit.as_deref()).is_some(),
            commit,
            digest: image.split_once('@').map(|(_, digest)| digest.to_owned()),
            secret_version: text(&spec["volumes"][0]["secret"]["items"][0]["key"]),
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
