//! Secret Manager v1: secrets with expiry, annotations and etags. Their versions are next door.

mod version;

use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::call::Call;
use crate::clock::timestamp;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};
use crate::policy::Policy;
use version::Version;

/// A secret and its versions; version `n` stands at `n - 1`.
#[derive(Debug)]
pub(crate) struct Secret {
    created: OffsetDateTime,
    replication: Value,
    labels: Value,
    annotations: Value,
    pub(crate) expires: Option<OffsetDateTime>,
    etag: u64,
    pub(crate) policy: Policy,
    versions: Vec<Version>,
    /// How long a version that is destroyed is only disabled
    /// (<https://cloud.google.com/secret-manager/docs/delay-destruction>).
    pub(crate) destroy_delay: Option<Duration>,
}

/// The shortest time to live (the API's own documentation).
const SHORTEST_TTL: Duration = Duration::from_mins(1);

/// The most that all annotations of a secret may hold, in bytes (Secret Manager quotas).
const MOST_ANNOTATIONS: usize = 16 * 1024;

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "projects", project, "secrets", ref rest @ ..] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    match (call.method.as_str(), rest, verb.as_deref()) {
        ("GET", [], None) => {
            let secrets: Vec<Value> =
                cloud.secrets.iter().map(|(name, secret)| secret.json(&cloud.number, name)).collect();
            Ok(json!({"totalSize": secrets.len(), "secrets": secrets}))
        }
        ("POST", [], None) => create(cloud, call),
        (method, [name, rest @ ..], verb) => {
            let (now, next, number) = (cloud.now(), cloud.next(), cloud.number.clone());
            let accounts = cloud.accounts.clone();
            let own = format!("@{}.iam.gserviceaccount.com", cloud.project);
            let exists = |email: &str| !email.ends_with(&own) || accounts.contains_key(email);
            let secret = cloud.secrets.get_mut(*name).ok_or_else(|| {
                ApiError::not_found(format!("Secret [projects/{number}/secrets/{name}] not found."))
            })?;
            match (method, rest, verb) {
                ("GET", [], None) => Ok(secret.json(&number, name)),
                ("GET", [], Some("getIamPolicy")) => Ok(secret.policy.json()),
                ("POST", [], Some("setIamPolicy")) => secret.policy.set(&call.body, exists),
                ("PATCH", [], None) => {
                    secret.update(call, now, next)?;
                    Ok(secret.json(&number, name))
                }
                ("DELETE", [], None) => {
                    check_etag(call.query("etag"), &secret.etag())?;
                    cloud.secrets.remove(*name);
                    Ok(json!({}))
                }
                ("POST", [], Some("addVersion")) => {
                    secret.add_version(call, now, next, &format!("projects/{number}/secrets/{name}"))
                }
                (_, ["versions", rest @ ..], verb) => {
                    secret.version_call(call, rest, verb, now, &format!("projects/{number}/secrets/{name}"))
                }
                _ => Err(ApiError::not_emulated(&call.method, &call.path)),
            }
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

fn create(cloud: &mut Cloud, call: &Call) -> Answer {
    let name = call.query("secretId").unwrap_or_default().to_owned();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(legal) {
        return Err(ApiError::invalid(format!("Secret id '{name}' is not valid.")));
    }
    let replication = call.body.get("replication").cloned().unwrap_or(Value::Null);
    let replicas = replication.pointer("/userManaged/replicas").and_then(Value::as_array);
    if replication.get("automatic").is_none() && replicas.is_none_or(Vec::is_empty) {
        return Err(ApiError::invalid(
            "secret.replication: either automatic or userManaged with at least one replica.",
        ));
    }
    if cloud.secrets.contains_key(&name) {
        let message = format!("Secret [projects/{}/secrets/{name}] already exists.", cloud.number);
        return Err(ApiError::already_exists(message));
    }
    let now = cloud.now();
    let mut secret = Secret::new(now, cloud.next(), replication);
    secret.labels = call.body.get("labels").cloned().unwrap_or_else(|| json!({}));
    secret.set_annotations(&call.body)?;
    secret.set_expiry(&call.body, now)?;
    let answer = secret.json(&cloud.number, &name);
    cloud.secrets.insert(name, secret);
    Ok(answer)
}

impl Secret {
    /// A secret without versions.
    pub(crate) fn new(created: OffsetDateTime, etag: u64, replication: Value) -> Self {
        Self {
            created,
            replication,
            labels: json!({}),
            annotations: json!({}),
            expires: None,
            etag,
            policy: Policy::default(),
            versions: Vec::new(),
            destroy_delay: None,
        }
    }

    fn update(&mut self, call: &Call, now: OffsetDateTime, next: u64) -> Result<(), ApiError> {
        check_etag(call.text("/etag"), &self.etag())?;
        let mask = call.query("updateMask").unwrap_or_default();
        for field in mask.split(',').filter(|field| !field.is_empty()) {
            match field {
                "annotations" => self.set_annotations(&call.body)?,
                "labels" => self.labels = call.body.get("labels").cloned().unwrap_or_else(|| json!({})),
                "ttl" | "expireTime" | "expire_time" => self.set_expiry(&call.body, now)?,
                _ => return Err(ApiError::invalid(format!("updateMask: {field} is not emulated."))),
            }
        }
        self.etag = next;
        Ok(())
    }

    fn set_annotations(&mut self, body: &Value) -> Result<(), ApiError> {
        let annotations = body.get("annotations").cloned().unwrap_or_else(|| json!({}));
        let size: usize = annotations
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
            .sum();
        if size > MOST_ANNOTATIONS {
            return Err(ApiError::invalid("annotations: more than 16 KiB in all."));
        }
        self.annotations = annotations;
        Ok(())
    }

    fn set_expiry(&mut self, body: &Value, now: OffsetDateTime) -> Result<(), ApiError> {
        let Some(ttl) = body.get("ttl").and_then(Value::as_str) else { return Ok(()) };
        let seconds = ttl.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
        let ttl = Duration::from_secs(seconds.ok_or_else(|| ApiError::invalid(format!("ttl: '{ttl}'")))?);
        if ttl < SHORTEST_TTL {
            return Err(ApiError::invalid("ttl: at least 60 seconds."));
        }
        self.expires = Some(now + ttl);
        Ok(())
    }

    /// As the API writes it, quotes included.
    fn etag(&self) -> String {
        format!("\"{:x}\"", 0x1e_7a00 + self.etag)
    }

    fn json(&self, project_number: &str, name: &str) -> Value {
        let mut document = json!({
            "name": format!("projects/{project_number}/secrets/{name}"),
            "replication": self.replication,
            "createTime": timestamp(self.created),
            "etag": self.etag(),
        });
        for (field, map) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if map.as_object().is_some_and(|map| !map.is_empty()) {
                document[field] = map.clone();
            }
        }
        if let Some(at) = self.expires {
            document["expireTime"] = json!(timestamp(at));
        }
        if let Some(delay) = self.destroy_delay {
            document["versionDestroyTtl"] = json!(format!("{}s", delay.as_secs()));
        }
        document
    }

    /// For tests and operators: never a payload.
    pub(crate) fn snapshot(&self) -> Value {
        let versions: Map<String, Value> = self
            .versions
            .iter()
            .enumerate()
            .map(|(index, version)| ((index + 1).to_string(), json!(version.state.word())))
            .collect();
        json!({
            "policy": self.policy.json().get("bindings").cloned().unwrap_or_else(|| json!([])),
            "versions": versions,
            "annotations": self.annotations,
            "replication": self.replication,
        })
    }
}

/// An etag that is given must be the resource's.
fn check_etag(given: Option<&str>, current: &str) -> Result<(), ApiError> {
    match given {
        Some(given) if given != current => Err(ApiError::failed_precondition(
            "The provided etag does not match the resource's current etag.",
        )),
        _ => Ok(()),
    }
}
