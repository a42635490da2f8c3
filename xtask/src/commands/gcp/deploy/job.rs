//! Jobs that run once and end: what one is to be, what is there, and an execution followed to its end.

mod execution;
mod run;

pub(in crate::commands::gcp) use execution::{End, Execution};
pub(super) use run::{Step, run, step};

use std::collections::BTreeMap;

use serde_json::Value;

use crate::commands::gcp::service::whole_cpu;

/// The folder and the file that a secret is mounted as.
pub(super) const FOLDER: &str = "/secrets";
pub(super) const FILE: &str = ".env";

/// What a job has that does not say how often it tries again (Cloud Run's v1 reference, `TaskSpec.maxRetries`).
const RETRIES: u32 = 3;

/// A job that is there.
#[derive(Debug, Clone)]
pub(in crate::commands::gcp) struct LiveJob {
    document: Value,
}

impl LiveJob {
    /// Reads `gcloud run jobs describe --format=json`.
    pub(in crate::commands::gcp) fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        (document["kind"] == "Job").then_some(Self { document })
    }

    /// What it is, field by field.
    pub(in crate::commands::gcp) fn fields(&self) -> BTreeMap<String, String> {
        fields(&self.document)
    }
}

/// What a job's document says, field by field; of what Cloud Run adds by itself, nothing.
pub(in crate::commands::gcp) fn fields(document: &Value) -> BTreeMap<String, String> {
    let template = &document["spec"]["template"];
    let mut fields = task_fields(&template["spec"]);
    let annotations = template["metadata"]["annotations"].as_object();
    let ours = |name: &str| !name.starts_with("run.googleapis.com/client-");
    for (name, value) in annotations.into_iter().flatten().filter(|(name, _)| ours(name)) {
        fields.insert(name.rsplit('/').next().unwrap_or(name).to_owned(), word(value));
    }
    fields
}

/// What a task does and with what: the same for a job and for its executions.
fn task_fields(spec: &Value) -> BTreeMap<String, String> {
    let task = &spec["template"]["spec"];
    let container = &task["containers"][0];
    let mut fields = BTreeMap::new();
    let mut set = |name: &str, value: &Value| {
        if !value.is_null() {
            fields.insert(name.to_owned(), word(value));
        }
    };
    set("image", &container["image"]);
    set("command", &container["command"]);
    set("args", &container["args"]);
    set("memory", &container["resources"]["limits"]["memory"]);
    let cpu = container["resources"]["limits"]["cpu"].as_str().map(whole_cpu);
    set("cpu", &cpu.map_or(Value::Null, Value::from));
    set("tasks", &spec["taskCount"]);
    set("parallelism", &spec["parallelism"]);
    let default = Value::from(RETRIES);
    set("retries", if task["maxRetries"].is_null() { &default } else { &task["maxRetries"] });
    set("timeout", &task["timeoutSeconds"]);
    set("service account", &task["serviceAccountName"]);
    for entry in list(&container["env"]) {
        set(&format!("env {}", word(&entry["name"])), &entry["value"]);
    }
    for mount in list(&container["volumeMounts"]) {
        let volume = list(&task["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let secret = volume.map_or(&Value::Null, |volume| &volume["secret"]);
        for item in list(&secret["items"]) {
            let place = format!("secret at {}/{}", word(&mount["mountPath"]), word(&item["path"]));
            let value = format!("{} version {}", word(&secret["secretName"]), word(&item["key"]));
            fields.insert(place, value);
        }
    }
    fields
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}
