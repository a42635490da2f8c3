//! The service that is there, read from its document.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::annotation::{
    BY_HAND, CHECKS_NOBODY, CLOUD_SQL, CPU_BOOST, EGRESS, EXECUTION, INGRESS, LAUNCH_STAGE, MAX_SCALE,
    MIN_SCALE, NETWORK, SERVICE_MAX, SERVICE_MIN,
};
use super::history::{BAD, HELD, SERVED};
use super::keyed::server;
use super::noise::{is_noise, is_noisy_label};
use super::others::others;
use super::value::{list, members, number, whole_cpu, word, words};
use super::{CANDIDATE, COMMIT, Foreign, History, Ingress, Mount, Network, Probe, Scaling, Spec, Target};

/// What Cloud Run writes on a revision, besides its own names, and no template says.
const REVISION_NOTES: [&str; 1] = ["run.googleapis.com/startupProbeType"];

/// Cloud Run's defaults (its v1 reference).
const CONCURRENCY: u32 = 80;
const TIMEOUT: u32 = 300;
const PORT: u16 = 8080;

/// A service that is there.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    /// What it is, as far as there are fields for it.
    pub(crate) spec: Spec,
    /// Where it answers, as its document says first.
    pub(crate) url: String,
    /// Every address of it.
    pub(crate) urls: Vec<String>,
    /// The project's number.
    pub(crate) project_number: String,
    /// The newest revision, ready or not.
    pub(crate) newest: Option<String>,
    /// The newest revision that became ready.
    pub(crate) newest_ready: Option<String>,
    /// Where traffic really goes, tags included.
    pub(crate) traffic: Vec<Target>,
    /// Whether traffic follows whatever is newest, instead of naming a revision.
    pub(crate) floating: bool,
    /// What Cloud Run says is wrong.
    pub(crate) problem: Option<String>,
    /// What it remembers of its revisions.
    pub(crate) history: History,
    /// What serves, where that is not the newest revision and has been read; see [`Live::serving_spec`].
    serves: Option<Serves>,
    /// The document.
    pub(super) document: Value,
}

/// A serving revision that is not the newest.
#[derive(Debug, Clone)]
struct Serves {
    spec: Spec,
    /// What it was made from.
    template: Value,
    /// Whether it is what a new revision is made from, even where somebody has made a newer one by hand.
    decides: bool,
}

