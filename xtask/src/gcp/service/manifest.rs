//! The document that is written: a service, whole.

use serde_json::{Map, Value, json};

use super::live::{
    CLOUD_SQL, CPU_BOOST, EGRESS, EXECUTION, INGRESS, MAX_SCALE, MIN_SCALE, NETWORK, SERVED, SERVICE_MAX,
    SERVICE_MIN,
};
use super::{Live, Probe, Spec, Target};

/// What only the server writes on a service.
const SERVER: [&str; 4] = [
    "run.googleapis.com/operation-id",
    "run.googleapis.com/ingress-status",
    "run.googleapis.com/urls",
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// How many revisions the service remembers to have served: enough to go back by name.
const REMEMBERED: usize = 10;

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Manifest<'a> {
    /// The service's name.
    pub(crate) name: &'a str,
    /// What is there; `None` for a new service.
    pub(crate) live: Option<&'a Live>,
    /// What revisions are made from.
    pub(crate) template: Template<'a>,
    /// Where the service's own settings (ingress, instances in all) come from; `None` leaves them.
    pub(crate) service: Option<&'a Spec>,
    /// Who gets how much. Foreign tags stay.
    pub(crate) traffic: Vec<Target>,
    /// The revisions that have served, newest first; `None` leaves what the service remembers.
    pub(crate) served: Option<Vec<String>>,
}

/// What revisions are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Template<'a> {
    /// The one that is there, to the letter: no new revision.
    Kept,
    /// A new one, under this name.
    New(&'a Spec, &'a str),
}

impl Manifest<'_> {
    /// The document, as text.
    pub(crate) fn text(&self) -> String {
        format!("{:#}\n", self.document())
    }

    fn document(&self) -> Value {
        let old = self.live.map_or(&Value::Null, |live| &live.document);
        let template = match self.template {
            Template::Kept => old["spec"]["template"].clone(),
            Template::New(spec, revision) => template(spec, revision),
        };
        let mut traffic: Vec<Target> = self.traffic.clone();
        traffic.extend(self.live.into_iter().flat_map(Live::foreign_tags));
        let mut metadata = json!({ "name": self.name, "annotations": self.annotations(&old["metadata"]) });
        let mut labels = object(&old["metadata"]["labels"]);
        labels.retain(|name, _| name != "cloud.googleapis.com/location");
        if !labels.is_empty() {
            metadata["labels"] = Value::Object(labels);
        }
        json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": { "template": template, "traffic": traffic.iter().map(Target::entry).collect::<Value>() },
        })
    }

    /// What somebody else has written on the service stays.
    fn annotations(&self, old: &Value) -> Map<String, Value> {
        let mut annotations = object(&old["annotations"]);
        annotations
            .retain(|name, _| !SERVER.contains(&name.as_str()) && !name.starts_with("serving.knative.dev/"));
        let mut set = |name: &str, value: Option<String>| match value {
            Some(value) => annotations.insert(name.to_owned(), json!(value)),
            None => annotations.remove(name),
        };
        if let Some(spec) = self.service {
            set(INGRESS, Some(spec.ingress.name().to_owned()));
            let scaling = spec.service_scaling;
            set(SERVICE_MIN, (scaling.min > 0).then(|| scaling.min.to_string()));
            set(SERVICE_MAX, scaling.max.map(|max| max.to_string()));
            if scaling.max.is_some() {
                // What `gcloud beta run deploy --max` writes beside it.
                set("run.googleapis.com/launch-stage", Some("BETA".to_owned()));
            }
        }
        if let Some(served) = &self.served {
            let served: Vec<_> = served.iter().take(REMEMBERED).map(String::as_str).collect();
            set(SERVED, (!served.is_empty()).then(|| served.join(",")));
        }
        annotations
    }
}

fn template(spec: &Spec, revision: &str) -> Value {
    let env: Vec<Value> =
        spec.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut limits = json!({ "memory": spec.memory });
    if let Some(cpu) = &spec.cpu {
        limits["cpu"] = json!(cpu);
    }
    let mut container = json!({
        "image": spec.image,
        "ports": [{ "containerPort": spec.port }],
        "env": env,
        "resources": { "limits": limits },
    });
    for (name, wanted) in [("startupProbe", &spec.startup), ("livenessProbe", &spec.liveness)] {
        if let Some(wanted) = wanted {
            container[name] = probe(wanted, spec.port);
        }
    }
    let mut inner = json!({
        "timeoutSeconds": spec.timeout,
        "containerConcurrency": spec.concurrency,
        "serviceAccountName": spec.account,
    });
    if !spec.secrets.is_empty() {
        let names = (0..spec.secrets.len()).map(|index| format!("secret-{index}"));
        let mounts: Vec<_> = spec.secrets.iter().zip(names).collect();
        let mount = mounts.iter().map(|(mount, name)| json!({"name": name, "mountPath": mount.folder}));
        container["volumeMounts"] = mount.collect();
        let volumes = mounts.iter().map(|(mount, name)| {
            let items = json!([{"key": mount.version, "path": mount.file}]);
            json!({"name": name, "secret": {"secretName": mount.secret, "items": items}})
        });
        inner["volumes"] = volumes.collect();
    }
    inner["containers"] = json!([container]);
    json!({
        "metadata": { "name": revision, "labels": spec.labels, "annotations": template_annotations(spec) },
        "spec": inner,
    })
}

fn template_annotations(spec: &Spec) -> Map<String, Value> {
    let mut annotations = Map::new();
    let mut set = |name: &str, value: String| annotations.insert(name.to_owned(), json!(value));
    // `default` is how a service is read that leaves it to Cloud Run; written, it would be refused.
    if spec.execution != "default" {
        set(EXECUTION, spec.execution.clone());
    }
    set(CPU_BOOST, spec.cpu_boost.to_string());
    if spec.scaling.min > 0 {
        set(MIN_SCALE, spec.scaling.min.to_string());
    }
    if let Some(max) = spec.scaling.max {
        set(MAX_SCALE, max.to_string());
    }
    if !spec.cloud_sql.is_empty() {
        set(CLOUD_SQL, spec.cloud_sql.join(","));
    }
    if let Some(network) = &spec.network {
        set(NETWORK, json!([{"network": network.name, "subnetwork": network.subnetwork}]).to_string());
        set(EGRESS, network.egress.clone());
    }
    annotations
}

fn probe(probe: &Probe, port: u16) -> Value {
    json!({
        "httpGet": { "path": probe.path, "port": port },
        "initialDelaySeconds": probe.delay,
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    })
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
