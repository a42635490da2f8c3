//! `local` with containers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::fixtures;
use serde_json::{Value, json};
use suite::docker::{docker, engine};
use suite::mcp::{Client, Era};
use suite::net::free_port;
use suite::process::Output;
use suite::require;
use suite::xtask::Xtask;

use crate::images;

/// A stack of its own; its containers are removed at the end of the test by [`Stack::down`].
struct Stack {
    xtask: Xtask,
    web: String,
    mcp: String,
}

impl Stack {
    fn new() -> Self {
        Self { xtask: Xtask::new(), web: free_port().to_string(), mcp: free_port().to_string() }
    }

    async fn up(&self, gate: Option<&str>, arguments: &[&str]) -> Output {
        let ports = ["--runner", "docker", "--port", &self.web, "--mcp-port", &self.mcp];
        self.xtask.local(gate, &[&["up"], ports.as_slice(), arguments].concat()).await
    }

    async fn info(&self) -> Value {
        let output = self.xtask.local(None, &["info", "--json"]).await.expect_success("local info");
        serde_json::from_str(&output.stdout).expect("JSON")
    }

    fn project(&self) -> String {
        let state = std::fs::read(self.xtask.path("state").join("containers.json")).expect("the state");
        let state: Value = serde_json::from_slice(&state).expect("JSON");
        state["project"].as_str().expect("a name").to_owned()
    }

    async fn down(&self) {
        let project = self.project();
        let _ = self.xtask.local(None, &["down"]).await.expect_success("local down");
        let label = format!("label=com.docker.compose.project={project}");
        assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &label]).await, "", "a container is left");
        assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &label]).await, "", "a network is left");
    }
}

async fn containers(project: &str) -> Vec<String> {
    let label = format!("label=com.docker.compose.project={project}");
    let lines = docker(&["ps", "--filter", &label, "--no-trunc", "--format", "{{.Names}} {{.ID}}"]).await;
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_pro_stack_does_the_main_job_and_leaves_nothing() {
    require!(engine().await);
    images().await;
    let stack = Stack::new();
    let up = stack.up(Some("true"), &["--pro"]).await.expect_success("local up");
    assert!(up.stdout.contains(&format!("http://localhost:{}/mcp", stack.mcp)), "{}", up.stdout);
    let info = stack.info().await;
    assert_eq!(info["runner"], "docker", "{info}");
    for name in ["web", "mcp"] {
        assert_eq!(info["programs"][name]["running"], true, "{info}");
    }

    let before = containers(&stack.project()).await;
    let _ = stack.up(Some("true"), &["--pro"]).await.expect_success("local up again");
    assert_eq!(containers(&stack.project()).await, before, "a second `up` changes nothing");

    let (url, token) =
        (info["mcp_url"].as_str().expect("a URL"), info["api_token"].as_str().expect("a token"));
    for era in Era::BOTH {
        main_job(&Client::new(url, era).with_token(token)).await;
    }

    let closed = stack.up(None, &["--pro"]).await.expect_success("local up with the gate closed");
    assert!(closed.stdout.contains("skipped"), "{}", closed.stdout);
    let info = stack.info().await;
    assert_eq!(info["programs"]["mcp"]["running"], false, "behind a closed gate there is no mcp: {info}");
    assert_eq!(info["programs"]["web"]["running"], true, "{info}");
    assert_eq!(containers(&stack.project()).await.len(), 1);
    stack.down().await;
}

async fn main_job(client: &Client) {
    let list = client.call_tool("list_workflows", json!({})).await.success();
    assert_eq!(list["result"].as_array().map(Vec::len), Some(5), "{list}");
    for (workflow, name, file, result) in [
        (fixtures::ENERGY_MODEL, "good.json", fixtures::GOOD_ENERGY_MODEL, "PASS"),
        (fixtures::SENSOR_TABLE, "bad.csv", fixtures::BAD_TABLE, "FAIL"),
        (fixtures::ANNUAL_SIMULATION, "good.json", fixtures::GOOD_ENERGY_MODEL, "PASS"),
    ] {
        let arguments = json!({
            "file_content": BASE64_STANDARD.encode(file),
            "file_name": name,
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, workflow),
        });
        let run = client.call_tool("validate_file", arguments).await.success();
        let run = client
            .call_tool_with_progress("wait_for_run", json!({ "run_ref": run["run_ref"] }))
            .await
            .success();
        assert_eq!(run["result"], result, "{workflow}: {run}");
    }
}

#[tokio::test]
async fn a_server_that_is_forced_onto_a_community_stack_ends_with_the_licence_message() {
    require!(engine().await);
    images().await;
    let stack = Stack::new();
    let up = stack.up(Some("true"), &[]).await.expect_success("local up");
    assert!(up.stdout.contains("community"), "{}", up.stdout);
    let project = stack.project();
    assert_eq!(containers(&project).await.len(), 1, "community has no mcp");

    let file = suite::workspace().join("envs/local/compose.yaml").display().to_string();
    let mut force = tokio::process::Command::new("docker");
    force
        .args(["compose", "--project-name", &project, "--file", &file, "--profile", "mcp"])
        .args(["up", "--detach", "--no-deps", "mcp"])
        .env("VALIDIBOT_MCP_PORT", &stack.mcp);
    let deadline = std::time::Duration::from_mins(2);
    let _ =
        suite::process::run(&mut force, deadline).await.expect("it ends").expect_success("compose up mcp");
    assert_eq!(docker(&["wait", &format!("{project}-mcp-1")]).await, "1");
    let logs = stack.xtask.local(None, &["logs", "mcp"]).await.expect_success("local logs");
    assert!(logs.stdout.contains("community") && logs.stdout.contains("validibot-pro"), "{}", logs.stdout);
    stack.down().await;
}
