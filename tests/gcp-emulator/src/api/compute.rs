//! Compute v1: the load balancer's parts. They are documents; what is checked is what they refer to.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::is_name;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

/// The collections we know, and whether their documents carry a fingerprint that a change must repeat.
const COLLECTIONS: [(&str, bool); 7] = [
    ("networkEndpointGroups", false),
    ("backendServices", true),
    ("urlMaps", true),
    ("sslCertificates", false),
    ("targetHttpsProxies", true),
    ("addresses", false),
    ("forwardingRules", true),
];

/// Every resource by its path below the project, for example `global/urlMaps/web-map`, and every operation by its name.
#[derive(Debug, Default)]
pub(crate) struct Compute(BTreeMap<String, Value>, BTreeMap<String, Value>);

impl Compute {
    pub(crate) fn snapshot(&self) -> Value {
        json!(self.0)
    }
}

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, _) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["compute", "v1", "projects", project, ref rest @ ..] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    let (scope, rest) = match rest {
        ["global", rest @ ..] => ("global".to_owned(), rest),
        ["regions", region, rest @ ..] => (format!("regions/{region}"), rest),
        ["aggregated", collection] => return Ok(aggregated(cloud, collection)),
        _ => return Err(ApiError::not_emulated(&call.method, &call.path)),
    };
    match (call.method.as_str(), rest) {
        ("POST", ["operations", name, "wait"]) | ("GET", ["operations", name]) => {
            let operation = cloud.compute.1.get(*name).cloned();
            let mut operation = operation.ok_or_else(|| {
                ApiError::not_found(format!("The resource '{scope}/operations/{name}' was not found"))
            })?;
            operation["status"] = json!("DONE");
            operation["progress"] = json!(100);
            Ok(operation)
        }
        (method, [collection, rest @ ..]) => {
            let Some((_, fingerprinted)) = COLLECTIONS.iter().find(|(known, _)| known == collection) else {
                return Err(ApiError::not_emulated(&call.method, &call.path));
            };
            match (method, rest) {
                ("GET", []) => {
                    let prefix = format!("{scope}/{collection}/");
                    let items: Vec<&Value> = cloud
                        .compute
                        .0
                        .iter()
                        .filter(|(path, _)| path.starts_with(&prefix))
                        .map(|(_, v)| v)
                        .collect();
                    Ok(json!({"kind": "compute#list", "items": items}))
                }
                ("POST", []) => insert(cloud, &scope, collection, call, *fingerprinted),
                ("GET", [name]) => find(cloud, &format!("{scope}/{collection}/{name}")).cloned(),
                ("PUT" | "PATCH", [name]) => change(cloud, &scope, collection, name, call, *fingerprinted),
                ("DELETE", [name]) => remove(cloud, &scope, &format!("{scope}/{collection}/{name}")),
                _ => Err(ApiError::not_emulated(&call.method, &call.path)),
            }
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

impl Cloud {
    /// Puts a load balancer part there as an operator's earlier work: `path` is below the project, for example
    /// `global/urlMaps/web-map`.
    pub fn seed_compute(&mut self, path: &str, mut document: Value) {
        let fingerprint = self.fingerprint();
        document["name"] = json!(path.rsplit('/').next().unwrap_or_default());
        document["selfLink"] = json!(self.link(path));
        document["fingerprint"] = json!(fingerprint);
        self.compute.0.insert(path.to_owned(), document);
    }

    /// Says how far a managed certificate is: `PROVISIONING`, `ACTIVE`, `FAILED_NOT_VISIBLE` …
    ///
    /// Returns whether there is such a certificate.
    pub fn certificate_status(&mut self, name: &str, status: &str) -> bool {
        let certificate = self.compute.0.get_mut(&format!("global/sslCertificates/{name}"));
        certificate.map(|certificate| certificate["managed"]["status"] = json!(status)).is_some()
    }

    fn link(&self, path: &str) -> String {
        format!("https://www.googleapis.com/compute/v1/projects/{}/{path}", self.project)
    }

    fn fingerprint(&mut self) -> String {
        STANDARD.encode(self.next().to_be_bytes())
    }
}

fn insert(cloud: &mut Cloud, scope: &str, collection: &str, call: &Call, fingerprinted: bool) -> Answer {
    let name = call.text("/name").unwrap_or_default();
    if !is_name(name, 1..=63) {
        return Err(ApiError::invalid(format!("Invalid value for field 'resource.name': '{name}'.")));
    }
    let path = format!("{scope}/{collection}/{name}");
    if cloud.compute.0.contains_key(&path) {
        let resource = format!("projects/{}/{path}", cloud.project);
        return Err(ApiError::already_exists(format!("The resource '{resource}' already exists")));
    }
    check_references(cloud, &call.body)?;
    let mut document = call.body.clone();
    let kind = collection.strip_suffix("ies").map_or_else(
        || {
            collection
                .strip_suffix("es")
                .filter(|stem| stem.ends_with("ss"))
                .or(collection.strip_suffix('s'))
                .unwrap_or(collection)
                .to_owned()
        },
        |stem| format!("{stem}y"),
    );
    document["kind"] = json!(format!("compute#{kind}"));
    document["id"] = json!(cloud.next().to_string());
    document["creationTimestamp"] = json!(cloud.timestamp());
    document["selfLink"] = json!(cloud.link(&path));
    if fingerprinted {
        document["fingerprint"] = json!(cloud.fingerprint());
    }
    if collection == "backendServices" && document.get("loadBalancingScheme").is_none() {
        // The API's default; gcloud leaves it out then.
        document["loadBalancingScheme"] = json!("EXTERNAL");
    }
    if collection == "addresses" && document.get("address").is_none() {
        // Of TEST-NET-3 (RFC 5737), which is nobody's.
        document["address"] = json!(format!("203.0.113.{}", cloud.next() % 250 + 2));
        document["status"] = json!("RESERVED");
    }
    if collection == "sslCertificates" && document.get("managed").is_some() {
        document["managed"]["status"] = json!("PROVISIONING");
    }
    cloud.compute.0.insert(path.clone(), document);
    Ok(started(cloud, scope, "insert", &path))
}

fn change(
    cloud: &mut Cloud,
    scope: &str,
    collection: &str,
    name: &str,
    call: &Call,
    fingerprinted: bool,
) -> Answer {
    let path = format!("{scope}/{collection}/{name}");
    let current = find(cloud, &path)?.clone();
    if fingerprinted && call.text("/fingerprint") != current["fingerprint"].as_str() {
        return Err(ApiError::condition_not_met(
            "Labels fingerprint either invalid or resource labels have changed.",
        ));
    }
    check_references(cloud, &call.body)?;
    // PATCH merges at the top level, PUT replaces; both leave what the server owns.
    let mut document = if call.method == "PATCH" { current.clone() } else { json!({}) };
    for (field, value) in call.body.as_object().into_iter().flatten() {
        document[field] = value.clone();
    }
    for owned in ["kind", "id", "creationTimestamp", "selfLink", "name"] {
        document[owned] = current[owned].clone();
    }
    document["fingerprint"] = json!(cloud.fingerprint());
    cloud.compute.0.insert(path.clone(), document);
    let kind = if call.method == "PATCH" { "patch" } else { "update" };
    Ok(started(cloud, scope, kind, &path))
}

fn remove(cloud: &mut Cloud, scope: &str, path: &str) -> Answer {
    find(cloud, path)?;
    let link = cloud.link(path);
    let suffix = format!("/{path}");
    if let Some((user, _)) = cloud.compute.0.iter().find(|(_, document)| {
        strings(document)
            .iter()
            .any(|text| *text != link && text.starts_with("http") && text.ends_with(&suffix))
            || strings(document).iter().filter(|text| **text == link).count()
                > usize::from(document["selfLink"] == link)
    }) {
        let message = format!("The resource '{path}' is already being used by '{user}'");
        return Err(ApiError::invalid(message));
    }
    cloud.compute.0.remove(path);
    Ok(started(cloud, scope, "delete", path))
}

fn find<'a>(cloud: &'a Cloud, path: &str) -> Result<&'a Value, ApiError> {
    cloud.compute.0.get(path).ok_or_else(|| {
        ApiError::not_found(format!("The resource 'projects/{}/{path}' was not found", cloud.project))
    })
}