impl Live {
    /// Reads `gcloud run services describe --format=json`; `None` where it is not a service's document.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        (document["kind"] == "Service").then_some(())?;
        let (metadata, status) = (&document["metadata"], &document["status"]);
        let annotations = &metadata["annotations"];
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let urls: Vec<String> = annotations["run.googleapis.com/urls"]
            .as_str()
            .and_then(|urls| serde_json::from_str(urls).ok())
            .unwrap_or_default();
        let ready = list(&status["conditions"]).find(|condition| condition["type"] == "Ready");
        let problem = ready.filter(|ready| ready["status"] == "False").map(|ready| {
            text(&ready["message"]).unwrap_or_else(|| "Cloud Run says that it is not ready".to_owned())
        });
        let follows = |entry: &Value| entry["latestRevision"] == true && entry["percent"].as_u64() > Some(0);
        // Without a wish, everything goes to the newest.
        let wanted = document["spec"]["traffic"].as_array().filter(|wanted| !wanted.is_empty());
        let floating = wanted.is_none_or(|wanted| wanted.iter().any(follows));
        Some(Self {
            spec: spec(&document)?,
            url: text(&status["url"]).unwrap_or_default(),
            urls,
            project_number: text(&metadata["namespace"]).unwrap_or_default(),
            newest: text(&status["latestCreatedRevisionName"]),
            newest_ready: text(&status["latestReadyRevisionName"]),
            traffic: list(&status["traffic"]).filter_map(Target::read).collect(),
            floating,
            problem,
            history: History::read(annotations),
            serves: None,
            document,
        })
    }

    /// Reads `gcloud run services list --format=json`: those whose names are asked for, and no others, which may be made
    /// in ways that nobody here knows. `None` where one is not understood.
    pub(crate) fn parse_list(text: &str, own: impl Fn(&str) -> bool) -> Option<BTreeMap<String, Self>> {
        let listed: Vec<Value> = serde_json::from_str(text).ok()?;
        let named =
            listed.iter().filter_map(|document| Some((document["metadata"]["name"].as_str()?, document)));
        let own = named.filter(|(name, _)| own(name));
        own.map(|(name, document)| Some((name.to_owned(), Self::parse(&document.to_string())?))).collect()
    }

    /// The revision that gets everything, if one does.
    pub(crate) fn serving(&self) -> Option<&str> {
        let whole: u32 = self.traffic.iter().map(|target| target.percent).sum();
        let one = self.traffic.iter().find(|target| target.percent > 0)?;
        let alone = self.traffic.iter().all(|other| other.percent == 0 || other.revision == one.revision);
        (whole == 100 && alone).then_some(one.revision.as_str())
    }

    /// The revision whose own document has to be read to know what serves: it gets everything, and is not the newest.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.serving().filter(|serving| self.serves.is_none() && Some(*serving) != self.newest.as_deref())
    }

    /// Takes the serving revision's own document (`gcloud run revisions describe --format=json`); `None` where it is not
    /// that.
    pub(crate) fn with_serving(mut self, text: &str) -> Option<Self> {
        let revision: Value = serde_json::from_str(text).ok()?;
        (revision["metadata"]["name"].as_str() == self.serving()).then_some(())?;
        let mut service = self.document.clone();
        service["spec"]["template"] = template_of(&revision);
        let template = service["spec"]["template"].clone();
        self.serves = Some(Serves { spec: spec(&service)?, template, decides: false });
        Some(self)
    }

    /// What serves, with the service's own settings: of the newest revision, where another one has not been read.
    pub(crate) fn serving_spec(&self) -> &Spec {
        self.serves.as_ref().map_or(&self.spec, |serves| &serves.spec)
    }

    /// A new revision is made from what serves, whatever is newer.
    pub(crate) fn decided_by_what_serves(mut self) -> Self {
        if let Some(serves) = &mut self.serves {
            serves.decides = true;
        }
        self
    }

    /// The template whose foreign settings a new revision keeps: the newest one's, but where that is a candidate of ours that
    /// does not serve.
    pub(super) fn base(&self) -> &Value {
        self.deciding().map_or(&self.document["spec"]["template"], |serves| &serves.template)
    }

    /// The same, as it is compared with what is wanted.
    pub(crate) fn compared(&self) -> &Spec {
        self.deciding().map_or(&self.spec, |serves| &serves.spec)
    }

    /// What serves, where it decides and not the newest: that may be somebody's own, whose settings are to be seen and kept.
    fn deciding(&self) -> Option<&Serves> {
        self.serves.as_ref().filter(|serves| serves.decides || self.newest_is_ours())
    }

    /// Whether [`Live::compared`] is what serves.
    pub(crate) fn compares_what_serves(&self) -> bool {
        self.serving().is_some() && (self.serving() == self.newest.as_deref() || self.deciding().is_some())
    }

    /// The lines with traffic, without their tags.
    pub(crate) fn shares(&self) -> Vec<Target> {
        let shares = self.traffic.iter().filter(|target| target.percent > 0);
        shares.map(|target| Target { tag: None, url: None, ..target.clone() }).collect()
    }

    /// Whether Cloud Run checks no caller, so that everybody may call it whatever its policy says.
    pub(crate) fn checks_nobody(&self) -> bool {
        let off = self.document["metadata"]["annotations"][CHECKS_NOBODY].as_str();
        off.is_some_and(|off| off.eq_ignore_ascii_case("true"))
    }

    /// The line of the revision that is to be proven.
    pub(crate) fn candidate(&self) -> Option<&Target> {
        self.traffic.iter().find(|target| target.is_candidate())
    }

    /// Where the candidate answers. Of its two addresses the one that is known before it exists, where Cloud Run
    /// gives one: that name can be told to the server beforehand, which refuses others.
    pub(crate) fn candidate_url(&self) -> Option<String> {
        let given = self.candidate()?.url.clone();
        let foreseen = self.urls.iter().find(|url| url.contains(&format!("-{}.", self.project_number)));
        foreseen.map(|url| url.replacen("https://", &format!("https://{CANDIDATE}---"), 1)).or(given)
    }

    /// Whether it is closed for maintenance: nobody reaches it, no instance waits, and every tool says so.
    pub(crate) fn in_maintenance(&self) -> bool {
        let off =
            self.serving_spec().env.get(envs::server::ENABLED.name).is_some_and(|value| value == "false");
        self.spec.ingress == Ingress::Internal && off
    }

    /// The revision that was gone back from for its settings alone: one of the commit that serves, which is this one.
    pub(crate) fn held_settings(&self, commit: &str) -> Option<&str> {
        let held = self.history.settings_held().filter(|held| self.serving() != Some(*held))?;
        // One that another tool deployed is not of this commit, and its own commit is not to blame either.
        let other = self.newest.as_deref() == Some(held)
            && self.spec.labels.get(COMMIT).is_none_or(|known| known != commit);
        (!other).then_some(held)
    }

    /// The parts of the document that somebody has decided: what a plan is made from.
    pub(crate) fn essence(&self) -> Value {
        let mut annotations =
            self.document["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        annotations.retain(|name, _| !is_noise(name));
        json!({
            "labels": self.document["metadata"]["labels"],
            "annotations": annotations,
            "spec": self.document["spec"],
            "traffic": self.document["status"]["traffic"],
        })
    }

    /// Tags that are not ours: they stay.
    pub(super) fn foreign_tags(&self) -> impl Iterator<Item = Target> {
        let tags =
            self.traffic.iter().filter(|target| target.tag.as_deref().is_some_and(|tag| tag != CANDIDATE));
        tags.map(|target| Target { percent: 0, url: None, ..target.clone() })
    }

    /// Whether the newest revision came up.
    pub(crate) fn newest_is_ready(&self) -> bool {
        self.newest.is_some() && self.newest == self.newest_ready
    }
}

