//! A workflow's definition as an agent reads it: each schema once, and the call that fits what the workflow takes.

use serde_json::{Value, json};

use crate::base::json as json_of_others;
use crate::validibot::{Members, Structured};

/// Takes a schema that stands in `input_schema` already out of the steps, where it is a text with escapes. Half of what some
/// definitions take is that.
pub(super) fn once(workflow: &mut Members) {
    let written = |key: &str| workflow.get(key).map(Structured::text).unwrap_or_default();
    if !written("steps").contains(r#""schema":""#) || !written("input_schema").starts_with('{') {
        return;
    }
    let Some(input) = workflow.tree_mut("input_schema").cloned() else { return };
    // The text of a schema is its author's: what has more structure than this one is another one, and is not read.
    let nodes = json_of_others::nodes(input.to_string().as_bytes());
    let Some(Value::Array(steps)) = workflow.tree_mut("steps") else { return };
    for step in steps {
        for ruleset in [["ruleset"].as_slice(), &["validator", "default_ruleset"]] {
            let found = ruleset.iter().try_fold(&mut *step, |value, key| value.get_mut(*key));
            let Some(Value::Object(ruleset)) = found else { continue };
            let same = ruleset
                .get("schema")
                .and_then(Value::as_str)
                .and_then(|text| json_of_others::read::<Value>(text.as_bytes(), nodes).ok())
                .is_some_and(|schema| schema == input);
            if let Some(schema) = ruleset.get_mut("schema").filter(|_| same) {
                *schema = "(input_schema, above)".into();
            }
        }
    }
}

/// The call to make with this workflow; none where it checks nothing. `uploads`: whether there are tickets.
pub(super) fn next(workflow: &Members, steps: usize, uploads: bool) -> Option<Value> {
    if steps == 0 && workflow.get("steps").is_some() {
        return None;
    }
    let reference = workflow.tree("workflow_ref").cloned().unwrap_or_default();
    let types =
        workflow.tree("allowed_file_types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let no_text = |name: &str| ["binary", "pdf"].iter().any(|kind| name.eq_ignore_ascii_case(kind));
    let binary = !types.is_empty() && types.iter().all(|name| name.as_str().is_some_and(no_text));
    let (tool, content) = match (binary, uploads) {
        (true, true) => ("prepare_upload", None),
        (true, false) => ("validate_file", Some("file_content")),
        (false, _) => ("validate_file", Some("text or file_content")),
    };
    let fill_in: Vec<&str> = std::iter::once("file_name").chain(content).collect();
    Some(json!({ "tool": tool, "arguments": { "workflow_ref": reference }, "fill_in": fill_in }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: Value) -> Members {
        crate::base::testing::object(value).into()
    }

    #[test]
    fn a_schema_stands_once_and_another_one_stays() {
        let schema = json!({ "type": "object", "minimum": 1.5 });
        let other = json!({ "type": "array" }).to_string();
        let steps = json!([
            { "ruleset": { "name": "r", "schema": r#"{"minimum": 1.5, "type": "object"}"# } },
            { "ruleset": null, "validator": { "default_ruleset": { "schema": schema.to_string() } } },
            { "ruleset": { "schema": other } },
            { "ruleset": { "schema": "<xs:schema/>" } },
            { "ruleset": { "schema": null } },
        ]);
        let mut workflow = members(json!({ "steps": steps, "input_schema": schema }));
        once(&mut workflow);
        let workflow = workflow.into_tree();
        let steps = &workflow["steps"];
        for place in [&steps[0]["ruleset"], &steps[1]["validator"]["default_ruleset"]] {
            assert!(place["schema"].as_str().is_some_and(|text| text.contains("input_schema")), "{place}");
        }
        assert_eq!(steps[2]["ruleset"]["schema"], other);
        assert_eq!(steps[3]["ruleset"]["schema"], "<xs:schema/>");
        assert_eq!(workflow["input_schema"], schema);
        let text = json!({ "$serde_json::private::RawValue": schema.to_string() }).to_string();
        let steps = json!([{ "ruleset": { "schema": text } }]);
        let mut workflow = members(json!({ "steps": steps, "input_schema": schema }));
        once(&mut workflow);
        let workflow = workflow.into_tree();
        assert_eq!(workflow["steps"], steps, "a text in a text is not read");
        let alone = json!({ "steps": [{ "ruleset": { "schema": "{}" } }], "input_schema": null });
        let mut workflow = members(alone.clone());
        once(&mut workflow);
        let workflow = workflow.into_tree();
        assert_eq!(Value::Object(workflow), alone, "the one place that has it");
    }

    #[test]
    fn the_next_call_is_one_that_the_workflow_takes() {
        let tool = |types: Value, steps, uploads| {
            let workflow =
                members(json!({ "workflow_ref": "wf_x", "allowed_file_types": types, "steps": [] }));
            next(&workflow, steps, uploads)
        };
        let named = |next: Option<Value>| next.map(|next| next["tool"].clone());
        assert_eq!(named(tool(json!(["json"]), 1, true)), Some(json!("validate_file")));
        assert_eq!(named(tool(json!(["binary", "json"]), 1, true)), Some(json!("validate_file")));
        assert_eq!(named(tool(json!(["BINARY"]), 1, true)), Some(json!("prepare_upload")));
        assert_eq!(named(tool(json!(["pdf"]), 1, true)), Some(json!("prepare_upload")), "a PDF is no text");
        let without = tool(json!(["binary"]), 1, false).expect("a call");
        assert_eq!(
            (&without["tool"], &without["fill_in"][1]),
            (&json!("validate_file"), &json!("file_content"))
        );
        assert_eq!(tool(json!(["json"]), 0, true), None);
        assert!(
            next(&members(json!({ "workflow_ref": "wf_x" })), 0, true).is_some(),
            "nothing is known of its steps"
        );
    }
}
