//! Cloud Tasks v2: queues, to look at, to pause and to resume.

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    let (segments, verb) = call.route();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v2", "projects", project, "locations", location, "queues", ref rest @ ..] = segments[..] else {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    };
    cloud.check_project(project)?;
    let (method, verb) = (call.method.as_str(), verb.as_deref());
    if let ("GET", [], None) = (method, rest, verb) {
        let here = cloud.queues.iter().filter(|((region, _), _)| region == location);
        let queues: Vec<Value> = here.map(|(_, queue)| queue.clone()).collect();
        return Ok(if queues.is_empty() { json!({}) } else { json!({ "queues": queues }) });
    }
    let [name] = rest else { return Err(ApiError::not_emulated(&call.method, &call.path)) };
    let Some(queue) = cloud.queues.get_mut(&(location.to_owned(), (*name).to_owned())) else {
        return Err(ApiError::not_found("Queue does not exist."));
    };
    // Unlike a scheduler's job, a queue may be paused twice: nothing in the reference forbids it.
    match (method, verb) {
        ("GET", None) => {}
        ("POST", Some("pause")) => queue["state"] = json!("PAUSED"),
        ("POST", Some("resume")) => queue["state"] = json!("RUNNING"),
        _ => return Err(ApiError::not_emulated(&call.method, &call.path)),
    }
    Ok(queue.clone())
}

impl Cloud {
    /// Makes a queue that runs.
    pub fn seed_queue(&mut self, region: &str, name: &str) {
        let queue = json!({
            "name": format!("projects/{}/locations/{region}/queues/{name}", self.project),
            "rateLimits": {"maxDispatchesPerSecond": 500, "maxBurstSize": 100, "maxConcurrentDispatches": 1000},
            "retryConfig": {"maxAttempts": 100, "minBackoff": "0.1s", "maxBackoff": "3600s", "maxDoublings": 16},
            "state": "RUNNING",
        });
        self.queues.insert((region.to_owned(), name.to_owned()), queue);
    }
}
