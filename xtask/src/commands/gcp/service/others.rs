//! What a live template has that our own fields would not write.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Spec;
use super::keyed::{SERVER, keyed};
use super::template::own_template;
use super::value::text;

/// What a live template has and these fields would not write, by the name of the setting.
pub(super) fn others(fields: &Spec, template: &Value) -> BTreeMap<String, String> {
    let live = keyed(template);
    let ours = keyed(&own_template(fields, "", &live));
    let mut others = BTreeMap::new();
    left_over(&live, &ours, &mut Vec::new(), &mut others);
    others
}

fn left_over<'v>(
    live: &'v Value,
    ours: &Value,
    path: &mut Vec<&'v str>,
    into: &mut BTreeMap<String, String>,
) {
    let (Some(live), Some(ours)) = (live.as_object(), ours.as_object()) else {
        if live != ours {
            into.insert(title(path), text(live));
        }
        return;
    };
    for (name, value) in live {
        path.push(name);
        match ours.get(name) {
            Some(ours) => left_over(value, ours, path, into),
            None => {
                into.insert(title(path), text(value));
            }
        }
        path.pop();
    }
}

/// The name of a setting, for people.
fn title(path: &[&str]) -> String {
    let of = |what: &str, rest: &[&str]| format!("{what} {}", rest.join(".")).trim_end().to_owned();
    match path {
        ["metadata", "annotations", rest @ ..] => of("annotation", rest),
        ["metadata", "labels", rest @ ..] => of("label", rest),
        ["spec", "containers", SERVER, "env", rest @ ..] => of("env", rest),
        ["spec", "containers", SERVER, "volumeMounts", rest @ ..] => of("volume at", rest),
        ["spec", "containers", SERVER, rest @ ..] => of("container", rest),
        ["spec", "containers", name, rest @ ..] => of(&format!("container {name}"), rest),
        ["spec", "volumes", rest @ ..] => of("volume", rest),
        ["spec", rest @ ..] => of("revision", rest),
        rest => of("template", rest),
    }
}
