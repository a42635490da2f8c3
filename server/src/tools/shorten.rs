//! Keeps results below what hosts pass on to their models: about 150,000 characters.
//!
//! What is cut is said to be cut, and where it can be had whole: the resource of the same workflow or run.

use rmcp::model::JsonObject;
use serde_json::Value;

/// With room for the second copy's frame and the protocol around it.
const MAX_CHARS: usize = 140_000;

/// A way to make a result smaller; the next one is tried when it was not enough.
pub(super) type Cut = fn(&mut JsonObject);

/// The result as text, at most about [`MAX_CHARS`] long.
pub(super) fn fit(object: &mut JsonObject, cuts: &[Cut], whole_at: Option<String>) -> String {
    let mut text = text(object);
    if text.len() <= MAX_CHARS {
        return text;
    }
    let mut note = "This result was too long and is shortened.".to_owned();
    if let Some(uri) = whole_at {
        note = format!("{note} The resource {uri} has it whole.");
    }
    object.insert("shortened".to_owned(), note.into());
    for cut in cuts {
        cut(object);
        text = self::text(object);
        if text.len() <= MAX_CHARS {
            break;
        }
    }
    text
}

fn text(object: &JsonObject) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

/// Of a run: the findings are in the overview, page by page; then bulky outputs; then the steps.
pub(super) const RUN: &[Cut] = &[
    |run| each_step(run, |step| omit(step, "issues", "issues_omitted")),
    |run| {
        each_step(run, |step| {
            for key in ["output_values", "template_parameters_used", "template_warnings"] {
                step.remove(key);
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
                ruleset.remove("schema");
            }
            if let Some(Value::Object(ruleset)) =
                step.get_mut("validator").and_then(|v| v.get_mut("default_ruleset"))
            {
                ruleset.remove("schema");
            }
        });
    },
    |workflow| {
        workflow.remove("input_schema");
    },
    |workflow| omit(workflow, "steps", "steps_omitted"),
];

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

    #[test]
    fn a_short_result_is_left_alone_and_a_long_one_says_what_was_cut() {
        let Value::Object(mut run) = json!({ "steps": [{ "name": "a", "issues": [1] }] }) else {
            unreachable!()
        };
        assert_eq!(fit(&mut run, RUN, None), r#"{"steps":[{"name":"a","issues":[1]}]}"#);

        let issues: Vec<Value> =
            (0..10_000).map(|n| json!({ "message": format!("finding number {n}") })).collect();
        run["steps"][0]["issues"] = issues.into();
        let text = fit(&mut run, RUN, Some("validibot://runs/x".into()));
        assert!(text.len() < MAX_CHARS);
        assert_eq!(run["steps"][0]["issues_omitted"], 10_000);
        assert!(run["shortened"].as_str().is_some_and(|note| note.contains("validibot://runs/x")));
    }

    #[test]
    fn schema_texts_go_before_steps() {
        let schema = "x".repeat(MAX_CHARS);
        let Value::Object(mut workflow) = json!({ "input_schema": {}, "steps": [{ "name": "a", "ruleset": { "name": "r", "schema": schema } }] })
        else {
            unreachable!()
        };
        fit(&mut workflow, WORKFLOW, None);
        assert_eq!(workflow["steps"][0]["ruleset"], json!({ "name": "r" }));
        assert!(workflow.contains_key("input_schema"));
    }
}
