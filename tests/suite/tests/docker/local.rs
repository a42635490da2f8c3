//! `local` with containers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::fixtures;
use serde_json::{Value, json};
use suite::docker::{docker, engine};
use suite::mcp::{Client, Era};
use suite::net::{agents_may_pay, free_port};
use suite::process::Output;
use suite::require;
use suite::xtask::Xtask;

use crate::{SANDBOX_IMAGE, images};

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
        self.brought("up", gate, arguments).await
    }

    /// Runs `up` or `rebuild` with this stack's ports.
    async fn brought(&self, verb: &str, gate: Option<&str>, arguments: &[&str]) -> Output {
        let ports = ["--runner", "docker", "--port", &self.web, "--mcp-port", &self.mcp];
        self.xtask.local(gate, &[&[verb], ports.as_slice(), arguments].concat()).await
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

    let _ = stack.brought("rebuild", Some("true"), &["--pro"]).await.expect_success("local rebuild");
    let after = containers(&stack.project()).await;
    assert!(
        after.len() == 2 && after.iter().all(|container| !before.contains(container)),
        "all anew: {after:?}"
    );
    let web = format!("http://127.0.0.1:{}", stack.web);
    assert!(!agents_may_pay(&web).await, "--pro has none");
    let cloud = stack.up(Some("true"), &["--cloud"]).await.expect_success("local up --cloud");
    assert!(cloud.stdout.contains(&format!("http://localhost:{}/mcp", stack.mcp)), "{}", cloud.stdout);
    assert!(agents_may_pay(&web).await, "--cloud has paid access");

    let closed = stack.up(None, &["--pro"]).await.expect_success("local up with the gate closed");
    assert!(closed.stdout.contains("skipped"), "{}", closed.stdout);
    let info = stack.info().await;
    assert_eq!(info["programs"]["mcp"]["running"], false, "behind a closed gate there is no mcp: {info}");
    assert_eq!(info["programs"]["web"]["running"], true, "{info}");
    assert_eq!(containers(&stack.project()).await.len(), 1);
    stack.down().await;
}

/// A checkout's compose files, of the form that the application's have (contract, E4): an address of its own that only its
/// containers know, every port published, a key that nobody else has in an environment file, a volume under the project's
/// name, and an `mcp` that ours has to replace.
fn checkout(folder: &std::path::Path) {
    std::fs::create_dir_all(folder.join(".envs/.local")).expect("a folder");
    let base = format!(
        "services:\n  web:\n    image: {SANDBOX_IMAGE}\n    ports: ['8000:8000']\n    networks: [validibot]\n    \
         env_file: [.envs/.local/.django]\n    environment:\n      SITE_URL: http://web:8000\n      \
         VALIDIBOT_SANDBOX_API_TOKEN:\n    volumes: ['storage:/storage']\n    \
         healthcheck: {{ interval: 1s }}\nnetworks:\n  validibot: {{}}\nvolumes:\n  storage: {{}}\n"
    );
    let pro = "services:\n  mcp:\n    profiles: [mcp]\n    build: { context: ./mcp }\n    ports: ['8001:8080']\n    \
               healthcheck: { test: [CMD, python] }\n    networks: [validibot]\n";
    std::fs::write(folder.join("docker-compose.local.yml"), base).expect("the file is written");
    std::fs::write(folder.join("docker-compose.local-pro.yml"), pro).expect("the file is written");
    std::fs::write(folder.join(".envs/.local/.django"), format!("VALIDIBOT_MCP_SERVICE_KEY={OWN_KEY}\n"))
        .expect("the file is written");
}

/// The key in the checkout's own file.
const OWN_KEY: &str = "the-key-that-the-checkout-has-already";

/// What a container of the stack is: its environment, and where its ports are published.
async fn inspected(project: &str, service: &str) -> Value {
    let text = docker(&["inspect", &format!("{project}-{service}-1")]).await;
    let all: Value = serde_json::from_str(&text).expect("JSON");
    all[0].clone()
}

/// The value of a variable in a container.
fn told<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let lines = container["Config"]["Env"].as_array().expect("a list").iter().filter_map(Value::as_str);
    lines.filter_map(|line| line.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[tokio::test]
async fn a_validibot_checkout_is_the_base_and_only_the_server_is_ours() {
    require!(engine().await);
    images().await;
    let stack = Stack::new();
    let folder = stack.xtask.path("validibot");
    checkout(&folder);
    let state = stack.xtask.path("state").display().to_string();
    let arguments = ["local", "up", "--pro", "--runner", "docker", "--state-dir", &state];
    let ports = ["--port", &stack.web, "--mcp-port", &stack.mcp];
    let up = async |checkout: &std::path::Path| {
        let mut command = stack.xtask.command(Some("true"), &[&arguments[..], &ports].concat());
        command.env("VALIDIBOT_DIR", checkout);
        suite::process::run(&mut command, std::time::Duration::from_mins(5)).await.expect("it ends")
    };
    let nowhere = up(&stack.xtask.path("nowhere")).await;
    assert_eq!(nowhere.code, Some(64), "{}", nowhere.stderr);
    assert!(
        nowhere.stderr.contains("VALIDIBOT_DIR does not name a Validibot checkout"),
        "{}",
        nowhere.stderr
    );

    let started = up(&folder).await.expect_success("local up over a checkout");
    let info = stack.info().await;
    let demo = std::fs::read_to_string(stack.xtask.path("envs/local/.test")).expect("the file");
    let demo = demo.lines().find_map(|line| line.strip_prefix("VALIDIBOT_E2E_TOKEN=")).expect("a token");
    assert_eq!(info["api_token"], Value::Null, "the application does not know the stand-in's token");
    assert!(
        !started.stdout.contains(demo) && started.stdout.contains("your API token"),
        "{}",
        started.stdout
    );
    let (web, mcp) = (inspected(&stack.project(), "web").await, inspected(&stack.project(), "mcp").await);
    for container in [&web, &mcp] {
        assert_eq!(told(container, "VALIDIBOT_MCP_SERVICE_KEY"), Some(OWN_KEY), "both have one key");
        let base = format!("http://localhost:{}", stack.mcp);
        assert_eq!(told(container, "VALIDIBOT_MCP_BASE_URL"), Some(base.as_str()));
    }
    let issuer = told(&mcp, "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL");
    assert_eq!(issuer, told(&web, "SITE_URL"), "tokens carry the application's own address");
    assert_eq!(issuer, Some("http://web:8000"));
    let published = &web["HostConfig"]["PortBindings"]["8000/tcp"];
    assert_eq!(*published, json!([{"HostIp": "127.0.0.1", "HostPort": stack.web}]), "where --port says");
    let volume = web["Mounts"][0]["Name"].as_str().expect("a volume").to_owned();
    assert_eq!(volume, format!("{}_storage", stack.project()));

    let url = info["mcp_url"].as_str().expect("a URL");
    Client::new(url, Era::Modern).with_token(demo).call_tool("list_workflows", json!({})).await.success();
    stack.down().await;
    let _ = docker(&["volume", "rm", &volume]).await;
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
