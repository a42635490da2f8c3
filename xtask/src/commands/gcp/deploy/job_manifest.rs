//! The document that a job is written as.

use serde_json::{Value, json};

use super::images::Built;
use super::job::{FILE, FOLDER};
use crate::commands::gcp::state::State;
use crate::config::fleet::resolved::Job;

/// The document that a job is written as.
///
/// No retries: Cloud Run's own default is three, and a migration that has failed half-way is to be looked at.
pub(super) fn manifest(job: &Job, image: &Built, state: &State) -> Value {
    let container = &job.container;
    let mut annotations = json!({ "run.googleapis.com/execution-environment": "gen2" });
    let database = container.database.as_ref().and_then(|name| state.databases.get(name));
    if let Some(database) = database {
        annotations["run.googleapis.com/cloudsql-instances"] = json!(database.connection);
        if let Some(network) = container.network.as_ref().filter(|_| database.private) {
            let interfaces = json!([{"network": network.name, "subnetwork": network.subnet}]);
            annotations["run.googleapis.com/network-interfaces"] = json!(interfaces.to_string());
            annotations["run.googleapis.com/vpc-access-egress"] = json!(network.egress);
        }
    }
    let mut limits = json!({ "memory": container.memory });
    if let Some(cpu) = &container.cpu {
        limits["cpu"] = json!(cpu);
    }
    let secret = &container.secret.name;
    let version = state.version(secret);
    let env = image.env(container).into_iter().map(|(name, value)| json!({"name": name, "value": value}));
    let env: Vec<Value> = env.collect();
    let (program, flags) =
        job.command.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
    let mut args: Vec<String> = flags.to_vec();
    args.push(job.script.join(" && "));
    let task = json!({
        "maxRetries": 0,
        "timeoutSeconds": container.timeout.to_string(),
        "serviceAccountName": container.account,
        "volumes": [{"name": "secret-0", "secret": {
            "secretName": secret,
            "items": [{"key": version.to_string(), "path": FILE}],
        }}],
        "containers": [{
            "image": image.reference(),
            "command": [program],
            "args": args,
            "env": env,
            "resources": {"limits": limits},
            "volumeMounts": [{"name": "secret-0", "mountPath": FOLDER}],
        }],
    });
    json!({
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Job",
        "metadata": { "name": container.name },
        "spec": { "template": {
            "metadata": { "annotations": annotations },
            "spec": { "taskCount": 1, "parallelism": 1, "template": { "spec": task } },
        }},
    })
}
