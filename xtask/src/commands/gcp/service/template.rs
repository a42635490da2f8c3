//! The template of a revision, as our own fields say it.

use serde_json::{Map, Value, json};

use super::annotation::{CLOUD_SQL, CPU_BOOST, EGRESS, EXECUTION, MAX_SCALE, MIN_SCALE, NETWORK};
use super::keyed::SERVER;
use super::{Mount, Probe, Spec};

/// What the fields say. Volumes have the names that they have in the keyed template that is there.
pub(super) fn own_template(spec: &Spec, revision: &str, live: &Value) -> Value {
    let env: Vec<Value> =
        spec.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut limits = json!({ "memory": spec.memory });
    if let Some(cpu) = &spec.cpu {
        limits["cpu"] = json!(cpu);
    }
    let mut container = json!({
        "image": spec.image,
        "ports": [{ "containerPort": spec.port }],
        "env": env,
        "resources": { "limits": limits },
    });
    for (name, wanted) in [("startupProbe", &spec.startup), ("livenessProbe", &spec.liveness)] {
        if let Some(wanted) = wanted {
            container[name] = probe(wanted, spec.port);
        }
    }
    let mut inner = json!({
        "timeoutSeconds": spec.timeout,
        "containerConcurrency": spec.concurrency,
        "serviceAccountName": spec.account,
    });
    if !spec.secrets.is_empty() {
        let (mounts, volumes) = volumes(&spec.secrets, &live["spec"]);
        container["volumeMounts"] = mounts.into();
        inner["volumes"] = volumes.into();
    }
    inner["containers"] = json!([container]);
    json!({
        "metadata": { "name": revision, "labels": spec.labels, "annotations": template_annotations(spec) },
        "spec": inner,
    })
}

/// The mounts of secrets and their volumes: one for each folder, of one secret.
fn volumes(secrets: &[Mount], live: &Value) -> (Vec<Value>, Vec<Value>) {
    let mut mounts: Vec<Value> = Vec::new();
    let mut volumes: Vec<Value> = Vec::new();
    for secret in secrets {
        let item = json!({"key": secret.version, "path": secret.file});
        let known = mounts.iter().find(|mount| mount["mountPath"] == secret.folder.as_str());
        let name = known.map_or_else(
            || volume_name(&secret.folder, volumes.len(), live),
            |mount| mount["name"].as_str().unwrap_or_default().to_owned(),
        );
        if known.is_none() {
            mounts.push(json!({"name": name, "mountPath": secret.folder}));
        }
        let Some(volume) = volumes.iter_mut().find(|volume| volume["name"] == name.as_str()) else {
            let secret = json!({"secretName": secret.secret, "items": [item]});
            volumes.push(json!({"name": name, "secret": secret}));
            continue;
        };
        if let Some(items) = volume["secret"]["items"].as_array_mut().filter(|items| !items.contains(&item)) {
            items.push(item);
        }
    }
    (mounts, volumes)
}

/// The name of the secret's volume that is mounted there, or one that no other volume has.
fn volume_name(folder: &str, index: usize, live: &Value) -> String {
    let mounted = live["containers"][SERVER]["volumeMounts"][folder]["name"].as_str();
    if let Some(name) = mounted.filter(|name| live["volumes"][*name]["secret"].is_object()) {
        return name.to_owned();
    }
    let mut names = (index..).map(|index| format!("secret-{index}"));
    names.find(|name| live["volumes"][name.as_str()].is_null()).unwrap_or_default()
}

fn template_annotations(spec: &Spec) -> Map<String, Value> {
    let mut annotations = Map::new();
    let mut set = |name: &str, value: String| annotations.insert(name.to_owned(), json!(value));
    // `default` is how a service is read that leaves it to Cloud Run; written, it would be refused.
    if spec.execution != "default" {
        set(EXECUTION, spec.execution.clone());
    }
    set(CPU_BOOST, spec.cpu_boost.to_string());
    if spec.scaling.min > 0 {
        set(MIN_SCALE, spec.scaling.min.to_string());
    }
    if let Some(max) = spec.scaling.max {
        set(MAX_SCALE, max.to_string());
    }
    if !spec.cloud_sql.is_empty() {
        set(CLOUD_SQL, spec.cloud_sql.join(","));
    }
    if let Some(network) = &spec.network {
        set(NETWORK, json!([{"network": network.name, "subnetwork": network.subnetwork}]).to_string());
        set(EGRESS, network.egress.clone());
    }
    annotations
}

fn probe(probe: &Probe, port: u16) -> Value {
    json!({
        "httpGet": { "path": probe.path, "port": port },
        "initialDelaySeconds": probe.delay,
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    })
}
