//! Long lists by the page, definitions without repeats, and cursors that nobody gave out.

use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::Era;

#[tokio::test]
async fn every_workflow_of_a_long_catalogue_is_one_call_away() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::by_helper(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let entry = |n| json!({ "workflow_ref": format!("wf_{n}"), "slug": "s", "description": "what it checks ".repeat(40) });
    let bytes = Value::Array((0..150).map(entry).collect()).to_string().into_bytes().into();
    let long = Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes };
    sandbox.misbehave(Route::ListWorkflows, long);
    let (mut call, mut seen) = (json!({}), std::collections::BTreeSet::new());
    for page in 0.. {
        assert!(page < 20, "paging ends");
        let result = client.call_tool("list_workflows", call).await;
        assert!(result.text.len() <= 40_000, "{} characters", result.text.len());
        let list = result.success();
        for workflow in list["result"].as_array().expect("a list") {
            seen.insert(workflow["workflow_ref"].to_string());
        }
        let Some(more) = list.get("more") else { break };
        assert_eq!(more["tool"], "list_workflows");
        call = more["arguments"].clone();
    }
    assert_eq!(seen.len(), 150);
}

/// Of a thousand workflows, each page says how many there are, and a search finds the one that is meant.
#[tokio::test]
async fn a_thousand_workflows_are_searched_and_counted() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::by_helper(&sandbox).start().await;
    let organization = |n: usize| if n.is_multiple_of(2) { "acme" } else { "beta" };
    let entry = |n| {
        json!({
            "workflow_ref": format!("wf_{n}"), "slug": format!("w-{n}"), "name": format!("Workflow {n}"),
            "org_slug": organization(n), "description": if n == 613 { "Checks Heat Pumps" } else { "Checks walls" },
        })
    };
    let bytes = Value::Array((0..1_000).map(entry).collect()).to_string().into_bytes().into();
    let long = Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes };
    sandbox.misbehave(Route::ListWorkflows, long);
    for era in Era::BOTH {
        let client = super::client(&server, era);
        let (mut call, mut seen) = (json!({ "organization": "Beta" }), 0);
        for page in 0.. {
            assert!(page < 50, "paging ends");
            let result = client.call_tool("list_workflows", call).await;
            assert!(result.text.len() <= 40_000, "{} characters", result.text.len());
            let list = result.success();
            assert_eq!(list["total"], 500);
            let workflows = list["result"].as_array().expect("a list");
            assert!(workflows.iter().all(|workflow| workflow["org_slug"] == "beta"));
            seen += workflows.len();
            let Some(more) = list.get("more") else { break };
            call = more["arguments"].clone();
        }
        assert_eq!(seen, 500);
        let found = client.call_tool("list_workflows", json!({ "search": "heat pump" })).await.success();
        assert_eq!((&found["total"], &found["result"][0]["workflow_ref"]), (&json!(1), &json!("wf_613")));
        assert_eq!(found["next"]["arguments"]["workflow_ref"], "wf_613");
        let none = client.call_tool("list_workflows", json!({ "search": "boats" })).await.success();
        assert_eq!((&none["result"], &none["next"]["tool"]), (&json!([]), &json!("list_workflows")));
    }
}

#[tokio::test]
async fn a_schema_stands_once_in_a_definition() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    for era in Era::BOTH {
        let client = super::client(&server, era);
        let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
        let details =
            client.call_tool("get_workflow_details", json!({ "workflow_ref": reference })).await.success();
        assert!(details["input_schema"].is_object(), "{details}");
        let texts = details["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .filter_map(|step| step["ruleset"]["schema"].as_str());
        for text in texts {
            let schema = serde_json::from_str::<Value>(text).ok();
            assert_ne!(schema.as_ref(), Some(&details["input_schema"]), "it stands there twice");
        }
    }
}

