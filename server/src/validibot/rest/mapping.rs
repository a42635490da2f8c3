//! One table of what the REST API calls otherwise, or leaves out, than the helper API (contract of 0.16, B6): tools see the helper's
//! form, whichever of the two answered.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::{Members, RunRef, WorkflowRef, run_ref};
use super::place::Place;

/// How members of an organization use its workflows: the one way that there is from 0.15 on (contract, A3).
const MEMBERS: &str = "member_access";
/// Who pays where no price is asked (contract, A3).
const AUTHOR_PAYS: &str = "AUTHOR_PAYS";
const AGENT_PAYS: &str = "AGENT_PAYS_X402";

/// As much of a workflow in a list as the helper API's list has; the rest is not even read.
#[derive(Debug, Deserialize)]
pub(super) struct Slim {
    slug: String,
    org: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    allowed_file_types: Vec<String>,
    #[serde(default)]
    pub(super) mcp_enabled: bool,
    #[serde(default)]
    x402_enabled: bool,
    #[serde(default)]
    agent_price_cents: Option<i64>,
}

impl Slim {
    /// Its reference, which is the helper API's too.
    pub(super) fn reference(&self) -> WorkflowRef {
        WorkflowRef::new(&self.org, &self.slug)
    }

    /// What the helper API's list is ordered by, within an organization.
    pub(super) fn order(&self) -> (&str, &str) {
        (&self.name, &self.slug)
    }

    /// The entry of the helper API's list.
    pub(super) fn entry(&self, org_name: &str) -> Value {
        let sold = self.x402_enabled && self.agent_price_cents.is_some();
        json!({
            "workflow_ref": self.reference().to_string(),
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "version": self.version,
            "org_slug": self.org,
            "org_name": org_name,
            "allowed_file_types": self.allowed_file_types,
            "agent_price_cents": self.agent_price_cents,
            "agent_billing_mode": if sold { AGENT_PAYS } else { AUTHOR_PAYS },
            "access_modes": [MEMBERS],
            "preferred_access_mode": MEMBERS,
        })
    }
}

/// Whether agents may see and start a workflow: the REST API does not ask.
pub(super) fn is_for_agents(workflow: &Members) -> bool {
    workflow.tree("mcp_enabled").and_then(Value::as_bool).unwrap_or_default()
}

/// The five keys of a definition that only the helper API has, where it has them.
pub(super) fn complete_definition(
    object: &mut Members,
    reference: &WorkflowRef,
    place: &Place,
    org_name: &str,
) {
    object.put_first("workflow_ref", Value::from(reference.to_string()));
    object.put("org_slug", Value::from(place.org.as_str()));
    object.put("org_name", Value::from(org_name));
    object.put("access_modes", json!([MEMBERS]));
    object.put("preferred_access_mode", Value::from(MEMBERS));
}

/// The reference of a run that was read.
pub(super) fn complete_reading(run: &mut Map<String, Value>, reference: &RunRef) {
    run.shift_insert(0, "run_ref".to_owned(), reference.to_string().into());
}

/// A run that was started: its references, and not where the REST API would be asked for it.
pub(super) fn complete_launch(run: &mut Map<String, Value>, org: &str) {
    run.shift_remove("url");
    run.shift_remove("poll");
    let Some(id) = run.get("id").and_then(Value::as_str).map(str::to_owned) else { return };
    run.insert("run_id".to_owned(), id.as_str().into());
    run.insert("run_ref".to_owned(), run_ref(org, &id).into());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the REST API answers (contract of 0.16, B2), and the contract's own example of the helper API's list (contract, A3).
    #[test]
    fn an_entry_of_a_list_is_the_contracts_example() {
        let rest = r#"{"id":7,"uuid":"6a7c1d52-5d0e-4c43-9d2c-0f6f3c0a4e01","slug":"energy","name":"Energy","description":"","version":1,"org":"acme","is_active":true,"allowed_file_types":["json"],"input_schema":{"type":"object"},"mcp_enabled":true,"x402_enabled":false,"agent_price_cents":null,"url":"https://v.example/api/v1/orgs/acme/workflows/energy/"}"#;
        let slim: Slim = serde_json::from_str(rest).expect("an entry");
        assert!(slim.mcp_enabled);
        assert_eq!(
            slim.entry("Acme").to_string(),
            r#"{"workflow_ref":"wf_eyJvcmciOiJhY21lIiwid29ya2Zsb3ciOiJlbmVyZ3kifQ","slug":"energy","name":"Energy","description":"","version":1,"org_slug":"acme","org_name":"Acme","allowed_file_types":["json"],"agent_price_cents":null,"agent_billing_mode":"AUTHOR_PAYS","access_modes":["member_access"],"preferred_access_mode":"member_access"}"#
        );
        let sold = rest.replace(
            r#""x402_enabled":false,"agent_price_cents":null"#,
            r#""x402_enabled":true,"agent_price_cents":25"#,
        );
        let slim: Slim = serde_json::from_str(&sold).expect("an entry");
        assert_eq!(slim.entry("Acme")["agent_billing_mode"], "AGENT_PAYS_X402");
    }

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).expect("an object")
    }

    #[test]
    fn a_definition_gets_its_five_keys_in_their_places() {
        let reference = WorkflowRef::new("acme", "energy");
        let place = Place::of(&reference).expect("slugs");
        let mut definition =
            Members::from(object(r#"{"id":7,"slug":"energy","mcp_enabled":true,"steps":[],"constants":[]}"#));
        assert!(is_for_agents(&definition) && !is_for_agents(&Members::default()));
        complete_definition(&mut definition, &reference, &place, "Acme");
        assert_eq!(
            definition.text(),
            r#"{"workflow_ref":"wf_eyJvcmciOiJhY21lIiwid29ya2Zsb3ciOiJlbmVyZ3kifQ","id":7,"slug":"energy","mcp_enabled":true,"steps":[],"constants":[],"org_slug":"acme","org_name":"Acme","access_modes":["member_access"],"preferred_access_mode":"member_access"}"#
        );
    }

    #[test]
    fn a_run_gets_its_references_where_the_helper_api_has_them() {
        let id = "ea71cf20-ed08-4db4-84e3-5b631a6acf2d";
        let reference = RunRef::parse(&run_ref("acme", id)).expect("a reference");
        let mut read = object(&format!(r#"{{"id":"{id}","state":"RUNNING"}}"#));
        complete_reading(&mut read, &reference);
        assert_eq!(read.keys().collect::<Vec<_>>(), ["run_ref", "id", "state"]);
        let mut started =
            object(&format!(r#"{{"id":"{id}","state":"RUNNING","url":"https://v/x","poll":"https://v/x"}}"#));
        complete_launch(&mut started, "acme");
        assert_eq!(started.keys().collect::<Vec<_>>(), ["id", "state", "run_id", "run_ref"]);
        assert_eq!((&started["run_id"], &started["run_ref"]), (&json!(id), &json!(run_ref("acme", id))));
    }
}
