//! Keeps results below what hosts pass on to their models.
//!
//! What is cut is said to be cut, and where it can be had whole: the resource of the same workflow or run.

use rmcp::model::JsonObject;
use serde_json::Value;

/// The strictest of the hosts that were measured passed 39,300 characters on, and of more its first 2,000 alone; a note on
/// the arguments may come on top. (Bytes here, of which there are never fewer than characters.)
pub(super) const MAX_BYTES: usize = 38_000;
/// What is bounded where it is made, and what a result is of no use without.
const KEPT: [&str; 6] = ["overview", "next", "run_ref", "workflow_ref", "shortened", "note"];
/// Of a result that is too long whatever is cut: values up to here stay.
const SMALL_BYTES: usize = 200;
/// How many of them.
const MOST_KEYS: usize = 40;

/// A way to make a result smaller; the next one is tried when it was not enough.
pub(super) type Cut = fn(&mut JsonObject);

/// The result as text, at most [`MAX_BYTES`] long.
pub(super) fn fit(object: &mut JsonObject, cuts: &[Cut], whole_at: Option<String>) -> String {
    let whole = text(object);
    if whole.len() <= MAX_BYTES {
        return whole;
    }
    let mut note = "This result was too long and is shortened.".to_owned();
    if let Some(uri) = whole_at {
        note = format!("{note} The resource {uri} has it whole.");
    }
    object.insert("shortened".to_owned(), note.into());
    for cut in cuts.iter().chain(ANY) {
        cut(object);
        let text = self::text(object);
        if text.len() <= MAX_BYTES {
            return text;
        }
    }
    text(object)
}

fn text(object: &JsonObject) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

/// Of a run: the findings are in the overview, page by page; so bulky outputs first; then the steps.
pub(super) const RUN: &[Cut] = &[
    |run| {
        each_step(run, |step| {
            for key in ["output_values", "template_parameters_used", "template_warnings"] {
                step.shift_remove(key);
            }
        });
    },
    |run| omit(run, "steps", "steps_omitted"),
];

/// Of a workflow: schema texts first, which can be megabytes; then what remains of the steps.
pub(super) const WORKFLOW: &[Cut] = &[
    |workflow| {
        each_step(workflow, |step| {
            if let Some(Value::Object(ruleset)) = step.get_mut("ruleset") {
                ruleset.shift_remove("schema");
            }
            if let Some(Value::Object(ruleset)) =
                step.get_mut("validator").and_then(|v| v.get_mut("default_ruleset"))
            {
                ruleset.shift_remove("schema");
            }
        });
    },
    |workflow| {
        workflow.shift_remove("input_schema");
    },
    |workflow| omit(workflow, "steps", "steps_omitted"),
];

/// Of anything, in the end: long texts and lists, then all that is not small.
const ANY: &[Cut] = &[
    |object| {
        for (_, value) in object.iter_mut().filter(|(key, _)| !KEPT.contains(&key.as_str())) {
            trim(value, 1_000, 50);
        }
    },
    |object| {
        let mut room = MOST_KEYS;
        object.retain(|key, value| {
            let small = key.len() + value.to_string().len() <= SMALL_BYTES && room > 0;
            room -= usize::from(small);
            small || KEPT.contains(&key.as_str())
        });
    },
];

/// Cuts texts, lists and objects to a number of characters and of entries.
pub(super) fn trim(value: &mut Value, chars: usize, entries: usize) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(chars) {
                text.truncate(end);
                text.push_str(" …");
            }
        }
        Value::Array(list) => {
            list.truncate(entries);
            for value in list {
                trim(value, chars, entries);
            }
        }
        Value::Object(object) => {
            let mut room = entries;
            object.retain(|_, _| {
                let fits = room > 0;
                room = room.saturating_sub(1);
                fits
            });
            for value in object.values_mut() {
                trim(value, chars, entries);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn each_step(object: &mut JsonObject, mut change: impl FnMut(&mut JsonObject)) {
    let Some(Value::Array(steps)) = object.get_mut("steps") else { return };
    steps.iter_mut().filter_map(Value::as_object_mut).for_each(&mut change);
}

/// Replaces a list by an empty one and says how long it was.
fn omit(object: &mut JsonObject, key: &str, count_key: &str) {
    if let Some(Value::Array(list)) = object.get_mut(key) {
        let count = list.len();
        list.clear();
        object.insert(count_key.to_owned(), count.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::testing::object;

    #[test]
    fn a_short_result_is_left_alone_and_a_long_one_says_what_was_cut() {
        let mut run = object(json!({ "steps": [{ "name": "a", "output_values": [1] }] }));
        assert_eq!(fit(&mut run, RUN, None), r#"{"steps":[{"name":"a","output_values":[1]}]}"#);

        let values: Vec<Value> =
            (0..10_000).map(|n| json!({ "slug": format!("value number {n}") })).collect();
        run["steps"][0]["output_values"] = values.into();
        let text = fit(&mut run, RUN, Some("validibot://runs/x.json".into()));
        assert!(text.len() <= MAX_BYTES);
        assert_eq!(run["steps"], json!([{ "name": "a" }]));
        assert!(run["shortened"].as_str().is_some_and(|note| note.contains("validibot://runs/x.json")));
    }

    #[test]
    fn schema_texts_go_before_steps() {
        let schema = "x".repeat(MAX_BYTES);
        let mut workflow = object(json!({
            "input_schema": {}, "steps": [{ "name": "a", "ruleset": { "name": "r", "schema": schema } }],
        }));
        fit(&mut workflow, WORKFLOW, None);
        assert_eq!(workflow["steps"][0]["ruleset"], json!({ "name": "r" }));
        assert!(workflow.contains_key("input_schema"));
    }

    #[test]
    fn whatever_is_long_the_result_is_not_and_leads_on() {
        let long = "ü".repeat(MAX_BYTES);
        let keys: JsonObject = (0..5_000).map(|n| (format!("key{n}"), json!(n))).collect();
        let list: Vec<Value> = (0..1_000).map(|n| json!([n, "a text in a list of lists"])).collect();
        for odd in [
            json!(long),
            json!(list),
            Value::Object(keys.clone()),
            json!(vec![vec!["x".repeat(500); 20]; 20]),
        ] {
            let mut workflow =
                object(json!({ "name": "a", "description": odd, "next": { "tool": "validate_file" } }));
            let text = fit(&mut workflow, WORKFLOW, None);
            assert!(text.len() <= MAX_BYTES, "{} bytes", text.len());
            assert_eq!(
                (&workflow["name"], &workflow["next"]["tool"]),
                (&json!("a"), &json!("validate_file"))
            );
        }
        let mut many = keys;
        many.insert("overview".into(), json!({ "run_ref": "run_x" }));
        assert!(fit(&mut many, RUN, None).len() <= MAX_BYTES);
        assert!(many.contains_key("overview"));
    }
}