#[tokio::test]
async fn what_takes_binary_files_alone_is_not_told_to_take_a_text() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::by_helper(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let next = async |types: Value, steps: Value| {
        let definition =
            json!({ "slug": "s", "workflow_ref": "wf_x", "allowed_file_types": types, "steps": steps });
        let bytes = definition.to_string().into_bytes().into();
        let body = Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes };
        sandbox.misbehave(Route::WorkflowDetails, body);
        let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
        let call = client.call_tool("get_workflow_details", json!({ "workflow_ref": reference }));
        call.await.success()["next"]["tool"].clone()
    };
    let steps = json!([{ "name": "Run" }]);
    assert_eq!(next(json!(["json"]), steps.clone()).await, "validate_file");
    assert_eq!(next(json!(["binary"]), steps).await, "prepare_upload");
    assert_eq!(next(json!(["json"]), json!([])).await, Value::Null, "it checks nothing");
}

#[tokio::test]
async fn a_cursor_that_nobody_gave_out_is_refused() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    for era in Era::BOTH {
        let client = super::client(&server, era);
        for method in ["tools/list", "resources/list", "resources/templates/list"] {
            let error = client.request(method, json!({ "cursor": "made-up" })).await.error();
            assert_eq!(error["code"], -32602, "{method}: {error}");
            client.request(method, json!({ "cursor": "" })).await.result();
        }
    }
}

/// The list names types, and a model knows its file's extension.
#[tokio::test]
async fn the_tools_say_which_type_an_extension_is_before_anything_is_called() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let tools = super::client(&server, Era::Modern).request("tools/list", json!({})).await.result();
    let description = tools["tools"][0]["description"].as_str().expect("a description");
    for (kind, extension) in
        [("json", ".epjson"), ("xml", ".gbxml"), ("text", ".idf"), ("text", ".csv"), ("binary", ".fmu")]
    {
        let (_, rest) = description.split_once(&format!("{kind} (")).expect("the type is named");
        let (extensions, _) = rest.split_once(')').expect("with its extensions");
        assert!(extensions.split(' ').any(|one| one == extension), "{kind}: {extensions}");
    }
}

/// A call that waits for what is finished already is read and paid for like any other.
#[tokio::test]
async fn waiting_is_advised_only_where_there_is_something_to_wait_for() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let tools = client.request("tools/list", json!({})).await.result();
    let validate =
        tools["tools"].as_array().expect("tools").iter().find(|tool| tool["name"] == "validate_file");
    let description = validate.and_then(|tool| tool["description"].as_str()).expect("a description");
    assert!(
        description.contains("wait_for_run with the run_ref, unless overview.is_complete"),
        "{description}"
    );
    for (workflow, name, next) in [
        (fixtures::ENERGY_MODEL, "good.json", Value::Null),
        (fixtures::ANNUAL_SIMULATION, "slow.json", json!("wait_for_run")),
    ] {
        let arguments = json!({
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, workflow),
            "file_name": name,
            "text": String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL),
        });
        let run = client.call_tool("validate_file", arguments).await.success();
        assert_eq!(run["overview"]["is_complete"], next.is_null(), "{run}");
        assert_eq!(run["overview"]["next"]["tool"], next, "{run}");
    }
}

/// The page for people leaves out what programs need, and what was cut is of that kind.
#[tokio::test]
async fn what_was_cut_stands_in_the_resource_that_the_result_names() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::by_helper(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let schema = json!({ "type": "object", "description": "what it wants ".repeat(4_000) });
    let definition = json!({
        "slug": "s", "workflow_ref": reference, "name": "Long", "input_schema": schema, "steps": [{ "name": "Schema" }],
    });
    let bytes = definition.to_string().into_bytes().into();
    let long = Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes };
    sandbox.misbehave(Route::WorkflowDetails, long);
    let details =
        client.call_tool("get_workflow_details", json!({ "workflow_ref": reference })).await.success();
    assert!(details.get("input_schema").is_none(), "it does not fit");
    let note = details["shortened"].as_str().expect("a note");
    let uri = note.split_whitespace().find(|word| word.starts_with("validibot://")).expect("a resource");
    let read = client.request("resources/read", json!({ "uri": uri })).await.result();
    let whole: Value =
        serde_json::from_str(read["contents"][0]["text"].as_str().expect("text")).expect("the JSON of it");
    assert_eq!(whole["input_schema"], schema);
}
