//! What every command is given: where things are, and its ways to act.

use std::path::{Path, PathBuf};

use crate::config::env::{Environment, Tree};
use crate::core::error::{Error, Result};
use crate::core::output::Printer;
use crate::core::runner::Runner;

/// The surroundings of a command.
#[derive(Clone)]
pub struct Context {
    /// The workspace's folder.
    pub root: PathBuf,
    /// The process environment.
    pub environment: Environment,
    /// The folder of the environment files.
    pub tree: Tree,
    /// Writes to the terminal.
    pub printer: Printer,
    /// Executes commands.
    pub runner: Runner,
}

impl Context {
    /// Finds the workspace and the environment files.
    ///
    /// `envs` is the command line's `--envs`; `VALIDIBOT_ENVS_DIR` comes after it, the workspace's own last.
    pub fn new(
        environment: Environment,
        envs: Option<PathBuf>,
        printer: Printer,
        runner: Runner,
        here: &Path,
    ) -> Result<Self> {
        // Cargo sets this crate's folder; without cargo the search starts in the current one.
        let start = environment.get("CARGO_MANIFEST_DIR").map_or_else(|| here.to_owned(), PathBuf::from);
        let root = workspace_of(&start).or_else(|| workspace_of(here)).ok_or_else(|| {
            Error::usage("this is not inside the Validibot MCP workspace")
                .cause(format!("no Cargo.toml with a [workspace] in {} or above it", here.display()))
                .hint("change into your clone, then run the command again")
        })?;
        let given = envs.or_else(|| {
            environment.get(envs::deploy::ENVS_DIR.name).filter(|value| !value.is_empty()).map(PathBuf::from)
        });
        let tree = match given {
            Some(folder) if !folder.is_dir() => {
                return Err(Error::usage(format!("{} is not a folder", folder.display()))
                    .hint("set --envs or VALIDIBOT_ENVS_DIR to the folder that holds the environments"));
            }
            Some(folder) => Tree::new(here.join(&folder), folder),
            None if root == here => Tree::new(root.join("envs"), "envs"),
            None => Tree::new(root.join("envs"), root.join("envs")),
        };
        Ok(Self { root, environment, tree, printer, runner })
    }

    /// The cargo that started us, or the one on PATH.
    pub fn cargo(&self) -> String {
        self.environment.get("CARGO").unwrap_or("cargo").to_owned()
    }
}

fn workspace_of(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
            manifest.parse::<toml::Table>().is_ok_and(|manifest| manifest.contains_key("workspace"))
        })
        .map(Path::to_owned)
}