/// The template that a revision was made from: without what Cloud Run notes on a revision by itself.
fn template_of(revision: &Value) -> Value {
    let own = |value: &Value| {
        let mut members = value.as_object().cloned().unwrap_or_default();
        members.retain(|name, _| {
            let note =
                ["serving.knative.dev/", "cloud.googleapis.com/"].iter().any(|start| name.starts_with(start));
            !note && !REVISION_NOTES.contains(&name.as_str())
        });
        members
    };
    let metadata = &revision["metadata"];
    json!({
        "metadata": { "labels": own(&metadata["labels"]), "annotations": own(&metadata["annotations"]) },
        "spec": revision["spec"],
    })
}

fn spec(document: &Value) -> Option<Spec> {
    let (metadata, own) = (&document["metadata"], &document["metadata"]["annotations"]);
    let manual = members(own).filter(|(name, _)| BY_HAND.contains(&name.as_str()));
    let extra =
        members(&document["spec"]).filter(|(name, _)| !["template", "traffic"].contains(&name.as_str()));
    let other = manual
        .map(|(name, value)| (of_service(name), word(value)))
        .chain(extra.map(|(name, value)| (of_service(name), value.to_string())));
    Some(Spec {
        service_scaling: Scaling {
            min: number(&own[SERVICE_MIN]).unwrap_or(0),
            max: number(&own[SERVICE_MAX]),
        },
        ingress: metadata["annotations"][INGRESS].as_str().map_or(Some(Ingress::All), Ingress::parse)?,
        service_other: other.collect(),
        ..template(&document["spec"]["template"])?
    })
}

/// The name of a setting of the service itself that has no field, for people.
pub(super) fn of_service(name: &str) -> String {
    format!("{name} of the service")
}

