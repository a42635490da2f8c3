//! The MCP Inspector's command line.

use std::time::Duration;

use sandbox::fixtures;
use serde_json::{Value, json};
use suite::node::Node;
use suite::process::{self, Output};
use suite::require;

use crate::journey::{Journey, assert_findings};

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(2);

struct Inspector<'a> {
    node: &'a Node,
    journey: &'a Journey,
    era: Option<&'a str>,
}

impl Inspector<'_> {
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.node.bin("mcp-inspector");
        command
            .arg("--cli")
            .arg(self.journey.server.mcp_url())
            .args(["--header", &format!("Authorization: Bearer {}", fixtures::DEMO_TOKEN)])
            .args(["--format", "json"])
            .args(arguments)
            // It keeps a catalogue and credentials at home.
            .env("HOME", self.journey.scratch());
        if let Some(era) = self.era {
            command.args(["--protocol-era", era]);
        }
        process::run(&mut command, DEADLINE).await.expect("it ends")
    }

    async fn call(&self, tool: &str, arguments: &Value) -> (Value, Output) {
        let json = arguments.to_string();
        let call = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", &json];
        let output = self.run(&call).await;
        let answer: Value = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|_| panic!("{tool}: {}\n{}", output.stdout, output.stderr));
        // The result is the answer itself, or its `result`.
        let result = answer.get("result").filter(|result| result.get("content").is_some()).unwrap_or(&answer);
        (result["structuredContent"].clone(), output)
    }

    async fn verdict(&self, file: &Value) -> (Value, Output) {
        let (run, _) = self.call("validate_file", file).await;
        self.call("wait_for_run", &json!({ "run_ref": run["run_ref"] })).await
    }
}

#[tokio::test]
async fn the_inspector_does_the_main_job_in_each_of_its_eras() {
    let node = require!(Node::with_clients().await);
    for era in [None, Some("legacy"), Some("auto"), Some("modern")] {
        let journey = Journey::start().await;
        let inspector = Inspector { node: &node, journey: &journey, era };
        let (list, _) = inspector.call("list_workflows", &json!({})).await;
        let workflows = list["result"].as_array().expect("a list");
        assert_eq!(workflows.len(), 5, "{era:?}: {list}");
        for workflow in workflows {
            let arguments = json!({ "workflow_ref": workflow["workflow_ref"] });
            let (details, _) = inspector.call("get_workflow_details", &arguments).await;
            assert_eq!(details["slug"], workflow["slug"], "{era:?}");
        }
        let (good, _) = inspector.verdict(&journey.good).await;
        assert_eq!(good["result"], "PASS", "{era:?}: {good}");
        let (bad, _) = inspector.verdict(&journey.bad).await;
        assert_findings(&bad);
        let (slow, _) = inspector.verdict(&journey.slow).await;
        assert_eq!(slow["result"], "PASS", "{era:?}: {slow}");
    }
}

#[tokio::test]
async fn the_inspector_finds_the_tools_schemas_portable() {
    let node = require!(Node::with_clients().await);
    let journey = Journey::start().await;
    let inspector = Inspector { node: &node, journey: &journey, era: Some("modern") };
    let output = inspector.run(&["--method", "tools/list", "--strict"]).await.expect_success("tools/list");
    assert!(output.stdout.contains("validate_file"), "{}", output.stdout);
}
