//! `cargo xtask local` with the real programs, as a person with a fresh clone uses it.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::fixtures;
use serde_json::{Value, json};
use suite::binary;
use suite::mcp::{Client, Era};
use suite::net::{agents_may_pay, free_port};
use suite::process::{Output, run};
use tempfile::TempDir;
use tokio::process::Command;

/// The tool waits a minute for health; a machine that compiles beside it needs its time.
const DEADLINE: Duration = Duration::from_mins(3);

/// A stack of its own: its own ports, files and state, so that a developer's is left alone.
struct Stack {
    folder: TempDir,
    web: u16,
    mcp: u16,
}

impl Stack {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("envs")).expect("a folder");
        Self { folder, web: free_port(), mcp: free_port() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary::xtask());
        command.arg("--envs").arg(self.path("envs")).arg("local").args(args);
        command.arg("--state-dir").arg(self.path("state"));
        for variable in envs::VARIABLES.iter().flat_map(|area| area.iter()) {
            command.env_remove(variable.name);
        }
        command
    }

    async fn up(&self, args: &[&str], gate: Option<&str>) -> Output {
        let programs = binary::validibot_mcp().parent().expect("its folder");
        assert_eq!(
            binary::validibot_sandbox().parent(),
            Some(programs),
            "both programs are built side by side"
        );
        let mut command = self.command(&["up"]);
        command.args(args).arg("--bin-dir").arg(programs);
        command.args(["--port", &self.web.to_string(), "--mcp-port", &self.mcp.to_string()]);
        if let Some(gate) = gate {
            command.env("ENABLE_MCP_SERVER", gate);
        }
        run(&mut command, DEADLINE).await.expect("`local up` ends")
    }

    async fn down(&self) -> Output {
        run(&mut self.command(&["down"]), DEADLINE).await.expect("`local down` ends")
    }

    async fn info(&self) -> Value {
        let output = run(&mut self.command(&["info", "--json"]), DEADLINE).await.expect("`local info` ends");
        serde_json::from_str(&output.expect_success("local info").stdout).expect("JSON")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Also when the test has failed: nothing may go on running.
        let _ = self.command(&["down"]).as_std_mut().output();
    }
}

fn succeeded(output: Output, what: &str) {
    drop(output.expect_success(what));
}

fn runs(pid: &Value) -> bool {
    // A process that has ended and that nobody has waited for is not running.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn one_command_starts_a_stack_that_validates_and_another_leaves_nothing() {
    let stack = Stack::new();
    let up = stack.up(&["--pro"], Some("true")).await.expect_success("local up");
    assert!(up.stderr.contains("with fresh random secrets"), "{}", up.stderr);
    let info = stack.info().await;
    let (url, token) =
        (info["mcp_url"].as_str().expect("a URL"), info["api_token"].as_str().expect("a token"));
    assert!(up.stdout.contains(url) && up.stdout.contains(token), "{}", up.stdout);

    for era in Era::BOTH {
        let client = Client::new(url, era).with_token(token);
        let list = client.call_tool("list_workflows", json!({})).await.success();
        assert!(!list["result"].as_array().expect("a list").is_empty(), "{list}");
        let arguments = json!({
            "file_content": BASE64_STANDARD.encode(fixtures::GOOD_ENERGY_MODEL),
            "file_name": "model.json",
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
        });
        let run = client.call_tool("validate_file", arguments).await.success();
        let run = client.call_tool("wait_for_run", json!({ "run_ref": run["run_ref"] })).await.success();
        assert_eq!(run["result"], "PASS", "{run}");
    }

    succeeded(stack.up(&["--pro"], Some("true")).await, "a second `local up`");
    assert_eq!(stack.info().await, info, "it changes nothing");

    let pids = [&info["programs"]["web"]["pid"], &info["programs"]["mcp"]["pid"]];
    assert!(pids.iter().all(|pid| runs(pid)), "{info}");
    succeeded(stack.down().await, "local down");
    assert!(!pids.iter().any(|pid| runs(pid)), "a process is left");
    succeeded(stack.up(&["--pro"], Some("true")).await, "`local up` after `local down`");
}

#[tokio::test]
async fn the_samples_are_validated_in_front_of_ones_eyes() {
    let stack = Stack::new();
    let none = run(&mut stack.command(&["try"]), DEADLINE).await.expect("it ends");
    assert_eq!(none.code, Some(1), "{}", none.stderr);
    assert!(
        none.stderr.contains("no stack is running") && none.stderr.contains("local up --pro"),
        "{}",
        none.stderr
    );
    succeeded(stack.up(&["--pro"], Some("true")).await, "local up");
    let tried =
        run(&mut stack.command(&["try"]), DEADLINE).await.expect("it ends").expect_success("local try");
    assert!(
        tried.stdout.starts_with("good-energy-model.json: PASS\nbad-energy-model.json: FAIL, 4 findings"),
        "{}",
        tried.stdout
    );
    assert!(tried.stdout.contains("/zones/0/floor_area_m2: -620.5 is less than"), "{}", tried.stdout);
    assert!(
        tried.stderr.contains("Validate tests/sandbox/samples/bad-energy-model.json"),
        "{}",
        tried.stderr
    );
}

#[tokio::test]
async fn without_the_gate_there_is_no_mcp_and_that_is_no_failure() {
    let stack = Stack::new();
    let up = stack.up(&["--pro"], None).await.expect_success("local up");
    assert!(up.stdout.contains("skipped, because ENABLE_MCP_SERVER is not set"), "{}", up.stdout);
    let before = up.stderr.split_once("starting web").expect("it starts").0;
    assert!(before.contains("skipped, because ENABLE_MCP_SERVER is not set"), "not told first: {before}");
    let info = stack.info().await;
    assert_eq!(
        (&info["programs"]["web"]["running"], &info["programs"]["mcp"]["running"]),
        (&json!(true), &json!(false))
    );

    let build = stack.path("envs/local/.build");
    std::fs::write(&build, "ENABLE_MCP_SERVER=true\n").expect("written");
    succeeded(stack.up(&["--pro"], None).await, "the file opens the gate");
    assert_eq!(stack.info().await["programs"]["mcp"]["running"], true);
    succeeded(stack.up(&["--pro"], Some("false")).await, "the command line closes it");
    assert_eq!(stack.info().await["programs"]["mcp"]["running"], false);

    std::fs::write(&build, "\nENABLE_MCP_SERVER=maybe\n").expect("written");
    let refused = stack.up(&["--pro"], None).await;
    assert_eq!(refused.code, Some(64));
    assert!(refused.stderr.contains("envs/local/.build:2"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_community_stack_has_no_mcp_even_with_the_gate_open() {
    let stack = Stack::new();
    let up = stack.up(&[], Some("true")).await.expect_success("local up");
    assert!(up.stdout.contains("which has no MCP server"), "{}", up.stdout);
    let info = stack.info().await;
    assert_eq!((&info["edition"], &info["programs"]["mcp"]["running"]), (&json!("community"), &json!(false)));
}

#[tokio::test]
async fn only_the_cloud_stack_lets_agents_pay() {
    let stack = Stack::new();
    for (edition, expected) in [("--pro", false), ("--cloud", true)] {
        succeeded(stack.up(&[edition], Some("true")).await, "local up");
        let info = stack.info().await;
        assert_eq!(info["programs"]["mcp"]["running"], true, "{info}");
        let web = format!("http://127.0.0.1:{}", stack.web);
        assert_eq!(agents_may_pay(&web).await, expected, "{edition}");
    }
}
