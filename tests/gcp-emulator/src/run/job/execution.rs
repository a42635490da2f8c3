//! Executions of jobs: run by the engine, or each ends as the project was told, after it has been looked at a number of times.

use std::time::Duration;

use serde_json::{Value, json};

use super::document;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::engine::Task;
use crate::error::{Answer, ApiError};
use crate::run::condition;
use crate::run::template::container;

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
    /// What its condition says where it has failed.
    failure: String,
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

    /// A task that an engine runs has ended; one that was cancelled meanwhile stays so.
    pub(crate) fn end_execution(&mut self, region: &str, name: &str, outcome: Result<(), String>) {
        let mut runs = self.executions.iter_mut().filter(|run| run.region == region && run.name == name);
        if let Some(run) = runs.find(|run| run.ending == Ending::Never) {
            run.end(outcome);
        }
    }

    /// What an execution's task wrote, the oldest line first.
    pub fn lines_of(&self, execution: &str) -> Vec<String> {
        let of = |entry: &&Value| entry["labels"]["run.googleapis.com/execution_name"] == execution;
        let lines = self.logs.iter().filter(of).filter_map(|entry| entry["textPayload"].as_str());
        lines.map(str::to_owned).collect()
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
            Ok(crate::run::list("ExecutionList", &items))
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
            cloud.engine().stop(name);
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
        let mut run = Self {
            name,
            job: job.to_owned(),
            region: region.to_owned(),
            spec: spec["template"]["spec"].clone(),
            created: cloud.timestamp(),
            left: looks,
            ending,
            failure: "Task failed with exit code 1.".to_owned(),
        };
        if cloud.engine().executes() {
            (run.left, run.ending) = (0, Ending::Never);
            let timeout = &run.spec["template"]["spec"]["timeoutSeconds"];
            let timeout = timeout.as_str().and_then(|text| text.parse().ok()).or_else(|| timeout.as_u64());
            match run.task(cloud, Duration::from_secs(timeout.unwrap_or_default())) {
                Ok(task) => cloud.tasks.push(task),
                Err(why) => run.end(Err(why)),
            }
        }
        run
    }

    fn end(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.ending = Ending::Succeeded,
            Err(why) => (self.ending, self.failure) = (Ending::Failed(Vec::new()), why),
        }
    }

    pub(super) fn json(&self, cloud: &Cloud) -> Value {
        let over = self.left == 0 && self.ending != Ending::Never;
        let (status, count, message) = match (&self.ending, over) {
            (_, false) => ("Unknown", "runningCount", ""),
            (Ending::Failed(_), true) => ("False", "failedCount", self.failure.as_str()),
            (Ending::Cancelled, true) => ("False", "cancelledCount", "Execution was cancelled."),
            (_, true) => ("True", "succeededCount", "Execution completed successfully."),
        };
        let now = cloud.timestamp();
        let condition = |kind: &str, status: &str, message: &str| condition(kind, status, message, &now);
        let mut state = json!({
            "observedGeneration": 1,
            "startTime": self.created,
            "conditions": [
                condition("Completed", status, message),
                condition("ResourcesAvailable", "True", ""),
                condition("Started", "True", ""),
            ],
            "logUri": format!("https://console.cloud.google.com/logs/viewer?project={}&execution={}", cloud.project, self.name),
        });
        state[count] = json!(1);
        if over {
            state["completionTime"] = json!(now);
        }
        let metadata = json!({
            "name": self.name,
            "uid": format!("uid-{}", self.name),
            "resourceVersion": "AAY0000000000001",
            "generation": 1,
            "creationTimestamp": self.created,
            "labels": {"run.googleapis.com/job": self.job, "cloud.googleapis.com/location": self.region},
            "annotations": {},
        });
        document(cloud, "Execution", metadata, &self.spec, &state)
    }

    /// What an engine runs.
    fn task(&self, cloud: &Cloud, timeout: Duration) -> Result<Task, String> {
        let spec = &self.spec["template"]["spec"];
        let words = |field: &str| {
            let words = spec["containers"][0][field].as_array().into_iter().flatten();
            words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        Ok(Task {
            execution: self.name.clone(),
            job: self.job.clone(),
            region: self.region.clone(),
            container: container(cloud, spec)?,
            command: words("command"),
            args: words("args"),
            timeout,
        })
    }
}
