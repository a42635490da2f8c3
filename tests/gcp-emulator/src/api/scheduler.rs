//! Cloud Scheduler v1: jobs that call an address by the clock. Nothing is ever called: that is the schedule's own matter.

mod check;

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};
use crate::region;

/// What a caller may write; everything else of a job is the service's own.
const WRITABLE: [&str; 6] =
    ["description", "schedule", "timeZone", "httpTarget", "retryConfig", "attemptDeadline"];

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "projects", project, "locations", location, "jobs", ref rest @ ..] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    if !region::exists(location) {
        return Err(ApiError::not_found(format!("Location '{location}' is not a valid location.")));
    }
    match (call.method.as_str(), rest, verb.as_deref()) {
        ("GET", [], None) => {
            let here = cloud.scheduled.iter().filter(|((region, _), _)| region == location);
            let jobs: Vec<Value> = here.map(|(_, job)| job.clone()).collect();
            Ok(if jobs.is_empty() { json!({}) } else { json!({ "jobs": jobs }) })
        }
        ("POST", [], None) => create(cloud, location, &call.body),
        (method, [name], verb) => {
            let key = (location.to_owned(), (*name).to_owned());
            let Some(mut job) = cloud.scheduled.get(&key).cloned() else {
                return Err(ApiError::not_found("Job not found."));
            };
            match (method, verb) {
                ("GET", None) => return Ok(job),
                ("DELETE", None) => {
                    cloud.scheduled.remove(&key);
                    return Ok(json!({}));
                }
                ("PATCH", None) => update(&mut job, call.query("updateMask"), &call.body)?,
                ("POST", Some("pause")) => turn(&mut job, "ENABLED", "PAUSED")?,
                ("POST", Some("resume")) => turn(&mut job, "PAUSED", "ENABLED")?,
                _ => return Err(ApiError::not_emulated(&call.method, &call.path)),
            }
            check::check(cloud, &job)?;
            job["userUpdateTime"] = json!(cloud.timestamp());
            cloud.scheduled.insert(key, job.clone());
            Ok(job)
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

fn create(cloud: &mut Cloud, location: &str, body: &Value) -> Answer {
    let path = body["name"].as_str().unwrap_or_default();
    let parent = format!("projects/{}/locations/{location}/jobs/", cloud.project);
    let name = path.strip_prefix(&parent).unwrap_or_default();
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 500 || !name.bytes().all(good) {
        return Err(ApiError::invalid(format!(
            "Job name must be formatted: \"{parent}<JOB_ID>\", not '{path}'."
        )));
    }
    let key = (location.to_owned(), name.to_owned());
    if cloud.scheduled.contains_key(&key) {
        return Err(ApiError::already_exists(format!("Job {path} already exists.")));
    }
    let mut job = json!({ "name": path });
    for field in WRITABLE.iter().filter(|field| !body[**field].is_null()) {
        job[*field] = body[*field].clone();
    }
    if job["timeZone"].is_null() {
        job["timeZone"] = json!("UTC");
    }
    if job["attemptDeadline"].is_null() {
        // The documented default for HTTP targets.
        job["attemptDeadline"] = json!("180s");
    }
    job["state"] = json!("ENABLED");
    check::check(cloud, &job)?;
    job["userUpdateTime"] = json!(cloud.timestamp());
    cloud.scheduled.insert(key, job.clone());
    Ok(job)
}

/// Only what the mask names is changed, whatever else the body says; the state never is.
fn update(job: &mut Value, mask: Option<&str>, body: &Value) -> Result<(), ApiError> {
    let mask = mask.filter(|mask| !mask.is_empty());
    let fields: Vec<&str> = mask.map_or_else(|| WRITABLE.to_vec(), |mask| mask.split(',').collect());
    for field in fields {
        let head = field.split('.').next().unwrap_or_default();
        if !WRITABLE.contains(&head) {
            return Err(ApiError::invalid(format!("update_mask: '{field}' cannot be updated.")));
        }
        let pointer = format!("/{}", field.replace('.', "/"));
        let value = body.pointer(&pointer).cloned().unwrap_or(Value::Null);
        let mut place = &mut *job;
        for part in field.split('.') {
            place = &mut place[part];
        }
        *place = value;
    }
    Ok(())
}

/// A job must be enabled to be paused and paused to be resumed (the API's own documentation).
fn turn(job: &mut Value, from: &str, to: &str) -> Result<(), ApiError> {
    if job["state"] != from {
        return Err(ApiError::failed_precondition(format!("Job.state must be {from} for this request.")));
    }
    job["state"] = json!(to);
    Ok(())
}
