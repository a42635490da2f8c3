//! `self-hosted`: beside a Validibot that runs already, and its updates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gcp_emulator::{Registry, installed};
use sandbox::fixtures;
use serde_json::json;
use suite::docker::{docker, engine, try_docker};
use suite::mcp::{Client, Era};
use suite::net::{free_port, http_client};
use suite::process::Output;
use suite::require;
use suite::xtask::Xtask;
use tokio::time::Instant;

use crate::{SANDBOX_IMAGE, SERVER_IMAGE, images, journey};

/// A Validibot on a network of its own, and an installation of the server beside it.
struct Site {
    xtask: Xtask,
    name: String,
    port: u16,
}

impl Site {
    async fn start() -> Self {
        let port = free_port();
        let site = Self { xtask: Xtask::new(), name: format!("validibot-mcp-test-{port}"), port };
        let (network, web) = (site.network(), site.web());
        docker(&["network", "create", &network]).await;
        let key = format!("VALIDIBOT_MCP_SERVICE_KEY={}", fixtures::SERVICE_KEY);
        let run = ["run", "--detach", "--name", &web, "--network", &network, "--network-alias", "web"];
        docker(&[&run[..], &["--env", &key, SANDBOX_IMAGE]].concat()).await;
        site.write_build("true");
        site.xtask.write(
            "production/self-hosted/.mcp",
            &format!(
                "VALIDIBOT_API_BASE_URL=http://web:8000\nVALIDIBOT_MCP_BASE_URL=http://localhost:{port}\n{key}\n"
            ),
        );
        site
    }

    fn network(&self) -> String {
        format!("{}-network", self.name)
    }

    fn web(&self) -> String {
        format!("{}-web", self.name)
    }

    fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn write_build(&self, gate: &str) {
        let (network, port) = (self.network(), self.port);
        self.xtask.write(
            "production/self-hosted/.build",
            &format!(
                "ENABLE_MCP_SERVER={gate}\nVALIDIBOT_NETWORK={network}\nVALIDIBOT_MCP_PUBLISH=127.0.0.1:{port}\n"
            ),
        );
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let arguments = [&["self-hosted"], arguments, &["--project", &self.name]].concat();
        self.xtask.run(None, &arguments).await
    }

    /// An image made from a container, with one instruction more.
    async fn variant(&self, container: &str, tag: &str, change: &str) -> String {
        let image = format!("{}:{tag}", self.name);
        docker(&["commit", "--pause=false", "--change", change, container, &image]).await;
        image
    }

    /// Asks all the time, until told to stop; the longest time without an answer, and the failures.
    fn poll(&self) -> (Arc<AtomicBool>, tokio::task::JoinHandle<(Duration, usize)>) {
        let (stop, url) = (Arc::new(AtomicBool::new(false)), format!("{}/readyz", self.base()));
        let stopped = stop.clone();
        let polling = tokio::spawn(async move {
            let (mut last, mut gap, mut failed) = (Instant::now(), Duration::ZERO, 0);
            while !stopped.load(Ordering::Relaxed) {
                // A client of its own for each request: a connection that stays open would hide a closed port.
                // A closed port refuses at once; a busy machine may take long to answer, which is no failure.
                match http_client().get(&url).timeout(Duration::from_mins(1)).send().await {
                    Ok(answer) if answer.status() == 200 => {
                        gap = gap.max(last.elapsed());
                        last = Instant::now();
                    }
                    _ => failed += 1,
                }
            }
            (gap, failed)
        });
        (stop, polling)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let run = |arguments: &[&str]| {
            let _ = std::process::Command::new("docker").args(arguments).output();
        };
        run(&["compose", "--project-name", &self.name, "down", "--remove-orphans"]);
        run(&["rm", "--force", &self.web(), &format!("{}-candidate", self.name)]);
        run(&["network", "rm", &self.network()]);
        for tag in ["current", "previous", "candidate", "bad", "good"] {
            run(&["image", "rm", "--force", &format!("{}:{tag}", self.name)]);
        }
    }
}

