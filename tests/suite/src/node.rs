//! Node with pinned MCP clients, and with pinned agent products.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::install::{self, pinned, step};
use crate::process::on_path;

/// A node 22 with the packages of `tests/suite/clients/package.json`.
#[derive(Debug, Clone)]
pub struct Node {
    folder: PathBuf,
}

impl Node {
    /// Installs the packages where that has not been done yet.
    ///
    /// # Errors
    /// Why it is not to be had here.
    pub async fn with_clients() -> Result<Self, String> {
        let node = Self { folder: packages("node", "package.json").await? };
        if node.program().exists() { Ok(node) } else { Err("npm installed no node 22".to_owned()) }
    }

    /// A command that runs a package's program, such as `mcp-inspector`.
    pub fn bin(&self, name: &str) -> Command {
        let mut command = Command::new(self.program());
        command.arg(self.folder.join("node_modules/.bin").join(name)).current_dir(&self.folder);
        // Programs that start others by name find this node first.
        let path = crate::process::env("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.folder.join("node_modules/.bin").display()));
        command
    }

    /// A command that runs the anvil of this machine. The package's own launcher would not take it along when it is
    /// killed.
    ///
    /// # Panics
    /// When the package has none for this machine.
    pub fn anvil(&self) -> Command {
        let packages =
            fs::read_dir(self.folder.join("node_modules/@foundry-rs")).expect("the package is installed");
        let program = packages
            .filter_map(|entry| Some(entry.ok()?.path().join("bin/anvil")))
            .find(|program| program.exists())
            .expect("the package has a program for this machine");
        Command::new(program)
    }

    /// A command that runs this script, a path inside `tests/suite/clients`.
    ///
    /// # Panics
    /// When the script cannot be copied beside the packages, from where it can import them.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.program());
        command.arg(self.beside(name)).current_dir(&self.folder);
        command
    }

    /// Copies a module that scripts import to where they run; its path.
    ///
    /// # Panics
    /// As [`Self::script`].
    pub fn beside(&self, name: &str) -> PathBuf {
        let copy = self.folder.join(name);
        let text = fs::read(pinned(name)).expect("the script is in the repository");
        // Renamed into place: another test may be starting the same script.
        let draft = tempfile::NamedTempFile::new_in(&self.folder).expect("a file beside the packages");
        fs::write(draft.path(), text).expect("the script is copied");
        draft.persist(&copy).expect("the script is in place");
        copy
    }

    fn program(&self) -> PathBuf {
        self.folder.join("node_modules/.bin/node")
    }
}

/// The agent products of `tests/suite/clients/package-agents.json`, and the node that they run with.
#[derive(Debug, Clone)]
pub struct Agents {
    node: Node,
    folder: PathBuf,
}

impl Agents {
    /// Installs them where that has not been done yet: more than a gigabyte.
    ///
    /// # Errors
    /// Why they are not to be had here.
    pub async fn installed() -> Result<Self, String> {
        let node = Node::with_clients().await?;
        Ok(Self { node, folder: packages("agents", "package-agents.json").await? })
    }

    /// A command that runs a product's program, such as `codex`, at home in this folder and with nothing of the tests' own
    /// environment.
    pub fn program(&self, name: &str, home: &Path) -> Command {
        let mut command = Command::new(self.folder.join("node_modules/.bin").join(name));
        let node = self.node.folder.join("node_modules/.bin");
        command.env_clear().env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", node.display()));
        command.env("HOME", home).current_dir(home);
        command
    }
}

/// The folder with the packages of this file.
async fn packages(kind: &str, pins: &str) -> Result<PathBuf, String> {
    let npm = on_path("npm").ok_or("no npm on the PATH")?;
    let install = async |folder: &Path| {
        fs::copy(pinned(pins), folder.join("package.json")).map_err(|error| error.to_string())?;
        let mut command = Command::new(&npm);
        command.args(["install", "--no-audit", "--no-fund", "--no-package-lock"]).current_dir(folder);
        step(&mut command).await
    };
    install::folder(kind, &[pins], install).await
}
