//! The catalogue and one workflow's details.

use sandbox::fixtures::{self, ACME, NORTHWIND, workflow_ref};
use serde_json::Value;

use crate::client::{World, got, keys};

#[tokio::test]
async fn the_catalogue_is_an_ordered_array() {
    let world = World::start().await;
    let list = got(world.demo("/api/v1/mcp/workflows/")).await;
    assert_eq!((list.status, list.header("content-type")), (200, "application/json"));
    let first = format!(
        concat!(
            r#"[{{"workflow_ref":"{}","slug":"annual-simulation","name":"Annual simulation","#,
            r#""description":"Simulates a year of heating, hour by hour. A run takes a while: watch its steps.","#,
            r#""version":2,"org_slug":"acme","org_name":"Acme Engineering","#,
            r#""allowed_file_types":["json","binary"],"agent_price_cents":null,"#,
            r#""agent_billing_mode":"AUTHOR_PAYS","access_modes":["member_access"],"#,
            r#""preferred_access_mode":"member_access"}},"#
        ),
        workflow_ref(ACME, "annual-simulation")
    );
    assert!(list.text.starts_with(&first), "{}", list.text);
    let slugs: Vec<(String, String)> = list
        .json()
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (entry["org_slug"].to_string(), entry["slug"].to_string()))
        .collect();
    let expected = [
        (ACME, fixtures::ANNUAL_SIMULATION),
        (ACME, fixtures::ENERGY_MODEL),
        (ACME, fixtures::SENSOR_TABLE),
        (NORTHWIND, fixtures::ENERGY_MODEL),
        (NORTHWIND, fixtures::SENSOR_TABLE),
    ];
    assert_eq!(slugs, expected.map(|(org, slug)| (format!("{org:?}"), format!("{slug:?}"))));
    assert!(list.text.contains("Zürich plant: −40 °C"), "non-ASCII goes out as it is");
}

#[tokio::test]
async fn details_have_every_key_in_the_contracts_order() {
    let world = World::start().await;
    let reference = workflow_ref(ACME, fixtures::ENERGY_MODEL);
    let details = got(world.demo(&format!("/api/v1/mcp/workflows/{reference}/"))).await;
    assert_eq!(details.status, 200);
    assert_eq!(
        details.keys().join(" "),
        "workflow_ref id uuid slug name description version org is_active allowed_file_types input_schema \
         mcp_enabled x402_enabled agent_price_cents url workflow_visibility allow_submission_name \
         allow_submission_meta_data allow_submission_short_description input_retention output_retention \
         success_message agent_billing_mode agent_max_launches_per_hour steps constants org_slug org_name \
         access_modes preferred_access_mode"
    );
    let body = details.json();
    let step = &body["steps"][0];
    assert_eq!(
        keys(step).join(" "),
        "id order step_number name description validator action_type config ruleset"
    );
    assert_eq!(
        keys(&step["validator"]).join(" "),
        "slug name validation_type short_description default_ruleset"
    );
    assert_eq!(keys(&step["ruleset"]).join(" "), "id name ruleset_type schema assertions");
    assert_eq!(
        keys(&body["steps"][1]["ruleset"]["assertions"][0]).join(" "),
        "id order assertion_type operator severity target_field when_expression rhs message_template \
         success_message notes"
    );
    assert_eq!(keys(&body["constants"][0]).join(" "), "name data_type value description");
    assert_eq!(body["url"], format!("{}/api/v1/orgs/acme/workflows/energy-model/", world.sandbox.url()));
    let schema: Value =
        serde_json::from_str(step["ruleset"]["schema"].as_str().expect("text")).expect("the schema's text");
    assert_eq!(schema["title"], "Building-energy model");
}

#[tokio::test]
async fn numbers_go_out_as_they_are_written() {
    let world = World::start().await;
    let reference = workflow_ref(ACME, fixtures::ENERGY_MODEL);
    let text = got(world.demo(&format!("/api/v1/mcp/workflows/{reference}/"))).await.text;
    for exact in [
        r#""maximum":12345678901234567890123}"#,
        r#""default":1.10}"#,
        r#""data_type":"number","value":1.10,"#,
        r#""data_type":"number","value":12345678901234567890123,"#,
    ] {
        assert!(text.contains(exact), "{exact} in {text}");
    }
}

#[tokio::test]
async fn exactly_one_of_validator_and_action_is_there() {
    let world = World::start().await;
    let reference = workflow_ref(ACME, fixtures::ANNUAL_SIMULATION);
    let body = got(world.demo(&format!("/api/v1/mcp/workflows/{reference}/"))).await.json();
    let steps = body["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 4);
    assert!(steps.iter().all(|step| step["validator"].is_null() != step["action_type"].is_null()));
    assert!(body["input_schema"].is_null());
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_has_its_status() {
    let world = World::start().await;
    let details = |reference: String| got(world.demo(&format!("/api/v1/mcp/workflows/{reference}/")));
    for malformed in ["energy-model", "wf_", "wf_!!!", "wf_bm90IGpzb24", "wf_e30"] {
        let refused = details(malformed.to_owned()).await;
        refused.is_coded(400, "INVALID_PARAMS");
        assert_eq!(refused.json()["errors"][0]["field"], "workflow_ref", "{malformed}");
    }
    details("wf_WzFd".to_owned()).await.is_coded(500, "INTERNAL_SERVER_ERROR");
    details(workflow_ref(ACME, fixtures::HIDDEN_WORKFLOW)).await.is_coded(404, "NOT_FOUND");
    details(workflow_ref("nobody", fixtures::ENERGY_MODEL)).await.is_coded(404, "NOT_FOUND");
}
