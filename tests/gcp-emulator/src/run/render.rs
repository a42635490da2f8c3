//! Services and revisions as Knative documents; `status` is always worked out, never stored.

use serde_json::{Value, json};

use super::service::{Revision, Service, State};
use super::traffic;
use crate::cloud::Cloud;

/// Who deploys: the identity behind the emulator's token.
const OPERATOR: &str = "operator@example.com";

/// Without the addresses of a service and of its tags.
fn drop_addresses(status: &mut Value) {
    let targets = status["traffic"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
    for target in targets {
        target.remove("url");
    }
    if let Some(status) = status.as_object_mut() {
        status.remove("url");
        status.remove("address");
    }
}

impl Service {
    /// The whole document, as `GET` answers it.
    pub(crate) fn json(&self, cloud: &Cloud) -> Value {
        let mut annotations = self.metadata["annotations"].clone();
        let ingress = annotations["run.googleapis.com/ingress"].as_str().unwrap_or("all").to_owned();
        let url = self.url(cloud, None);
        annotations["run.googleapis.com/ingress"] = json!(ingress);
        annotations["run.googleapis.com/ingress-status"] = json!(ingress);
        annotations["run.googleapis.com/operation-id"] = json!(self.operation);
        // gcloud's `--no-default-url`: no address on run.app, and none for a tag
        // (<https://cloud.google.com/run/docs/securing/ingress#disable-url>).
        let hidden = annotations["run.googleapis.com/default-url-disabled"]
            .as_str()
            .is_some_and(|off| off.eq_ignore_ascii_case("true"));
        let mut status = self.status(cloud, &url);
        if hidden {
            drop_addresses(&mut status);
        } else {
            annotations["run.googleapis.com/urls"] = json!(json!([url]).to_string());
        }
        annotations["serving.knative.dev/creator"] = json!(OPERATOR);
        annotations["serving.knative.dev/lastModifier"] = json!(OPERATOR);
        let mut labels = self.metadata["labels"].clone();
        labels["cloud.googleapis.com/location"] = json!(self.region);
        json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {
                "name": self.name,
                "namespace": cloud.number,
                "selfLink": format!("/apis/serving.knative.dev/v1/namespaces/{}/services/{}", cloud.number, self.name),
                "uid": self.uid,
                "resourceVersion": self.resource_version(),
                "generation": self.generation,
                "creationTimestamp": self.created,
                "labels": labels,
                "annotations": annotations,
            },
            "spec": {
                "template": self.template,
                "traffic": self.wanted.iter().map(traffic::Target::json).collect::<Vec<_>>(),
            },
            "status": status,
        })
    }

    fn status(&self, cloud: &Cloud, url: &str) -> Value {
        let targets: Vec<Value> = self
            .routed
            .iter()
            .map(|target| {
                let mut document = target.json();
                if let Some(tag) = &target.tag {
                    document["url"] = json!(self.url(cloud, Some(tag)));
                }
                document
            })
            .collect();
        let mut status = json!({
            "observedGeneration": self.generation,
            "conditions": self.conditions(&cloud.timestamp()),
            "traffic": targets,
            "url": url,
            "address": {"url": url},
        });
        if let Some(latest) = self.revisions.last() {
            status["latestCreatedRevisionName"] = json!(latest.name);
        }
        if let Some(ready) = self.latest_ready() {
            status["latestReadyRevisionName"] = json!(ready.name);
        }
        status
    }

    /// Ready is what its parts are: configurations (the latest revision) and routes (the traffic).
    fn conditions(&self, now: &str) -> Value {
        let configurations = match self.revisions.last().map(|latest| (&latest.name, &latest.state)) {
            Some((name, state @ State::Failed(_))) => ("False", traffic::not_ready(name, state)),
            Some((_, State::Starting)) | None => ("Unknown", "Deploying the new revision.".to_owned()),
            Some((_, State::Ready)) => ("True", String::new()),
        };
        let routes = match traffic::resolve(self) {
            Ok(_) => ("True", String::new()),
            Err(_) if self.pending() => ("Unknown", "Waiting for the revision to become ready.".to_owned()),
            Err(why) => ("False", why),
        };
        let ready = [&configurations, &routes]
            .into_iter()
            .find(|part| part.0 == "False")
            .or_else(|| [&configurations, &routes].into_iter().find(|part| part.0 == "Unknown"))
            .cloned()
            .unwrap_or(("True", String::new()));
        let parts = [("Ready", ready), ("ConfigurationsReady", configurations), ("RoutesReady", routes)];
        parts.map(|(kind, (status, message))| condition(kind, status, &message, now)).to_vec().into()
    }

    /// `https://[TAG---]SERVICE-NUMBER.REGION.run.app`, or where the engine really answers.
    fn url(&self, cloud: &Cloud, tag: Option<&str>) -> String {
        cloud.engine().address(&self.name, tag).unwrap_or_else(|| {
            let prefix = tag.map(|tag| format!("{tag}---")).unwrap_or_default();
            format!("https://{prefix}{}-{}.{}.run.app", self.name, cloud.number, self.region)
        })
    }

    /// One revision's document.
    pub(super) fn revision_json(&self, cloud: &Cloud, revision: &Revision) -> Value {
        let mut labels = revision.template["metadata"]["labels"].clone();
        if !labels.is_object() {
            labels = json!({});
        }
        for (name, value) in [
            ("serving.knative.dev/service", self.name.as_str()),
            ("serving.knative.dev/configuration", self.name.as_str()),
            ("serving.knative.dev/route", self.name.as_str()),
            ("serving.knative.dev/serviceUid", self.uid.as_str()),
            ("cloud.googleapis.com/location", self.region.as_str()),
        ] {
            labels[name] = json!(value);
        }
        labels["serving.knative.dev/configurationGeneration"] = json!(revision.generation.to_string());
        let mut annotations = revision.template["metadata"]["annotations"].clone();
        if !annotations.is_object() {
            annotations = json!({});
        }
        annotations["serving.knative.dev/creator"] = json!(OPERATOR);
        let (status, message) = match &revision.state {
            State::Ready => ("True", ""),
            State::Starting => ("Unknown", "Starting"),
            State::Failed(message) => ("False", message.as_str()),
        };
        let image = revision.template["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Revision",
            "metadata": {
                "name": revision.name,
                "namespace": cloud.number,
                "selfLink": format!("/apis/serving.knative.dev/v1/namespaces/{}/revisions/{}", cloud.number, revision.name),
                "uid": format!("uid-{}", revision.name),
                "resourceVersion": self.resource_version(),
                "generation": 1,
                "creationTimestamp": revision.created,
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [{"kind": "Configuration", "name": self.name, "apiVersion": "serving.knative.dev/v1", "controller": true, "blockOwnerDeletion": true, "uid": self.uid}],
            },
            "spec": revision.template["spec"],
            "status": {
                "observedGeneration": 1,
                "conditions": [
                    condition("Ready", status, message, &revision.created),
                    condition("ContainerHealthy", status, message, &revision.created),
                ],
                "imageDigest": image.contains("@sha256:").then_some(image),
            },
        })
    }
}

fn condition(kind: &str, status: &str, message: &str, at: &str) -> Value {
    let mut condition = super::condition(kind, status, message, at);
    if !message.is_empty() {
        condition["reason"] = json!(if status == "False" { "RevisionFailed" } else { "Deploying" });
    }
    condition
}
