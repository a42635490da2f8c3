//! The service that is there, read from its document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{CANDIDATE, Ingress, Mount, Network, Probe, Scaling, Spec, Target};

/// Cloud Run's own annotations and labels that say nothing about what a service is to be.
const NOISE: [&str; 4] = [
    "run.googleapis.com/client-name",
    "run.googleapis.com/client-version",
    "run.googleapis.com/operation-id",
    "client.knative.dev/nonce",
];

/// What a template may be annotated with and has a field in [`Spec`].
pub(super) const MIN_SCALE: &str = "autoscaling.knative.dev/minScale";
pub(super) const MAX_SCALE: &str = "autoscaling.knative.dev/maxScale";
pub(super) const EXECUTION: &str = "run.googleapis.com/execution-environment";
pub(super) const CPU_BOOST: &str = "run.googleapis.com/startup-cpu-boost";
pub(super) const CLOUD_SQL: &str = "run.googleapis.com/cloudsql-instances";
pub(super) const NETWORK: &str = "run.googleapis.com/network-interfaces";
pub(super) const EGRESS: &str = "run.googleapis.com/vpc-access-egress";
/// On the service itself.
pub(super) const INGRESS: &str = "run.googleapis.com/ingress";
pub(super) const SERVICE_MIN: &str = "run.googleapis.com/minScale";
pub(super) const SERVICE_MAX: &str = "run.googleapis.com/maxScale";
/// The revisions that were given traffic after they had been proven, newest first, with commas between them.
pub(super) const SERVED: &str = "validibot.com/served";

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
    /// The revisions that had traffic after a proof, newest first.
    pub(crate) served: Vec<String>,
    /// The document.
    pub(super) document: Value,
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
            served: words(annotations[SERVED].as_str().unwrap_or_default()),
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

    /// The lines with traffic, without their tags.
    pub(crate) fn shares(&self) -> Vec<Target> {
        let shares = self.traffic.iter().filter(|target| target.percent > 0);
        shares.map(|target| Target { tag: None, url: None, ..target.clone() }).collect()
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
        let off = self.spec.env.get(envs::server::ENABLED.name).is_some_and(|value| value == "false");
        self.spec.ingress == Ingress::Internal && off
    }

    /// The parts of the document that somebody has decided: what a plan is made from.
    pub(crate) fn essence(&self) -> Value {
        let mut annotations =
            self.document["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        annotations
            .retain(|name, _| !NOISE.contains(&name.as_str()) && !name.starts_with("serving.knative.dev/"));
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

fn spec(document: &Value) -> Option<Spec> {
    let template = &document["spec"]["template"];
    let (inner, container) = (&template["spec"], &template["spec"]["containers"][0]);
    let (own, service) = (&template["metadata"]["annotations"], &document["metadata"]["annotations"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let limits = &container["resources"]["limits"];
    let mut other = Others::default();
    other.annotations(own);
    other.fields("container", container, &CONTAINER);
    other.fields("revision", inner, &REVISION);
    other.fields("limit", limits, &["memory", "cpu"]);
    for extra in list(&inner["containers"]).skip(1) {
        other.add(&format!("container {}", extra["name"]), extra);
    }
    let secrets = mounts(inner, container, &mut other);
    let env = variables(container, &mut other);
    let network = network(own, &mut other);
    let startup = probe(&container["startupProbe"], "startup probe", &mut other);
    let liveness = probe(&container["livenessProbe"], "liveness probe", &mut other);
    Some(Spec {
        image: text(&container["image"])?,
        port: container["ports"][0]["containerPort"]
            .as_u64()
            .map_or(Some(PORT), |port| port.try_into().ok())?,
        env,
        secrets,
        memory: text(&limits["memory"]).unwrap_or_else(|| "512Mi".to_owned()),
        cpu: limits["cpu"].as_str().map(whole_cpu),
        timeout: number(&inner["timeoutSeconds"]).unwrap_or(TIMEOUT),
        concurrency: number(&inner["containerConcurrency"]).filter(|count| *count > 0).unwrap_or(CONCURRENCY),
        account: text(&inner["serviceAccountName"]).unwrap_or_default(),
        execution: text(&own[EXECUTION]).unwrap_or_else(|| "default".to_owned()),
        cpu_boost: own[CPU_BOOST] == "true",
        scaling: Scaling { min: number(&own[MIN_SCALE]).unwrap_or(0), max: number(&own[MAX_SCALE]) },
        service_scaling: Scaling {
            min: number(&service[SERVICE_MIN])
                .or_else(|| number(&document["spec"]["scaling"]["minInstanceCount"]))
                .unwrap_or(0),
            max: number(&service[SERVICE_MAX]),
        },
        ingress: service[INGRESS].as_str().map_or(Some(Ingress::All), Ingress::parse)?,
        cloud_sql: words(own[CLOUD_SQL].as_str().unwrap_or_default()),
        network,
        startup,
        liveness,
        labels: labels(&template["metadata"]["labels"]),
        other: other.0,
    })
}

/// What a container and a revision may say and has a field of its own.
const CONTAINER: [&str; 8] =
    ["image", "ports", "env", "volumeMounts", "resources", "startupProbe", "livenessProbe", "name"];
const REVISION: [&str; 5] =
    ["containers", "volumes", "timeoutSeconds", "containerConcurrency", "serviceAccountName"];

/// Settings without a field.
#[derive(Default)]
struct Others(BTreeMap<String, String>);

impl Others {
    fn add(&mut self, name: &str, value: &Value) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.0.insert(name.to_owned(), text);
    }

    fn fields(&mut self, what: &str, object: &Value, known: &[&str]) {
        for (name, value) in members(object).filter(|(name, _)| !known.contains(&name.as_str())) {
            self.add(&format!("{what} {name}"), value);
        }
    }

    fn annotations(&mut self, annotations: &Value) {
        let known = [MIN_SCALE, MAX_SCALE, EXECUTION, CPU_BOOST, CLOUD_SQL, NETWORK, EGRESS];
        for (name, value) in members(annotations) {
            let noise = NOISE.contains(&name.as_str()) || name.starts_with("serving.knative.dev/");
            if !noise && !known.contains(&name.as_str()) {
                self.add(&format!("annotation {name}"), value);
            }
        }
    }
}

fn variables(container: &Value, other: &mut Others) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for entry in list(&container["env"]) {
        let Some(name) = entry["name"].as_str() else { continue };
        let reference = &entry["valueFrom"]["secretKeyRef"];
        if reference.is_object() {
            let from = format!("{}:{}", word(&reference["name"]), word(&reference["key"]));
            other.0.insert(format!("env {name} from a secret"), from);
        } else {
            env.insert(name.to_owned(), entry["value"].as_str().unwrap_or_default().to_owned());
        }
    }
    env
}

fn mounts(spec: &Value, container: &Value, other: &mut Others) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for mount in list(&container["volumeMounts"]) {
        let volume = list(&spec["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let folder = word(&mount["mountPath"]);
        match volume.map(|volume| &volume["secret"]).filter(|secret| secret.is_object()) {
            Some(secret) => mounts.extend(list(&secret["items"]).map(|item| Mount {
                folder: folder.clone(),
                file: word(&item["path"]),
                secret: word(&secret["secretName"]),
                version: word(&item["key"]),
            })),
            None => other.add(&format!("volume at {folder}"), volume.unwrap_or(&Value::Null)),
        }
    }
    mounts
}

/// `[{"network": …, "subnetwork": …}]`, as text.
fn network(annotations: &Value, other: &mut Others) -> Option<Network> {
    let text = annotations[NETWORK].as_str()?;
    let interfaces: Value = serde_json::from_str(text).unwrap_or_default();
    let (first, egress) = (&interfaces[0], &annotations[EGRESS]);
    if !first.is_object() {
        other.add("network", &annotations[NETWORK]);
        return None;
    }
    let egress = egress.as_str().unwrap_or("private-ranges-only").to_owned();
    Some(Network { name: word(&first["network"]), subnetwork: word(&first["subnetwork"]), egress })
}

/// A probe over HTTP. Another kind has no field, but for the one that Cloud Run writes down by itself where nobody has
/// asked for any: a TCP connection.
fn probe(probe: &Value, name: &str, other: &mut Others) -> Option<Probe> {
    if !probe.is_object() || probe["tcpSocket"].is_object() && name == "startup probe" {
        return None;
    }
    let Some(path) = probe["httpGet"]["path"].as_str() else {
        other.add(name, probe);
        return None;
    };
    Some(Probe {
        path: path.to_owned(),
        delay: number(&probe["initialDelaySeconds"]).unwrap_or(0),
        period: number(&probe["periodSeconds"]).unwrap_or(10),
        timeout: number(&probe["timeoutSeconds"]).unwrap_or(1),
        failures: number(&probe["failureThreshold"]).unwrap_or(3),
    })
}

fn labels(labels: &Value) -> BTreeMap<String, String> {
    let ours = members(labels).filter(|(name, _)| !NOISE.contains(&name.as_str()));
    ours.map(|(name, value)| (name.clone(), word(value))).collect()
}

/// A number, or the text of one: annotations are text.
fn number(value: &Value) -> Option<u32> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None => value.as_u64()?.try_into().ok(),
    }
}

/// Processors in the form that is written here: a Kubernetes quantity may say `1` or `1000m`, and Cloud Run may give back
/// either.
pub(crate) fn whole_cpu(text: &str) -> String {
    let whole = text.strip_suffix("000m").filter(|whole| !whole.is_empty());
    whole.unwrap_or(text).to_owned()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
