//! Cloud Run v1 (Knative Serving's API, which is what gcloud speaks): services and revisions.

mod invoker;
mod job;
mod render;
mod service;
mod template;
mod traffic;

pub use job::Ending;
pub(crate) use job::{Execution, Job, Script};
pub(crate) use service::Service;
pub(crate) use template::quantity;

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::{Cloud, Reply};
use crate::error::{Answer, ApiError};

/// A call to `run.googleapis.com`, which is of no region: the lists of all of them, and who may call a service.
pub(crate) fn global(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, _) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answers = |region: &str| !cloud.unreachable.contains(region);
    let (kind, items): (_, Vec<Value>) = match (call.method.as_str(), &segments[..]) {
        ("GET", ["v1", "projects", project, "locations", "-", "services"]) => {
            cloud.check_project(project)?;
            let here = cloud.services.values().filter(|service| answers(&service.region));
            ("ServiceList", here.map(|service| service.json(cloud)).collect())
        }
        ("GET", ["apis", "run.googleapis.com", "v1", "namespaces", project, "jobs"]) => {
            cloud.check_project(project)?;
            let here = cloud.jobs.iter().filter(|((region, _), _)| answers(region));
            ("JobList", here.map(|(_, job)| job.json(cloud)).collect())
        }
        _ => return invoker::answer(cloud, call),
    };
    let mut answer = list(kind, &items);
    if !cloud.unreachable.is_empty() {
        answer["unreachable"] = json!(cloud.unreachable);
    }
    Ok(answer)
}

/// A call to `<region>-run.googleapis.com`.
pub(crate) fn answer(cloud: &mut Cloud, region: &str, call: &Call) -> Reply {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match &segments[..] {
        ["apis", "serving.knative.dev", "v1", "namespaces", project, rest @ ..] => {
            if let Err(error) = cloud.check_project(project) {
                return Reply::Now(Err(error));
            }
            knative(cloud, region, call, rest)
        }
        ["apis", "run.googleapis.com", "v1", "namespaces", project, rest @ ..] => {
            let checked = cloud.check_project(project);
            Reply::Now(checked.and_then(|()| job::answer(cloud, region, call, rest, verb.as_deref())))
        }
        ["v1", "projects", project, "locations", _, "operations", name]
            if verb.as_deref() == Some("wait") =>
        {
            if let Err(error) = cloud.check_project(project) {
                return Reply::Now(Err(error));
            }
            wait(cloud, name)
        }
        _ => Reply::Now(Err(ApiError::not_emulated(&call.method, &call.path))),
    }
}

fn knative(cloud: &mut Cloud, region: &str, call: &Call, rest: &[&str]) -> Reply {
    let key = |name: &str| (region.to_owned(), name.to_owned());
    let missing = |name: &str| {
        ApiError::not_found(format!(
            "Resource '{name}' of kind 'SERVICE' in region '{region}' in project '{}' does not exist",
            call.path
        ))
    };
    Reply::Now(match (call.method.as_str(), rest) {
        ("GET", ["services"]) => {
            let here = cloud.services.values().filter(|service| service.region == region);
            let items: Vec<Value> = here.map(|service| service.json(cloud)).collect();
            Ok(list("ServiceList", &items))
        }
        ("GET", ["services", name]) => {
            cloud.services.get(&key(name)).map(|service| service.json(cloud)).ok_or_else(|| missing(name))
        }
        ("POST", ["services"]) => match service::create(cloud, region, &call.body) {
            Ok(name) => return Reply::Service { region: region.to_owned(), name },
            Err(error) => Err(error),
        },
        ("PUT", ["services", name]) => match service::replace(cloud, region, name, &call.body) {
            Ok(()) => return Reply::Service { region: region.to_owned(), name: (*name).to_owned() },
            Err(error) => Err(error),
        },
        ("DELETE", ["services", name]) => match cloud.services.remove(&key(name)) {
            Some(service) => {
                let engine = cloud.engine();
                service.revisions.iter().for_each(|revision| engine.stop(&revision.name));
                Ok(json!({"kind": "Status", "status": "Success"}))
            }
            None => Err(missing(name)),
        },
        ("GET", ["revisions"]) => {
            Ok(revisions(cloud, region, call.query("labelSelector").unwrap_or_default()))
        }
        ("GET", ["revisions", name]) => find_revision(cloud, region, name),
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    })
}

/// Label selectors as gcloud writes them: `serving.knative.dev/service = NAME`.
fn revisions(cloud: &Cloud, region: &str, selector: &str) -> Value {
    let wanted = selector.split_once('=').map(|(_, name)| name.trim());
    let services = cloud.services.values().filter(|service| service.region == region);
    let items: Vec<Value> = services
        .filter(|service| wanted.is_none_or(|name| name == service.name))
        .flat_map(|service| {
            service.revisions.iter().rev().map(|revision| service.revision_json(cloud, revision))
        })
        .collect();
    list("RevisionList", &items)
}

fn find_revision(cloud: &Cloud, region: &str, name: &str) -> Answer {
    let services = cloud.services.values().filter(|service| service.region == region);
    let mut found = services
        .flat_map(|service| service.revisions.iter().map(move |revision| (service, revision)))
        .filter(|(_, revision)| revision.name == name);
    found
        .next()
        .map(|(service, revision)| service.revision_json(cloud, revision))
        .ok_or_else(|| ApiError::not_found(format!("Revision '{name}' was not found")))
}

fn list(kind: &str, items: &[Value]) -> Value {
    // gcloud crashes on a list without `metadata`.
    let version = if kind.starts_with("Job") || kind.starts_with("Execution") {
        "run.googleapis.com/v1"
    } else {
        "serving.knative.dev/v1"
    };
    json!({"apiVersion": version, "kind": kind, "metadata": {}, "items": items})
}

/// One condition of any resource.
fn condition(kind: &str, status: &str, message: &str, at: &str) -> Value {
    let mut condition = json!({"type": kind, "status": status, "lastTransitionTime": at});
    if !message.is_empty() {
        condition["message"] = json!(message);
    }
    condition
}

fn wait(cloud: &Cloud, operation: &str) -> Reply {
    let Some(service) = cloud.services.values().find(|service| service.operation == operation) else {
        // A newer change has taken the service's operation id: the older one is over.
        return Reply::Now(Ok(json!({"name": operation, "done": true, "response": {}})));
    };
    if service.pending() {
        return Reply::Later(json!({"name": operation, "done": false}));
    }
    let mut response = service.json(cloud);
    response["@type"] = json!("type.googleapis.com/google.cloud.run.v1.Service");
    Reply::Now(Ok(json!({"name": operation, "done": true, "response": response})))
}
