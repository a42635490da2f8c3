//! Artifact Registry v1: repositories. The images themselves are in a real registry.

use serde_json::{Value, json};

use super::is_name;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};
use crate::region;

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "projects", project, "locations", location, ref rest @ ..] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    if !region::exists(location) {
        return Err(ApiError::permission_denied(format!(
            "Location {location} is not found or access is unauthorized."
        )));
    }
    match (call.method.as_str(), rest, verb.as_deref()) {
        ("GET", ["repositories"], None) => {
            let here = cloud.repositories.iter().filter(|((region, _), _)| region == location);
            Ok(json!({"repositories": here.map(|(_, repository)| repository.clone()).collect::<Vec<_>>()}))
        }
        ("GET", ["repositories", name], None) => {
            let key = (location.to_owned(), (*name).to_owned());
            cloud.repositories.get(&key).cloned().ok_or_else(|| {
                let path = format!("projects/{project}/locations/{location}/repositories/{name}");
                ApiError::not_found(format!("Requested entity was not found: {path}"))
            })
        }
        ("POST", ["repositories"], None) => create(cloud, location, call),
        // Operations are done when they are made; what they made is in the first answer.
        ("GET", ["operations", _], None) => Ok(json!({"name": call.path[4..], "done": true, "response": {}})),
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

fn create(cloud: &mut Cloud, location: &str, call: &Call) -> Answer {
    let name = call.query("repositoryId").unwrap_or_default();
    if !is_name(name, 1..=63) {
        return Err(ApiError::invalid(format!("Repository id '{name}' is not valid.")));
    }
    if call.text("/format") != Some("DOCKER") {
        return Err(ApiError::invalid(format!("Repository format {} is not emulated.", call.body["format"])));
    }
    let key = (location.to_owned(), name.to_owned());
    if cloud.repositories.contains_key(&key) {
        return Err(ApiError::already_exists("the repository already exists"));
    }
    let description = call.body["description"].as_str().unwrap_or_default();
    let repository = repository(cloud, location, name, description);
    cloud.repositories.insert(key, repository.clone());
    let id = cloud.next();
    let mut response = repository;
    response["@type"] = json!("type.googleapis.com/google.devtools.artifactregistry.v1.Repository");
    let parent = format!("projects/{}/locations/{location}", cloud.project);
    Ok(json!({"name": format!("{parent}/operations/ar-{id}"), "done": true, "response": response}))
}

/// A repository's document.
pub(crate) fn repository(cloud: &Cloud, location: &str, name: &str, description: &str) -> Value {
    let now = cloud.timestamp();
    json!({
        "name": format!("projects/{}/locations/{location}/repositories/{name}", cloud.project),
        "format": "DOCKER",
        "description": description,
        "createTime": now,
        "updateTime": now,
        "mode": "STANDARD_REPOSITORY",
    })
}