/// Every link into this project must lead to something.
fn check_references(cloud: &Cloud, body: &Value) -> Result<(), ApiError> {
    let marker = format!("/compute/v1/projects/{}/", cloud.project);
    for text in strings(body).into_iter().filter(|text| Some(*text) != body["selfLink"].as_str()) {
        if let Some((_, path)) = text.split_once(&marker) {
            find(cloud, path)?;
        }
    }
    Ok(())
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn aggregated(cloud: &Cloud, collection: &str) -> Value {
    let mut items = serde_json::Map::new();
    let marker = format!("/{collection}/");
    for (path, document) in cloud.compute.0.iter().filter(|(path, _)| path.contains(&marker)) {
        let scope = path.split(&marker).next().unwrap_or_default().to_owned();
        let entry = items.entry(scope).or_insert_with(|| json!({ collection: [] }));
        if let Some(list) = entry[collection].as_array_mut() {
            list.push(document.clone());
        }
    }
    json!({"kind": "compute#aggregatedList", "items": items})
}

/// gcloud crashes on an operation without a type, and on one without a target.
fn started(cloud: &mut Cloud, scope: &str, kind: &str, path: &str) -> Value {
    let name = format!("operation-{}", cloud.next());
    let mut operation = json!({
        "kind": "compute#operation",
        "operationType": kind,
        "name": name,
        "status": "RUNNING",
        "progress": 0,
        "selfLink": cloud.link(&format!("{scope}/operations/{name}")),
        "targetLink": cloud.link(path),
    });
    // gcloud waits for an operation in the region that it names, and crashes on one of a region that names none.
    if scope.starts_with("regions/") {
        operation["region"] = json!(cloud.link(scope));
    }
    cloud.compute.1.insert(name, operation.clone());
    operation
}
