//! Executions of jobs: each ends as the project was told, after it has been looked at a number of times.

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

/// How executions end.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Ending {
    /// All tasks succeed.
    #[default]
    Succeeded,
    /// A task fails, having written these lines.
    Failed(Vec<String>),
    /// Somebody cancels it.
    Cancelled,
    /// It goes on for ever.
    Never,
}

/// One execution.
pub(crate) struct Execution {
    name: String,
    job: String,
    region: String,
    spec: Value,
    created: String,
    /// How often it is still seen running.
    left: u32,
    ending: Ending,
}

/// How executions are to go from now on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    looks: u32,
    ending: Ending,
}

impl Cloud {
    /// How executions that begin from now on end, after they were seen running `looks` times.
    pub fn executions_end(&mut self, looks: u32, ending: Ending) {
        self.execution_script = Script { looks, ending };
    }

    /// The names of a job's executions, the oldest first.
    pub fn executions_of(&self, job: &str) -> Vec<String> {
        self.executions.iter().filter(|run| run.job == job).map(|run| run.name.clone()).collect()
    }
}

pub(super) fn answer(
    cloud: &mut Cloud,
    region: &str,
    call: &Call,
    rest: &[&str],
    verb: Option<&str>,
) -> Answer {
    let here = |run: &Execution| run.region == region;
    match (call.method.as_str(), rest, verb) {
        ("GET", ["executions"], None) => {
            // As gcloud writes it: `run.googleapis.com/job = NAME`.
            let wanted = call.query("labelSelector").and_then(|selector| selector.split_once('='));
            let wanted = wanted.map(|(_, name)| name.trim());
            let runs = cloud.executions.iter().rev().filter(|run| here(run));
            let runs = runs.filter(|run| wanted.is_none_or(|job| job == run.job));
            let items: Vec<Value> = runs.map(|run| run.json(cloud)).collect();
            Ok(super::super::list("ExecutionList", &items))
        }
        ("GET", ["executions", name], None) => {
            let found = cloud.executions.iter().position(|run| here(run) && run.name == *name);
            let index = found.ok_or_else(|| {
                ApiError::not_found(format!("Resource '{name}' of kind 'EXECUTION' does not exist"))
            })?;
            let document = cloud.executions[index].json(cloud);
            if let Some(left) = cloud.executions[index].left.checked_sub(1) {
                cloud.executions[index].left = left;
            }
            Ok(document)
        }
        ("POST", ["executions", name], Some("cancel")) => {
            let run = cloud.executions.iter_mut().find(|run| here(run) && run.name == *name);
            let run = run.ok_or_else(|| ApiError::not_found(format!("Resource '{name}' does not exist")))?;
            (run.left, run.ending) = (0, Ending::Cancelled);
            Ok(json!({"kind": "Status", "status": "Success"}))
        }
        _ => Err(ApiError::not_emulated(&call.method, &call.path)),
    }
}

impl Execution {
    pub(super) fn begin(cloud: &mut Cloud, job: &str, region: &str, spec: &Value, number: u64) -> Self {
        let Script { looks, ending } = cloud.execution_script.clone();
        let name = format!("{job}-x{number:04}");
        if let Ending::Failed(lines) = &ending {
            for line in lines {
                cloud.log_task(region, job, &name, line);
            }
        }
        Self {
            name,
            job: job.to_owned(),
            region: region.to_owned(),
            spec: spec["template"]["spec"].clone(),
            created: cloud.timestamp(),
            left: looks,
            ending,
        }
    }

    pub(super) fn json(&self, cloud: &Cloud) -> Value {
        let over = self.left == 0 && self.ending != Ending::Never;
        let (status, message) = match (&self.ending, over) {
            (_, false) => ("Unknown", ""),
            (Ending::Failed(_), true) => ("False", "Task failed with exit code 1."),
            (Ending::Cancelled, true) => ("False", "Execution was cancelled."),
            (_, true) => ("True", "Execution completed successfully."),
        };
        let now = cloud.timestamp();
        let condition =
            |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": now});
        let mut completed = condition("Completed", status);
        if !message.is_empty() {
            completed["message"] = json!(message);
        }
        let mut document = json!({
            "observedGeneration": 1,
            "startTime": self.created,
            "conditions": [completed, condition("ResourcesAvailable", "True"), condition("Started", "True")],
            "logUri": format!("https://console.cloud.google.com/logs/viewer?project={}&execution={}", cloud.project, self.name),
        });
        let count = match (&self.ending, over) {
            (_, false) => "runningCount",
            (Ending::Failed(_), true) => "failedCount",
            (Ending::Cancelled, true) => "cancelledCount",
            (_, true) => "succeededCount",
        };
        document[count] = json!(1);
        if over {
            document["completionTime"] = json!(now);
        }
        json!({
            "apiVersion": "run.googleapis.com/v1",
            "kind": "Execution",
            "metadata": {
                "name": self.name,
                "namespace": cloud.number,
                "uid": format!("uid-{}", self.name),
                "resourceVersion": "AAY0000000000001",
                "generation": 1,
                "creationTimestamp": self.created,
                "labels": {"run.googleapis.com/job": self.job, "cloud.googleapis.com/location": self.region},
                "annotations": {},
            },
            "spec": self.spec,
            "status": document,
        })
    }
}
