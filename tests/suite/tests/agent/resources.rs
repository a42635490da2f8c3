//! Workflows and runs as resources, in both eras.

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};

async fn read(client: &Client, uri: &str) -> Value {
    client.request("resources/read", json!({ "uri": uri })).await.result()["contents"][0].clone()
}

#[tokio::test]
async fn workflows_and_runs_are_resources_for_people_and_for_programs() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    for era in Era::BOTH {
        let client = super::client(&server, era);
        let list = client.request("resources/list", json!({})).await.result();
        let resources = list["resources"].as_array().expect("resources");
        let (workflows, others): (Vec<_>, Vec<_>) =
            resources.iter().partition(|resource| resource["mimeType"] == "text/markdown");
        assert_eq!((workflows.len(), others.len()), (5, 1), "{list}");
        for resource in workflows {
            // Two organisations may have workflows of one name.
            assert!(resource["title"].as_str().is_some_and(|title| title.ends_with(')')), "{resource}");
        }
        let uri = resources[0]["uri"].as_str().expect("a URI");
        let page = read(&client, uri).await;
        assert_eq!(page["mimeType"], "text/markdown");
        assert!(page["text"].as_str().is_some_and(|text| text.starts_with("# ")), "{page}");
        let object = read(&client, &format!("{uri}.json")).await;
        assert_eq!(object["mimeType"], "application/json");
        let parsed: Value = serde_json::from_str(object["text"].as_str().expect("text")).expect("JSON");
        assert!(parsed["steps"].is_array());

        let arguments = json!({
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE),
            "file_name": "bad.csv",
            "text": String::from_utf8(fixtures::BAD_TABLE.to_vec()).expect("text"),
        });
        let run = client.call_tool("validate_file", arguments).await.success();
        let report =
            read(&client, &format!("validibot://runs/{}", run["run_ref"].as_str().expect("a ref"))).await;
        assert!(report["text"].as_str().is_some_and(|text| text.contains("**ERROR**")), "{report}");

        let templates = client.request("resources/templates/list", json!({})).await.result();
        assert_eq!(templates["resourceTemplates"].as_array().map(Vec::len), Some(4));
    }
}

#[tokio::test]
async fn what_is_no_resource_is_said_in_the_words_of_each_era() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    // -32602 since 2026-07-28 (SEP-2164), -32002 before.
    for (era, code) in [(Era::Legacy, -32002), (Era::Modern, -32602)] {
        let client = super::client(&server, era);
        let hidden = fixtures::workflow_ref(fixtures::ACME, "no-such-workflow");
        for uri in
            ["file:///etc/passwd", "validibot://runs/..%2F", &format!("validibot://workflows/{hidden}")]
        {
            let error = client.request("resources/read", json!({ "uri": uri })).await.error();
            assert_eq!(error["code"], code, "{era:?} {uri} {error}");
        }
    }
}
