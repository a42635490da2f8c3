//! The server's image: small, alone, without rights, and honest about its health.

use std::time::Duration;

use suite::docker::{docker, engine, try_docker};
use suite::net::{free_port, http_client};
use suite::require;

use suite::docker::{RELEASE_IMAGE, release_image};

/// What the product promises. 14 MB until the REST API of Validibot 0.16 and `validate` came in.
const LARGEST: u64 = 15_000_000;
/// Generous: several health checks, two seconds apart.
const DEADLINE: Duration = Duration::from_mins(3);

/// A container of the image, switched off so that it needs no Validibot. It is removed when it is dropped.
struct Container {
    name: String,
    port: u16,
}

impl Container {
    async fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        let container = Self { name: format!("validibot-mcp-test-{port}"), port };
        let publish = format!("127.0.0.1:{port}:8080");
        let base = ["run", "--detach", "--name", &container.name, "--publish", &publish];
        let settings = [
            "--env",
            "VALIDIBOT_API_BASE_URL=http://127.0.0.1:1",
            "--env",
            "VALIDIBOT_MCP_BASE_URL=http://localhost:8001",
            "--env",
            "VALIDIBOT_MCP_ENABLED=false",
            "--env",
            "VALIDIBOT_MCP_SERVICE_KEY=only-for-this-test",
        ];
        docker(&[&base, &settings[..], arguments, &[RELEASE_IMAGE]].concat()).await;
        container
    }

    async fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.name]).await
    }

    async fn wait_for(&self, what: &str, format: &str, wanted: &str) {
        let seen = tokio::time::timeout(DEADLINE, async {
            while self.inspect(format).await != wanted {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        assert!(seen.await.is_ok(), "{what}: {}", self.inspect(format).await);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let remove = ["rm", "--force", "--volumes", &self.name];
        let _ = std::process::Command::new("docker").args(remove).output();
    }
}

#[tokio::test]
async fn the_image_is_small_and_says_what_it_is() {
    require!(engine().await);
    release_image().await;
    let size: u64 =
        docker(&["image", "inspect", "--format", "{{.Size}}", RELEASE_IMAGE]).await.parse().expect("bytes");
    suite::skip::say(&format!("the server's image has {size} bytes"));
    assert!(size <= LARGEST, "{size} bytes");
    let label = async |name: &str| {
        let format = format!("{{{{index .Config.Labels \"org.opencontainers.image.{name}\"}}}}");
        docker(&["image", "inspect", "--format", &format, RELEASE_IMAGE]).await
    };
    assert_eq!(label("title").await, "validibot-mcp");
    assert_eq!(label("version").await, env!("CARGO_PKG_VERSION"));
    assert_eq!(label("revision").await.split('-').next().map(str::len), Some(40));
    assert!(label("created").await.starts_with("20"));
    let user = docker(&["image", "inspect", "--format", "{{.Config.User}}", RELEASE_IMAGE]).await;
    assert_eq!(user, "65532:65532", "by number, and not root");
    let history = docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", RELEASE_IMAGE]).await;
    for word in ["SECRET", "TOKEN", "SERVICE_KEY", "SEAL_KEYS", "password"] {
        assert!(!history.contains(word), "{word} stands in the history:\n{history}");
    }
}

#[tokio::test]
async fn it_runs_without_any_right_and_ends_with_0() {
    require!(engine().await);
    release_image().await;
    let container = Container::start(&[
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--memory",
        "256m",
        "--pids-limit",
        "64",
        "--health-interval",
        "1s",
    ])
    .await;
    container.wait_for("healthy", "{{.State.Health.Status}}", "healthy").await;
    let url = format!("http://127.0.0.1:{}/readyz", container.port);
    assert_eq!(http_client().get(url).send().await.expect("an answer").status(), 200);
    docker(&["stop", &container.name]).await;
    assert_eq!(container.inspect("{{.State.ExitCode}}").await, "0");
    let shell = try_docker(&["run", "--rm", "--entrypoint", "/bin/sh", RELEASE_IMAGE]).await;
    assert_ne!(shell.code, Some(0), "there is no shell");
}

#[tokio::test]
async fn a_server_that_hangs_turns_unhealthy() {
    require!(engine().await);
    release_image().await;
    let container = Container::start(&["--health-interval", "1s", "--health-retries", "2"]).await;
    container.wait_for("healthy", "{{.State.Health.Status}}", "healthy").await;
    docker(&["kill", "--signal", "STOP", &container.name]).await;
    container.wait_for("unhealthy", "{{.State.Health.Status}}", "unhealthy").await;
    docker(&["kill", "--signal", "CONT", &container.name]).await;
    container.wait_for("healthy again", "{{.State.Health.Status}}", "healthy").await;
}
