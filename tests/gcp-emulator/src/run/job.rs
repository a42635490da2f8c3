//! Cloud Run jobs: what runs once and ends. Without an engine that runs them, executions end as the project was told.

mod execution;

pub use execution::Ending;
pub(crate) use execution::{Execution, Script};

use serde_json::{Value, json};

use super::condition;
use super::template::check_job;
use crate::api::is_name;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

/// How often a failed task is tried again where nobody says (the v1 reference, `TaskSpec.maxRetries`).
const RETRIES: u64 = 3;

/// Seconds that a task may take where nobody says.
const TIMEOUT: &str = "600";

/// A Cloud Run job.
pub(crate) struct Job {
    name: String,
    region: String,
    /// Labels and annotations as the caller wrote them.
    metadata: Value,
    spec: Value,
    uid: String,
    created: String,
    generation: u64,
    version: u64,
    /// Why it cannot run; `None` where it can.
    trouble: Option<String>,
    executions: u64,
}

/// A call to `/apis/run.googleapis.com/v1/namespaces/P/…`.
pub(super) fn answer(
    cloud: &mut Cloud,
    region: &str,
    call: &Call,
    rest: &[&str],
    verb: Option<&str>,
) -> Answer {
    let key = |name: &str| (region.to_owned(), name.to_owned());
    let missing = |name: &str| {
        ApiError::not_found(format!("Resource '{name}' of kind 'JOB' in region '{region}' does not exist"))
    };
    match (call.method.as_str(), rest, verb) {
        ("GET", ["jobs"], None) => {
            let items: Vec<Value> =
                cloud.jobs.values().filter(|job| job.region == region).map(|job| job.json(cloud)).collect();
            Ok(super::list("JobList", &items))
        }
        ("GET", ["jobs", name], None) => {
            cloud.jobs.get(&key(name)).map(|job| job.json(cloud)).ok_or_else(|| missing(name))
        }
        ("POST", ["jobs"], None) => create(cloud, region, &call.body),
        ("PUT", ["jobs", name], None) => replace(cloud, region, name, &call.body),
        ("DELETE", ["jobs", name], None) => {
            cloud.jobs.remove(&key(name)).ok_or_else(|| missing(name))?;
            Ok(json!({"kind": "Status", "status": "Success"}))
        }
        ("POST", ["jobs", name], Some("run")) => {
            let Some(mut job) = cloud.jobs.remove(&key(name)) else { return Err(missing(name)) };
            let run = job.run(cloud, &call.body);
            cloud.jobs.insert(key(name), job);
            run
        }
        _ => execution::answer(cloud, region, call, rest, verb),
    }
}

fn create(cloud: &mut Cloud, region: &str, body: &Value) -> Answer {
    let name = body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !is_name(&name, 1..=63) {
        return Err(ApiError::invalid(format!("metadata.name: '{name}' is not a valid job name.")));
    }
    let key = (region.to_owned(), name.clone());
    if cloud.jobs.contains_key(&key) {
        return Err(ApiError::already_exists(format!("Resource '{name}' already exists.")));
    }
    let mut job = Job {
        uid: format!("uid-{name}-{}", cloud.next()),
        created: cloud.timestamp(),
        name,
        region: region.to_owned(),
        metadata: json!({}),
        spec: json!({}),
        generation: 0,
        version: 0,
        trouble: None,
        executions: 0,
    };
    job.apply(cloud, body)?;
    let document = job.json(cloud);
    cloud.jobs.insert(key, job);
    Ok(document)
}

fn replace(cloud: &mut Cloud, region: &str, name: &str, body: &Value) -> Answer {
    let key = (region.to_owned(), name.to_owned());
    let Some(mut job) = cloud.jobs.remove(&key) else {
        return Err(ApiError::not_found(format!("Resource '{name}' of kind 'JOB' does not exist")));
    };
    let given = body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    let outcome = if given.is_some_and(|given| given != job.resource_version()) {
        Err(ApiError::aborted(format!("Conflict for resource '{name}': it was changed by somebody else.")))
    } else {
        job.apply(cloud, body).map(|()| job.json(cloud))
    };
    cloud.jobs.insert(key, job);
    outcome
}

impl Job {
    fn apply(&mut self, cloud: &mut Cloud, body: &Value) -> Result<(), ApiError> {
        let mut spec = super::template::pruned(&body["spec"]);
        let task = &mut spec["template"]["spec"]["template"]["spec"];
        let trouble = check_job(cloud, body, task)?;
        for (field, default) in [("maxRetries", json!(RETRIES)), ("timeoutSeconds", json!(TIMEOUT))] {
            if task[field].is_null() {
                task[field] = default;
            }
        }
        self.metadata = super::template::own_metadata(&body["metadata"]);
        self.spec = spec;
        self.trouble = trouble;
        self.generation += 1;
        self.version = cloud.next();
        Ok(())
    }

    /// `POST …/jobs/N:run`: begins an execution; `overrides` may change a container's arguments and variables.
    fn run(&mut self, cloud: &mut Cloud, body: &Value) -> Answer {
        if let Some(trouble) = &self.trouble {
            return Err(ApiError::failed_precondition(trouble.clone()));
        }
        if !body["overrides"].is_null() {
            return Err(ApiError::not_emulated("POST", "jobs:run with overrides"));
        }
        self.executions += 1;
        let number = cloud.next();
        let execution = Execution::begin(cloud, &self.name, &self.region, &self.spec, number);
        let document = execution.json(cloud);
        cloud.executions.push(execution);
        Ok(document)
    }

    fn resource_version(&self) -> String {
        format!("AAY{:013}", self.version)
    }

    pub(crate) fn json(&self, cloud: &Cloud) -> Value {
        let mut labels = self.metadata["labels"].clone();
        labels["cloud.googleapis.com/location"] = json!(self.region);
        let now = cloud.timestamp();
        let (status, message) = match &self.trouble {
            None => ("True", ""),
            Some(trouble) => ("False", trouble.as_str()),
        };
        let metadata = json!({
            "name": self.name,
            "selfLink": format!("/apis/run.googleapis.com/v1/namespaces/{}/jobs/{}", cloud.number, self.name),
            "uid": self.uid,
            "resourceVersion": self.resource_version(),
            "generation": self.generation,
            "creationTimestamp": self.created,
            "labels": labels,
            "annotations": self.metadata["annotations"],
        });
        let status = json!({
            "observedGeneration": self.generation,
            "conditions": [condition("Ready", status, message, &now)],
            "executionCount": self.executions,
        });
        document(cloud, "Job", metadata, &self.spec, &status)
    }
}

/// A resource of this API.
fn document(cloud: &Cloud, kind: &str, mut metadata: Value, spec: &Value, status: &Value) -> Value {
    metadata["namespace"] = json!(cloud.number);
    json!({
        "apiVersion": "run.googleapis.com/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    })
}
