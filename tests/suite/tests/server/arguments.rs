//! Arguments as the hosts of agents send them, which are not always as the schemas say.

use sandbox::fixtures;
use serde_json::{Value, json};
use suite::mcp::Era;

use crate::Stack;

fn model() -> String {
    String::from_utf8(fixtures::GOOD_ENERGY_MODEL.to_vec()).expect("text")
}

/// Hosts that send `null` or an empty text for what a model left out, and numbers with a fraction of zero.
#[tokio::test]
async fn what_stands_for_nothing_is_as_if_left_out() {
    let stack = Stack::start().await;
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    for era in Era::BOTH {
        let client = stack.client(era);
        for other in [json!(null), json!("")] {
            let arguments = json!({
                "file_content": other, "text": model(), "file_name": "good.json", "workflow_ref": workflow,
            });
            let run = client.call_tool("validate_file", arguments).await.success();
            let waited = client
                .call_tool("wait_for_run", json!({ "run_ref": run["run_ref"], "timeout_seconds": other }))
                .await;
            assert_eq!(waited.success()["result"], "PASS");
            let page = json!({ "run_ref": run["run_ref"], "findings_limit": other, "findings_offset": 0.0 });
            let read = client.call_tool("get_run_status", page).await.success();
            assert!(read["overview"].get("note").is_none(), "nothing was unusual: {read}");
        }
    }
}

#[tokio::test]
async fn a_file_that_a_host_has_read_as_json_is_written_out_in_its_order_and_numbers() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let file = r#"{"zones":[],"name":"a","area":1.10,"count":12345678901234567890123}"#;
    let arguments = json!({
        "text": serde_json::from_str::<Value>(file).expect("JSON"),
        "file_name": "a.json",
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
    });
    let run = client.call_tool("validate_file", arguments).await.success();
    assert!(run["overview"]["note"].as_str().is_some_and(|note| note.contains("`text`")), "{run}");
    let received = stack.sandbox.received();
    let launch = received.iter().find(|request| request.method == "POST").expect("a launch");
    assert!(launch.body.windows(file.len()).any(|window| window == file.as_bytes()), "the file is as it was");
}

/// One widespread host adds an argument to each tool's schema and sends it on.
#[tokio::test]
async fn an_argument_too_many_fails_no_call_and_is_named_in_the_result() {
    let stack = Stack::start().await;
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    for era in Era::BOTH {
        let client = stack.client(era);
        let list = client.call_tool("list_workflows", json!({ "wait_for_previous": true })).await.success();
        assert!(list["note"].as_str().is_some_and(|note| note.contains("wait_for_previous")), "{list}");
        let arguments = json!({
            "workflow_ref": workflow, "file_name": "a.json", "text": model(), "wait_for_previous": false,
        });
        let run = client.call_tool("validate_file", arguments).await.success();
        assert!(
            run["overview"]["note"].as_str().is_some_and(|note| note.contains("wait_for_previous")),
            "{run}"
        );
        // A misspelt name that has to be there is told from it.
        let result = client.call_tool("get_workflow_details", json!({ "workflow": workflow })).await;
        assert_eq!(result.error_code(), "INVALID_PARAMS");
        for told in ["workflow_ref is missing", "workflow is not an argument"] {
            assert!(result.text.contains(told), "{}", result.text);
        }
    }
}

#[tokio::test]
async fn no_schema_of_arguments_has_what_converters_stumble_over() {
    let stack = Stack::start().await;
    let tools = stack.client(Era::Modern).request("tools/list", json!({})).await.result();
    for tool in tools["tools"].as_array().expect("tools") {
        let schema = &tool["inputSchema"];
        assert!(schema.get("additionalProperties").is_none(), "{tool}");
        for reference in ["workflow_ref", "run_ref"] {
            let Some(property) = schema["properties"].get(reference) else { continue };
            assert!(property.get("default").is_none(), "{tool}");
            assert!(schema["required"].as_array().expect("a list").contains(&json!(reference)), "{tool}");
        }
    }
}
