//! A revision's template in a form in which two of them can be laid over each other: what is a list there is an object here,
//! by what its items are known by, and what Cloud Run fills in by itself is left out.

use serde_json::{Map, Value, json};

use super::annotation::{CPU_BOOST, NETWORK};
use super::noise::{is_noise, is_noisy_label};
use super::value::whole_cpu;

/// The key of the container that takes the requests, whatever its name; others are known by their names.
pub(super) const SERVER: &str = "";

/// A container's questions to itself.
pub(super) const PROBES: [&str; 3] = ["startupProbe", "livenessProbe", "readinessProbe"];

/// Which container takes the requests: the one with a port (of several, no other may have one), else the first.
pub(crate) fn server(spec: &Value) -> &Value {
    let containers = list(&spec["containers"]);
    containers
        .iter()
        .find(|container| !list(&container["ports"]).is_empty())
        .unwrap_or(&spec["containers"][0])
}

/// The template, keyed. Its name is the revision's, and is left out.
pub(super) fn keyed(template: &Value) -> Value {
    let server = server(&template["spec"]).clone();
    let mut keyed = pruned(template);
    if let Some(metadata) = keyed["metadata"].as_object_mut() {
        metadata.remove("name");
    }
    if let Some(annotations) = members_of(&mut keyed, &["metadata", "annotations"]) {
        annotations.retain(|name, _| !is_noise(name));
        for (name, value) in annotations.iter_mut() {
            if let Some(text) = value.as_str() {
                *value = annotation(name, text);
            }
        }
    }
    if let Some(labels) = members_of(&mut keyed, &["metadata", "labels"]) {
        labels.retain(|name, _| !is_noisy_label(name));
    }
    let Some(spec) = members_of(&mut keyed, &["spec"]) else { return keyed };
    if let Some(Value::Array(containers)) = spec.get("containers") {
        let server = pruned(&server);
        let named = containers.iter().enumerate().map(|(index, container)| {
            let name = match container["name"].as_str() {
                _ if *container == server => SERVER.to_owned(),
                Some(name) => name.to_owned(),
                None => format!("number {}", index + 1),
            };
            (name, self::container(container))
        });
        let named: Map<_, _> = named.collect();
        spec.insert("containers".to_owned(), Value::Object(named));
    }
    by(spec, "volumes", "name");
    for volume in spec.get_mut("volumes").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        if let Some(secret) = members_of(volume, &["secret"]) {
            by(secret, "items", "path");
        }
    }
    keyed
}

/// The template of a keyed one, without a name.
pub(super) fn listed(keyed: &Value) -> Value {
    let mut template = keyed.clone();
    if let Some(annotations) = members_of(&mut template, &["metadata", "annotations"])
        && let Some(network) = annotations.get_mut(NETWORK).filter(|network| network.is_object())
    {
        *network = json!(json!([network]).to_string());
    }
    let Some(spec) = members_of(&mut template, &["spec"]) else { return template };
    for volume in spec.get_mut("volumes").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        if let Some(secret) = members_of(volume, &["secret"]) {
            values(secret, "items");
        }
    }
    values(spec, "volumes");
    let containers = spec.get_mut("containers").and_then(Value::as_object_mut);
    for container in containers.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        values(container, "env");
        values(container, "volumeMounts");
        if let Some(port) = container.get_mut("ports").filter(|port| port.is_object()) {
            *port = json!([port]);
        }
    }
    values(spec, "containers");
    template
}

fn container(container: &Value) -> Value {
    let mut keyed = container.clone();
    let Some(own) = keyed.as_object_mut() else { return keyed };
    by(own, "env", "name");
    by(own, "volumeMounts", "mountPath");
    if let Some([port]) = own.get("ports").map(list) {
        let mut port = port.clone();
        drop_default(&mut port, "name", &json!("http1"));
        drop_default(&mut port, "protocol", &json!("TCP"));
        own.insert("ports".to_owned(), port);
    }
    if let Some(cpu) = container["resources"]["limits"]["cpu"].as_str() {
        keyed["resources"]["limits"]["cpu"] = json!(whole_cpu(cpu));
    }
    let port = keyed["ports"]["containerPort"].clone();
    for name in PROBES {
        let Some(probe) = keyed.get_mut(name) else { continue };
        drop_default(probe, "successThreshold", &json!(1));
        if let Some(get) = probe.get_mut("httpGet") {
            drop_default(get, "scheme", &json!("HTTP"));
        }
        if name == PROBES[0] && is_cloud_runs_own(probe, &port) {
            keyed.as_object_mut().map(|own| own.remove(name));
        }
    }
    keyed
}

/// The startup probe that Cloud Run writes down where nobody has asked for any: one connection within 240 seconds
/// (<https://cloud.google.com/run/docs/configuring/healthchecks>, its defaults).
fn is_cloud_runs_own(probe: &Value, port: &Value) -> bool {
    let usual = |name: &str, value: &Value| match name {
        "tcpSocket" => value["port"].is_null() || port.is_null() || value["port"] == *port,
        "periodSeconds" | "timeoutSeconds" => *value == 240,
        "failureThreshold" => *value == 1,
        "initialDelaySeconds" => *value == 0,
        _ => false,
    };
    probe["tcpSocket"].is_object()
        && probe.as_object().is_some_and(|probe| probe.iter().all(|(name, value)| usual(name, value)))
}

/// gcloud writes `True` where others write `true` (seen with gcloud 528), and a network as the text of a list.
fn annotation(name: &str, text: &str) -> Value {
    match name {
        CPU_BOOST => json!(text.to_ascii_lowercase()),
        NETWORK => match serde_json::from_str::<Vec<Value>>(text).as_deref() {
            Ok([one]) if one.is_object() => one.clone(),
            _ => json!(text),
        },
        _ => json!(text),
    }
}

fn drop_default(object: &mut Value, name: &str, default: &Value) {
    if let Some(object) = object.as_object_mut().filter(|object| object.get(name) == Some(default)) {
        object.remove(name);
    }
}

/// Makes a list an object by this field of its items, where each has one of its own.
fn by(parent: &mut Map<String, Value>, name: &str, field: &str) {
    let Some(Value::Array(items)) = parent.get(name) else { return };
    let keyed: Option<Map<String, Value>> =
        items.iter().map(|item| Some((item[field].as_str()?.to_owned(), item.clone()))).collect();
    if let Some(keyed) = keyed.filter(|keyed| keyed.len() == items.len()) {
        parent.insert(name.to_owned(), Value::Object(keyed));
    }
}

fn values(parent: &mut Map<String, Value>, name: &str) {
    if let Some(Value::Object(keyed)) = parent.get(name) {
        let items = keyed.values().cloned().collect();
        parent.insert(name.to_owned(), Value::Array(items));
    }
}

/// Without what says nothing: `null`, and the empty values that gcloud writes of its own (`name`, `requests`,
/// `nodeSelector`). In a volume an empty object says which kind it is.
fn pruned(value: &Value) -> Value {
    let says_nothing = |name: &str, value: &Value| match value {
        Value::Null => true,
        Value::String(text) => name == "name" && text.is_empty(),
        Value::Object(object) => name != "emptyDir" && object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(object) => {
            let kept = object.iter().map(|(name, value)| (name.clone(), pruned(value)));
            Value::Object(kept.filter(|(name, value)| !says_nothing(name, value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(pruned).collect()),
        other => other.clone(),
    }
}

fn members_of<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Map<String, Value>> {
    path.iter().try_fold(value, |value, name| value.get_mut(name))?.as_object_mut()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
