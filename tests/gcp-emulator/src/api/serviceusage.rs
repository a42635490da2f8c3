//! Service Usage v1: which APIs are on.

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), &segments[..], verb.as_deref()) {
        ("GET", ["v1", "projects", project, "services"], None) => {
            cloud.check_project(project)?;
            let services: Vec<Value> = cloud.enabled.iter().map(|api| service(cloud, api)).collect();
            Ok(if services.is_empty() { json!({}) } else { json!({ "services": services }) })
        }
        ("GET", ["v1", "projects", project, "services", api], None) => {
            cloud.check_project(project)?;
            Ok(service(cloud, api))
        }
        ("POST", ["v1", "projects", project, "services", api], Some("enable")) => {
            cloud.check_project(project)?;
            enable(cloud, &[*api])
        }
        ("POST", ["v1", "projects", project, "services"], Some("batchEnable")) => {
            cloud.check_project(project)?;
            let ids = call.body["serviceIds"].as_array().cloned().unwrap_or_default();
            let apis: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
            enable(cloud, &apis)
        }
        ("GET", ["v1", "operations", id], None) => {
            Ok(json!({"name": format!("operations/{id}"), "done": true, "response": {}}))
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

fn enable(cloud: &mut Cloud, apis: &[&str]) -> Answer {
    // More than 20 in one batch is refused (the API's own limit).
    if apis.is_empty() || apis.len() > 20 {
        return Err(ApiError::invalid("serviceIds: between 1 and 20 services."));
    }
    if let Some(unknown) = apis.iter().find(|api| !api.ends_with(".googleapis.com")) {
        return Err(ApiError::permission_denied(format!(
            "Not found or permission denied for service(s): {unknown}."
        )));
    }
    cloud.enabled.extend(apis.iter().map(|api| (*api).to_owned()));
    let id = cloud.next();
    Ok(json!({"name": format!("operations/acf.p2-{}-{id}", cloud.number), "done": true, "response": {}}))
}

fn service(cloud: &Cloud, api: &str) -> Value {
    json!({
        "name": format!("projects/{}/services/{api}", cloud.number),
        "config": {"name": api},
        "state": if cloud.enabled.contains(api) { "ENABLED" } else { "DISABLED" },
        "parent": format!("projects/{}", cloud.number),
    })
}
