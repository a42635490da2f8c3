//! One execution, as gcloud shows it.

use serde_json::Value;

use super::{list, task_fields};

/// An execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::gcp) struct Execution {
    pub(in crate::commands::gcp) name: String,
    pub(in crate::commands::gcp) end: End,
    /// What it runs: the image, the command and its arguments.
    runs: Vec<Option<String>>,
}

/// How far an execution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::gcp) enum End {
    /// It goes on.
    Running,
    /// Every task has succeeded.
    Succeeded,
    /// It has failed, or somebody has cancelled it.
    Failed(String),
}

impl Execution {
    /// Reads `executions describe --format=json`.
    pub(in crate::commands::gcp) fn parse(text: &str) -> Option<Self> {
        Self::of(&serde_json::from_str(text).ok()?)
    }

    /// Reads `executions list --limit=1 --format=json`: at most one.
    pub(in crate::commands::gcp) fn parse_list(text: &str) -> Option<Vec<Self>> {
        let listed: Vec<Value> = serde_json::from_str(text).ok()?;
        listed.iter().map(Self::of).collect()
    }

    fn of(document: &Value) -> Option<Self> {
        let status = &document["status"];
        let completed = list(&status["conditions"]).find(|condition| condition["type"] == "Completed");
        let said = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
        let end = match completed.map(|condition| (condition["status"].as_str(), said(condition))) {
            Some((Some("True"), _)) => End::Succeeded,
            Some((Some("False"), message)) if status["cancelledCount"].as_u64() > Some(0) => {
                End::Failed(format!("somebody cancelled it. {message}"))
            }
            Some((Some("False"), message)) => End::Failed(message),
            _ => End::Running,
        };
        Some(Self {
            name: document["metadata"]["name"].as_str()?.to_owned(),
            end,
            runs: what_runs(&document["spec"]),
        })
    }

    /// Whether it runs, or has run, what this job's document asks for.
    pub(in crate::commands::gcp) fn is_of(&self, document: &Value) -> bool {
        self.runs == what_runs(&document["spec"]["template"]["spec"])
    }
}

/// Not the secret's version or the limits: they change how it runs, not what it does to the database.
fn what_runs(spec: &Value) -> Vec<Option<String>> {
    let fields = task_fields(spec);
    ["image", "command", "args"].into_iter().map(|name| fields.get(name).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn execution(status: &Value) -> Execution {
        let spec = json!({"template": {"spec": {"containers": [{"image": "r/a@sha256:1"}]}}});
        let document = json!({"metadata": {"name": "m-1"}, "spec": spec, "status": status});
        Execution::parse(&document.to_string()).unwrap()
    }

    #[test]
    fn only_what_has_ended_has_an_end() {
        let completed =
            |status: &str| json!({"conditions": [{"type": "Completed", "status": status, "message": "m"}]});
        assert_eq!(execution(&json!({})).end, End::Running);
        assert_eq!(execution(&completed("Unknown")).end, End::Running);
        assert_eq!(execution(&completed("True")).end, End::Succeeded);
        assert_eq!(execution(&completed("False")).end, End::Failed("m".into()));
        let mut cancelled = completed("False");
        cancelled["cancelledCount"] = json!(1);
        assert_eq!(execution(&cancelled).end, End::Failed("somebody cancelled it. m".into()));
        assert_eq!(Execution::parse_list("[]"), Some(Vec::new()));
        assert_eq!(Execution::parse_list("{}"), None);
    }

    #[test]
    fn an_execution_of_another_image_is_no_migration_of_this_one() {
        let job = |image: &str| json!({"spec": {"template": {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}}});
        let run = execution(&json!({}));
        assert!(run.is_of(&job("r/a@sha256:1")) && !run.is_of(&job("r/a@sha256:2")));
    }
}