#[tokio::test]
async fn the_server_serves_beside_a_validibot_and_is_replaced_only_by_one_that_works() {
    require!(engine().await);
    images().await;
    let site = Site::start().await;
    let _ = site.run(&["up", "--image", SERVER_IMAGE]).await.expect_success("self-hosted up");
    let client = Client::new(&format!("{}/mcp", site.base()), Era::Modern).with_token(fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();
    journey(&site.xtask, "self-hosted", "production/self-hosted", &site.base()).await;
    let container = format!("{}-mcp-1", site.name);
    let limits = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Memory}} \
                  {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.LogConfig.Type}}";
    let limits = docker(&["inspect", "--format", limits, &container]).await;
    assert_eq!(limits, "true [ALL] 268435456 unless-stopped local");

    // Images that differ from the running one in one line.
    let bad = site.variant(&container, "bad", r#"ENTRYPOINT ["/validibot-mcp", "no-such-command"]"#).await;
    let good = site.variant(&container, "good", "LABEL update=1").await;

    let id = docker(&["inspect", "--format", "{{.Id}}", &container]).await;
    let (stop, polling) = site.poll();
    let broken = site.run(&["update", "--image", &bad]).await;
    stop.store(true, Ordering::Relaxed);
    let (_, failed) = polling.await.expect("the poll ends");
    assert_eq!(broken.code, Some(1), "{}", broken.stderr);
    assert!(broken.stderr.contains("the running one was left alone"), "{}", broken.stderr);
    assert_eq!(failed, 0, "a client saw a failure");
    assert_eq!(docker(&["inspect", "--format", "{{.Id}}", &container]).await, id, "it is the same container");
    let candidate = format!("{}-candidate", site.name);
    assert_ne!(try_docker(&["inspect", &candidate]).await.code, Some(0), "the broken one is gone");

    let (stop, polling) = site.poll();
    let _ = site.run(&["update", "--image", &good]).await.expect_success("self-hosted update");
    stop.store(true, Ordering::Relaxed);
    let (gap, failed) = polling.await.expect("the poll ends");
    suite::skip::say(&format!(
        "a self-hosted update: {} ms without an answer, {failed} requests failed",
        gap.as_millis()
    ));
    let label = docker(&["inspect", "--format", "{{index .Config.Labels \"update\"}}", &container]).await;
    assert_eq!(label, "1", "the new image runs");
    client.call_tool("list_workflows", json!({})).await.success();

    let logs = site.run(&["logs"]).await.expect_success("self-hosted logs");
    assert!(logs.stdout.contains("listening"), "{}", logs.stdout);
    let _ = site.run(&["down"]).await.expect_success("self-hosted down");
    assert_ne!(try_docker(&["inspect", &container]).await.code, Some(0));
    assert_eq!(docker(&["inspect", "--format", "{{.State.Status}}", &site.web()]).await, "running");
}

#[tokio::test]
async fn an_image_that_is_not_on_this_machine_is_pulled() {
    require!(engine().await.and_then(|()| installed::engine()));
    images().await;
    let site = Site { xtask: Xtask::new(), name: format!("validibot-mcp-test-{}", free_port()), port: 0 };
    site.write_build("true");
    let registry = Registry::start().expect("a registry");
    let image = format!("{}/validibot/validibot-mcp:1", registry.address());
    docker(&["tag", SERVER_IMAGE, &image]).await;
    docker(&["push", "--quiet", &image]).await;
    docker(&["image", "rm", &image]).await;

    let _ = site.run(&["build", "--image", &image]).await.expect_success("self-hosted build");
    let id =
        |image: String| async move { docker(&["image", "inspect", "--format", "{{.Id}}", &image]).await };
    assert_eq!(id(format!("{}:current", site.name)).await, id(SERVER_IMAGE.to_owned()).await);
    docker(&["image", "rm", &image]).await;

    let missing = image.replace(":1", ":2");
    let refused = site.run(&["build", "--image", &missing]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for said in [missing.as_str(), "docker login"] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn the_gate_and_the_settings_are_checked_before_anything_starts() {
    require!(engine().await);
    images().await;
    let site = Site::start().await;
    site.write_build("no");
    let closed = site.run(&["up", "--image", SERVER_IMAGE]).await.expect_success("up behind a closed gate");
    assert!(closed.stdout.contains("skipped"), "{}", closed.stdout);
    site.write_build("maybe");
    let unclear = site.run(&["up", "--image", SERVER_IMAGE]).await;
    assert_eq!(unclear.code, Some(64), "{}", unclear.stderr);
    assert!(unclear.stderr.contains(".build:1"), "{}", unclear.stderr);

    site.write_build("true");
    site.xtask.write(
        "production/self-hosted/.mcp",
        "VALIDIBOT_API_BASE_URL=http://web:8000\nVALIDIBOT_MCP_SERVICE_KEY='<a long random string>'\n",
    );
    let incomplete = site.run(&["up", "--image", SERVER_IMAGE]).await;
    assert_eq!(incomplete.code, Some(64), "{}", incomplete.stderr);
    for name in ["VALIDIBOT_MCP_BASE_URL", "VALIDIBOT_MCP_SERVICE_KEY"] {
        assert!(incomplete.stderr.contains(name), "{name} is not named: {}", incomplete.stderr);
    }
    let list = docker(&["ps", "--all", "--quiet", "--filter", &format!("name={}-mcp", site.name)]).await;
    assert_eq!(list, "", "nothing was started");
}

#[tokio::test]
async fn a_network_that_is_not_there_is_named() {
    require!(engine().await);
    images().await;
    let site = Site::start().await;
    site.xtask.write(
        "production/self-hosted/.build",
        "ENABLE_MCP_SERVER=true\nVALIDIBOT_NETWORK=validibot-nowhere\n",
    );
    let missing = site.run(&["up", "--image", SERVER_IMAGE]).await;
    assert_eq!(missing.code, Some(1), "{}", missing.stderr);
    assert!(missing.stderr.contains("there is no Docker network 'validibot-nowhere'"), "{}", missing.stderr);
}
