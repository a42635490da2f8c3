//! What a revision is made from: the checks that Cloud Run makes and gcloud does not.

mod check;
mod image;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::service::Service;
use crate::cloud::Cloud;
use crate::engine::{Container, Launch};
use crate::error::ApiError;

pub(crate) use check::quantity;
pub(super) use check::{check_job, check_service};

/// Annotations on a service that only the server writes.
const SERVER_ANNOTATIONS: [&str; 5] = [
    "run.googleapis.com/operation-id",
    "run.googleapis.com/ingress-status",
    "run.googleapis.com/urls",
    "serving.knative.dev/creator",
    "serving.knative.dev/lastModifier",
];

/// Cloud Run's defaults (its v1 reference): requests at once per instance, and seconds per request.
const CONCURRENCY: u64 = 80;
const TIMEOUT_SECONDS: u64 = 300;

/// A template that has passed all checks.
pub(super) struct Template {
    /// With the defaults filled in, as the service will show it.
    pub(super) stored: Value,
    /// The name of the revision that this makes, where it differs from what is there.
    pub(super) new_revision: Option<String>,
}

impl Template {
    /// Reads `spec.template` of a wish for `service`.
    pub(super) fn read(cloud: &Cloud, service: &Service, template: &Value) -> Result<Self, ApiError> {
        let mut stored = pruned(template);
        check::check_template(cloud, &stored)?;
        let spec = &mut stored["spec"];
        if spec.get("containerConcurrency").is_none() {
            spec["containerConcurrency"] = json!(CONCURRENCY);
        }
        if spec.get("timeoutSeconds").is_none() {
            spec["timeoutSeconds"] = json!(TIMEOUT_SECONDS);
        }
        if spec.get("serviceAccountName").is_none() {
            spec["serviceAccountName"] = json!(default_account(cloud));
        }
        let name = stored.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
        let unchanged = stored == service.template;
        let new_revision = match name {
            Some(name) if !name.starts_with(&format!("{}-", service.name)) => {
                let message =
                    format!("spec.template.metadata.name: '{name}' must start with the service's name.");
                return Err(ApiError::invalid(message));
            }
            Some(name) => match service.revision(&name) {
                None => Some(name),
                Some(revision) if revision.template == unnamed(&stored) => None,
                Some(_) => {
                    let message =
                        format!("Revision named '{name}' with different configuration already exists.");
                    return Err(ApiError::already_exists(message));
                }
            },
            None if unchanged => None,
            None => Some(generated(service)),
        };
        Ok(Self { stored, new_revision })
    }
}

/// Without the name, which is the revision's and not part of what it is made from.
pub(super) fn unnamed(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(metadata) = template["metadata"].as_object_mut() {
        metadata.shift_remove("name");
        // gcloud's nonce makes a template differ; with a name it is left out.
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.shift_remove("client.knative.dev/nonce");
        }
    }
    pruned(&template)
}

/// The labels and annotations that the caller owns.
pub(super) fn own_metadata(metadata: &Value) -> Value {
    let mut annotations = metadata["annotations"].as_object().cloned().unwrap_or_default();
    annotations.retain(|name, _| !SERVER_ANNOTATIONS.contains(&name.as_str()));
    let mut labels = metadata["labels"].as_object().cloned().unwrap_or_default();
    labels.shift_remove("cloud.googleapis.com/location");
    json!({"annotations": annotations, "labels": labels})
}

/// What the engine needs, or the sentence that the failed revision shows.
pub(super) fn launch(
    cloud: &Cloud,
    service: &Service,
    revision: &str,
    template: &Value,
) -> Result<Launch, String> {
    let container = serving(&template["spec"]);
    Ok(Launch {
        revision: revision.to_owned(),
        service: service.name.clone(),
        region: service.region.clone(),
        port: container["ports"][0]["containerPort"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .unwrap_or(8080),
        container: self::container(cloud, &template["spec"])?,
        startup_probe: container["startupProbe"].clone(),
    })
}

/// The container that takes the requests: the one with a port, else the only one. Sidecars are not started.
fn serving(spec: &Value) -> &Value {
    let mut containers = spec["containers"].as_array().into_iter().flatten();
    containers.find(|container| container["ports"].is_array()).unwrap_or(&spec["containers"][0])
}

/// That container of a revision, or a task's, or the sentence that says why it cannot start.
pub(super) fn container(cloud: &Cloud, spec: &Value) -> Result<Container, String> {
    let container = serving(spec);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let service_account = text(&spec["serviceAccountName"]).unwrap_or_default();
    let env = container["env"].as_array().into_iter().flatten().filter_map(|entry| {
        Some((text(&entry["name"])?, entry["value"].as_str().unwrap_or_default().to_owned()))
    });
    Ok(Container {
        image: text(&container["image"]).unwrap_or_default(),
        env: env.collect(),
        files: files(cloud, spec, &service_account)?,
        memory: text(&container["resources"]["limits"]["memory"]),
        cpu: text(&container["resources"]["limits"]["cpu"]),
        service_account,
    })
}

/// The mounted secrets: absolute path and content.
pub(super) fn files(cloud: &Cloud, spec: &Value, account: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    for mount in serving(spec)["volumeMounts"].as_array().into_iter().flatten() {
        let volume =
            spec["volumes"].as_array().into_iter().flatten().find(|volume| volume["name"] == mount["name"]);
        let Some(secret) = volume.map(|volume| &volume["secret"]).filter(|secret| secret.is_object()) else {
            continue;
        };
        let name = secret["secretName"].as_str().unwrap_or_default();
        for item in secret["items"].as_array().into_iter().flatten() {
            let version = item["key"].as_str().unwrap_or("latest");
            let id = format!("projects/{}/secrets/{name}/versions/{version}", cloud.number);
            let known = cloud.secrets.get(name);
            let member = format!("serviceAccount:{account}");
            let role = "roles/secretmanager.secretAccessor";
            if !cloud.policy.grants(role, &member)
                && !known.is_some_and(|known| known.policy.grants(role, &member))
            {
                return Err(format!(
                    "Permission denied on secret: {id} for Revision service account {account}. The service account \
                     used must be granted the 'Secret Manager Secret Accessor' role ({role}) at the secret, project \
                     or higher level."
                ));
            }
            let content = known.and_then(|known| known.payload(version));
            let content = content.ok_or_else(|| format!("Secret {id} was not found"))?;
            let path = format!(
                "{}/{}",
                mount["mountPath"].as_str().unwrap_or_default().trim_end_matches('/'),
                item["path"].as_str().unwrap_or_default()
            );
            files.insert(path, content.to_vec());
        }
    }
    Ok(files)
}

/// The account a revision runs as when none is named.
fn default_account(cloud: &Cloud) -> String {
    format!("{}-compute@developer.gserviceaccount.com", cloud.number)
}

/// `SERVICE-00007-abc`: the form of Cloud Run's own names.
fn generated(service: &Service) -> String {
    let number = service.made + 1;
    let letters = b"bcdfghjklmnpqrstvwxz";
    let suffix: String =
        [7, 11, 13].iter().map(|step| char::from(letters[(number * step) % letters.len()])).collect();
    format!("{}-{number:05}-{suffix}", service.name)
}

/// Without empty values: gcloud adds and drops those at will.
pub(super) fn pruned(value: &Value) -> Value {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(name, value)| (name.clone(), pruned(value)));
            Value::Object(kept.filter(|(_, value)| !empty(value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(pruned).collect()),
        other => other.clone(),
    }
}
