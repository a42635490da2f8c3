//! What is wanted, laid over what is there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::annotation::{MAX_SCALE, MIN_SCALE, NETWORK};
use super::keyed::PROBES;

/// How a probe asks: it is one of them.
const HANDLERS: [&str; 4] = ["httpGet", "tcpSocket", "grpc", "exec"];

/// What is in a volume: one of them.
const SOURCES: [&str; 5] = ["secret", "emptyDir", "csi", "nfs", "configMap"];

/// The other way into a network; Cloud Run takes one of the two.
const CONNECTOR: &str = "run.googleapis.com/vpc-access-connector";

/// Two keyed templates: `own` wins, and what it says nothing about stays. Variables of `unset` do not.
pub(super) fn overlay(own: &Value, live: &Value, unset: &BTreeSet<String>) -> Value {
    over(own, live, &mut Vec::new(), unset)
}

fn over<'v>(own: &Value, live: &'v Value, path: &mut Vec<&'v str>, unset: &BTreeSet<String>) -> Value {
    let (Some(own_members), Some(live_members)) = (own.as_object(), live.as_object()) else {
        return own.clone();
    };
    // Versions and paths of another secret are none of this one.
    if matches!(path[..], ["spec", "volumes", _, "secret"]) && own["secretName"] != live["secretName"] {
        return own.clone();
    }
    let mut both = own_members.clone();
    for (name, value) in live_members {
        path.push(name);
        match own_members.get(name) {
            Some(own) => {
                both.insert(name.clone(), over(own, value, path, unset));
            }
            None if gives_way(path, own_members, unset) => {}
            None => {
                both.insert(name.clone(), value.clone());
            }
        }
        path.pop();
    }
    Value::Object(both)
}

/// Whether what is there and not wanted has to go: its absence is wanted, or it cannot stand beside what is.
fn gives_way(path: &[&str], own: &Map<String, Value>, unset: &BTreeSet<String>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| own.contains_key(*name));
    match path {
        ["metadata", "annotations", name] => {
            // Bounds are stated as a pair, and the least of them by its absence.
            [MIN_SCALE, MAX_SCALE].contains(name) || *name == CONNECTOR && has(&[NETWORK])
        }
        ["spec", "containers", _, "env", name] => unset.contains(*name),
        ["spec", "containers", _, "env", _, "valueFrom"] => has(&["value"]),
        ["spec", "containers", _, probe, name] if PROBES.contains(probe) => {
            HANDLERS.contains(name) && has(&HANDLERS)
        }
        ["spec", "volumes", _, name] => SOURCES.contains(name) && has(&SOURCES),
        _ => false,
    }
}
