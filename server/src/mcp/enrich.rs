//! What a workflow's definition implies, worked out for the agent (contract, D5, enrichment).

use rmcp::model::JsonObject;
use serde_json::{Value, json};

use crate::validibot::{self, Members, Step, WorkflowRef};

/// An object that can be enriched: one that has been read whole, or one of members.
pub(super) trait Fields {
    /// Whether it has this field, in whichever form.
    fn has(&self, key: &str) -> bool;
    /// A field that has been read.
    fn field(&self, key: &str) -> Option<&Value>;
    /// Puts a field in.
    fn add(&mut self, key: &str, value: Value);
}

impl Fields for JsonObject {
    fn has(&self, key: &str) -> bool {
        self.contains_key(key)
    }

    fn field(&self, key: &str) -> Option<&Value> {
        self.get(key)
    }

    fn add(&mut self, key: &str, value: Value) {
        self.insert(key.to_owned(), value);
    }
}

impl Fields for Members {
    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn field(&self, key: &str) -> Option<&Value> {
        self.tree(key)
    }

    fn add(&mut self, key: &str, value: Value) {
        self.put(key, value);
    }
}

/// Adds `workflow_ref` where it is missing, `accepted_extensions`, `pricing` and `validation_summary`.
pub(super) fn enrich(workflow: &mut Members, steps: &[Step]) {
    refer(workflow);
    let (extensions, summary) = (validibot::accepted_extensions(types(workflow)), summary(steps));
    workflow.add("accepted_extensions", extensions.into_iter().collect());
    workflow.add("pricing", pricing(workflow));
    workflow.add("validation_summary", summary.into());
}

/// Adds what an entry of the agent API's catalogue needs to be chosen: `workflow_ref` where it is missing, `pricing`.
pub(super) fn price(workflow: &mut JsonObject) {
    refer(workflow);
    workflow.add("pricing", pricing(workflow));
}

fn refer(workflow: &mut impl Fields) {
    if !workflow.has("workflow_ref")
        && let Some(org) = text(workflow, "org_slug").or_else(|| text(workflow, "org"))
        && let Some(slug) = text(workflow, "slug")
    {
        let reference = WorkflowRef::new(org, slug).to_string();
        workflow.add("workflow_ref", reference.into());
    }
}

fn text<'a>(object: &'a impl Fields, key: &str) -> Option<&'a str> {
    object.field(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// Whether a file of this name can be of a type that the workflow takes. Where it takes a type that is not known here,
/// any may be.
pub(super) fn takes(workflow: &JsonObject, file_name: &str) -> bool {
    validibot::takes(types(workflow), file_name)
}

fn types(workflow: &impl Fields) -> impl Iterator<Item = &str> {
    let types = workflow.field("allowed_file_types").and_then(Value::as_array).map(Vec::as_slice);
    types.unwrap_or_default().iter().filter_map(Value::as_str)
}

fn pricing(workflow: &impl Fields) -> Value {
    if text(workflow, "agent_billing_mode") != Some("AGENT_PAYS_X402") {
        return json!({ "mode": "AUTHOR_PAYS", "payment_required": false });
    }
    let cents = workflow.field("agent_price_cents").and_then(Value::as_u64).unwrap_or_default();
    json!({
        "mode": "AGENT_PAYS_X402",
        "price_cents": cents,
        "price_display": format!("${}.{:02} USD", cents / 100, cents % 100),
        "currency": "usd",
        "payment_required": true,
    })
}

/// One sentence about the steps.
fn summary(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "This workflow has no steps: it checks nothing.".to_owned();
    }
    let listed: Vec<String> =
        steps.iter().enumerate().map(|(index, step)| format!("({}) {}", index + 1, describe(step))).collect();
    let noun = if steps.len() == 1 { "step" } else { "steps" };
    format!("A file goes through {} {noun}: {}.", steps.len(), listed.join("; "))
}

fn describe(step: &Step) -> String {
    fn said(text: Option<&String>) -> Option<&str> {
        text.map(String::as_str).filter(|text| !text.is_empty())
    }
    let label = said(step.name.as_ref()).or_else(|| said(step.description.as_ref()));
    let validator = step.validator.as_ref();
    let by = said(validator.and_then(|v| v.name.as_ref()))
        .or_else(|| said(validator.and_then(|v| v.validation_type.as_ref())))
        .or_else(|| said(step.action_type.as_ref()));
    match (label, by) {
        (Some(label), Some(by)) => format!("{label} - {by}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "a step without a name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enriched(workflow: Value) -> JsonObject {
        let steps = workflow.get("steps").cloned().unwrap_or_else(|| json!([]));
        let mut workflow = Members::from(crate::base::testing::object(workflow));
        enrich(&mut workflow, &serde_json::from_value::<Vec<Step>>(steps).expect("steps"));
        workflow.into_tree()
    }

    #[test]
    fn extensions_are_sorted_unique_and_case_does_not_matter() {
        for (types, expected) in [
            (json!(["JSON"]), json!([".epjson", ".geojson", ".json", ".jsonld"])),
            (json!(["yaml", "Yaml"]), json!([".yaml", ".yml"])),
            (json!(["hologram"]), json!([])),
            (json!([]), json!([])),
        ] {
            assert_eq!(enriched(json!({ "allowed_file_types": types }))["accepted_extensions"], expected);
        }
    }

    #[test]
    fn prices_are_shown_in_dollars() {
        let free = enriched(json!({}));
        assert_eq!(free["pricing"], json!({ "mode": "AUTHOR_PAYS", "payment_required": false }));
        let paid = enriched(json!({ "agent_billing_mode": "AGENT_PAYS_X402", "agent_price_cents": 250 }));
        assert_eq!(paid["pricing"]["price_display"], "$2.50 USD");
        assert_eq!(paid["pricing"]["payment_required"], true);
    }

    #[test]
    fn the_summary_names_each_step_and_what_runs_it() {
        let step = |name: &str, by: Value| json!({ "name": name, "validator": by });
        let one = enriched(json!({ "steps": [step("Schema", json!({ "name": "JSON Schema" }))] }));
        assert_eq!(one["validation_summary"], "A file goes through 1 step: (1) Schema - JSON Schema.");
        let two = enriched(json!({ "steps": [
            { "name": "", "description": "Look", "validator": { "name": "", "validation_type": "CSV" } },
            { "name": "Tell", "validator": null, "action_type": "SLACK" },
        ] }));
        assert_eq!(
            two["validation_summary"],
            "A file goes through 2 steps: (1) Look - CSV; (2) Tell - SLACK."
        );
        assert!(
            enriched(json!({}))["validation_summary"].as_str().is_some_and(|text| text.contains("no steps"))
        );
    }

    #[test]
    fn a_missing_reference_is_made_and_other_fields_stay() {
        let workflow = enriched(json!({ "org_slug": "acme", "slug": "energy", "extra": [1] }));
        assert_eq!(workflow["workflow_ref"], "wf_eyJvcmciOiJhY21lIiwid29ya2Zsb3ciOiJlbmVyZ3kifQ");
        assert_eq!(workflow["extra"], json!([1]));
    }
}
