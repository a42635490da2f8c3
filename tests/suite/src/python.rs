//! Python with pinned MCP clients.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::install::{self, pinned, step};
use crate::process::on_path;

/// Resolves with overrides, which pip cannot.
const INSTALLER: &str = "uv==0.13.9";

/// An interpreter that can import the clients.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// With `fastmcp` and the current `mcp`.
    ///
    /// # Errors
    /// Why it is not to be had here.
    pub async fn with_clients() -> Result<Self, String> {
        Self::with("requirements.txt").await
    }

    /// With the older `mcp` 1.x.
    ///
    /// # Errors
    /// Why it is not to be had here.
    pub async fn with_mcp1() -> Result<Self, String> {
        Self::with("requirements-mcp1.txt").await
    }

    /// With a client that pays by x402, and a facilitator.
    ///
    /// # Errors
    /// Why it is not to be had here.
    pub async fn with_x402() -> Result<Self, String> {
        Self::with("requirements-x402.txt").await
    }

    /// A command that runs this script, a path inside `tests/suite/clients`.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.interpreter);
        // Unbuffered: what was printed before a failure is seen.
        command.arg("-u").arg(pinned(name)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    async fn with(requirements: &str) -> Result<Self, String> {
        let python = on_path("python3").ok_or("no python3 on the PATH")?;
        let kind = requirements.trim_start_matches("requirements").trim_end_matches(".txt");
        let install = async |folder: &Path| {
            let (pip, uv) = (folder.join("bin/pip"), folder.join("bin/uv"));
            step(Command::new(&python).args(["-m", "venv"]).arg(folder)).await?;
            step(Command::new(pip).args(["install", "--quiet", INSTALLER])).await?;
            let mut command = Command::new(uv);
            command.args(["pip", "install", "--quiet", "--python"]).arg(folder.join("bin/python"));
            command.arg("--override").arg(pinned("overrides.txt"));
            command.arg("--requirements").arg(pinned(requirements));
            step(&mut command).await
        };
        let pins = [requirements, "overrides.txt"];
        let folder = install::folder(&format!("python{kind}"), &pins, install).await?;
        Ok(Self { interpreter: folder.join("bin/python") })
    }
}
