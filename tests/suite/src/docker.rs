//! The Docker engine of this machine, by its own client.

use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::process::{self, Output, on_path};
use crate::xtask::Xtask;

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(2);

/// Whether an engine with compose answers.
///
/// # Errors
/// What is missing.
pub async fn engine() -> Result<(), String> {
    on_path("docker").ok_or("no docker on the PATH")?;
    for arguments in [["version", "--format", "{{.Server.Version}}"].as_slice(), &["compose", "version"]] {
        let output = process::run(Command::new("docker").args(arguments), DEADLINE).await?;
        if output.code != Some(0) {
            return Err(format!("docker {} fails: {}", arguments[0], output.stderr.trim()));
        }
    }
    Ok(())
}

/// Runs the client, whatever comes of it.
pub async fn try_docker(arguments: &[&str]) -> Output {
    process::run(Command::new("docker").args(arguments), DEADLINE).await.expect("docker ends")
}

/// Runs the client, which must succeed; what it printed.
pub async fn docker(arguments: &[&str]) -> String {
    let output = try_docker(arguments).await.expect_success(&format!("docker {}", arguments.join(" ")));
    output.stdout.trim().to_owned()
}

/// The image that ships.
pub const RELEASE_IMAGE: &str = "validibot-mcp-test-release:current";

/// Builds the image that ships, once for all tests of a process.
pub async fn release_image() {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    BUILT
        .get_or_init(async || {
            let build = ["self-hosted", "build", "--project", "validibot-mcp-test-release"];
            let _ = Xtask::new().run(Some("true"), &build).await.expect_success("self-hosted build");
        })
        .await;
}
