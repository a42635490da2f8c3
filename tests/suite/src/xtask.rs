//! `cargo xtask`, the real program, with environment files and state of its own.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::binary;
use crate::process::{self, Output};

/// An image may have to be compiled and linked on a busy machine.
const DEADLINE: Duration = Duration::from_mins(40);

/// A folder for everything that the tool writes.
#[derive(Debug)]
pub struct Xtask {
    folder: TempDir,
}

impl Xtask {
    /// With empty environments.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("envs")).expect("a folder");
        Self { folder }
    }

    /// A path inside the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an environment file, such as `production/self-hosted/.mcp`.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path("envs").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("the file is written");
    }

    /// A command with the gate in this position; `None` leaves it to the files.
    pub fn command(&self, gate: Option<&str>, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::xtask());
        command.arg("--envs").arg(self.path("envs")).args(arguments);
        command.current_dir(crate::workspace()).env_remove("ENABLE_MCP_SERVER").env_remove("VALIDIBOT_DIR");
        if let Some(gate) = gate {
            command.env("ENABLE_MCP_SERVER", gate);
        }
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, gate: Option<&str>, arguments: &[&str]) -> Output {
        process::run(&mut self.command(gate, arguments), DEADLINE).await.expect("it ends")
    }

    /// As [`Self::run`], for `local`, which keeps a state.
    pub async fn local(&self, gate: Option<&str>, arguments: &[&str]) -> Output {
        let state = self.path("state").display().to_string();
        let arguments = [&["local"], arguments, &["--state-dir", &state]].concat();
        self.run(gate, &arguments).await
    }
}

impl Default for Xtask {
    fn default() -> Self {
        Self::new()
    }
}