/// What a revision is made from.
pub(super) fn template(template: &Value) -> Option<Spec> {
    let (inner, own) = (&template["spec"], &template["metadata"]["annotations"]);
    let container = server(inner);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let limits = &container["resources"]["limits"];
    let mut spec = Spec {
        image: text(&container["image"])?,
        port: container["ports"][0]["containerPort"]
            .as_u64()
            .map_or(Some(PORT), |port| port.try_into().ok())?,
        env: variables(container),
        secrets: mounts(inner, container),
        memory: text(&limits["memory"]).unwrap_or_else(|| "512Mi".to_owned()),
        cpu: limits["cpu"].as_str().map(whole_cpu),
        timeout: number(&inner["timeoutSeconds"]).unwrap_or(TIMEOUT),
        concurrency: number(&inner["containerConcurrency"]).filter(|count| *count > 0).unwrap_or(CONCURRENCY),
        account: text(&inner["serviceAccountName"]).unwrap_or_default(),
        execution: text(&own[EXECUTION]).unwrap_or_else(|| "default".to_owned()),
        // gcloud writes `True`.
        cpu_boost: own[CPU_BOOST].as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")),
        scaling: Scaling { min: number(&own[MIN_SCALE]).unwrap_or(0), max: number(&own[MAX_SCALE]) },
        service_scaling: Scaling::default(),
        ingress: Ingress::All,
        cloud_sql: words(own[CLOUD_SQL].as_str().unwrap_or_default()),
        network: network(own),
        startup: probe(&container["startupProbe"]),
        liveness: probe(&container["livenessProbe"]),
        labels: labels(&template["metadata"]["labels"]),
        other: BTreeMap::new(),
        service_other: BTreeMap::new(),
        foreign: Foreign::default(),
    };
    spec.other = others(&spec, template);
    Some(spec)
}

/// Those with a value of their own; one from a secret has no field.
fn variables(container: &Value) -> BTreeMap<String, String> {
    let plain = list(&container["env"]).filter(|entry| !entry["valueFrom"].is_object());
    plain.filter_map(|entry| Some((entry["name"].as_str()?.to_owned(), word(&entry["value"])))).collect()
}

fn mounts(spec: &Value, container: &Value) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for mount in list(&container["volumeMounts"]) {
        let volume = list(&spec["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let Some(secret) = volume.map(|volume| &volume["secret"]) else { continue };
        mounts.extend(list(&secret["items"]).map(|item| Mount {
            folder: word(&mount["mountPath"]),
            file: word(&item["path"]),
            secret: word(&secret["secretName"]),
            version: word(&item["key"]),
        }));
    }
    mounts
}

/// `[{"network": …, "subnetwork": …}]`, as text.
fn network(annotations: &Value) -> Option<Network> {
    let interfaces: Value = serde_json::from_str(annotations[NETWORK].as_str()?).unwrap_or_default();
    let (first, egress) = (interfaces[0].as_object()?, &annotations[EGRESS]);
    let word = |name: &str| first.get(name).map(word).unwrap_or_default();
    let egress = egress.as_str().unwrap_or("private-ranges-only").to_owned();
    Some(Network { name: word("network"), subnetwork: word("subnetwork"), egress })
}

/// A probe over HTTP; another kind has no field.
fn probe(probe: &Value) -> Option<Probe> {
    Some(Probe {
        path: probe["httpGet"]["path"].as_str()?.to_owned(),
        delay: number(&probe["initialDelaySeconds"]).unwrap_or(0),
        period: number(&probe["periodSeconds"]).unwrap_or(10),
        timeout: number(&probe["timeoutSeconds"]).unwrap_or(1),
        failures: number(&probe["failureThreshold"]).unwrap_or(3),
    })
}

fn labels(labels: &Value) -> BTreeMap<String, String> {
    let told = members(labels).filter(|(name, _)| !is_noisy_label(name));
    told.map(|(name, value)| (name.clone(), word(value))).collect()
}

/// Annotations of a service that this tool does not write.
pub(super) fn foreign_annotations(metadata: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let ours = [INGRESS, SERVICE_MIN, SERVICE_MAX, SERVED, BAD, HELD, LAUNCH_STAGE];
    members(&metadata["annotations"]).filter(move |(name, _)| {
        let name = name.as_str();
        !is_noise(name) && !ours.contains(&name) && !BY_HAND.contains(&name)
    })
}

/// Labels of a service: this tool writes none.
pub(super) fn foreign_labels(metadata: &Value) -> impl Iterator<Item = (&String, &Value)> {
    members(&metadata["labels"]).filter(|(name, _)| !is_noisy_label(name))
}
