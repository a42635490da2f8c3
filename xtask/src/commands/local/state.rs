//! What runs: written after each start and stop, so that the next command knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::error::{Error, Result};
use crate::core::process::Identity;

/// The stack that was last started from a state folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// `community` or `pro`.
    pub(super) edition: String,
    /// Whether agents may pay, as in Validibot's cloud.
    pub(super) cloud: bool,
    /// The version that the stand-in plays, as it is typed; empty in a state of before there were several.
    pub(super) validibot: String,
    /// By name.
    pub(super) programs: BTreeMap<String, Running>,
}

/// One program that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    /// The process.
    #[serde(flatten)]
    pub(super) identity: Identity,
    /// Where it listens.
    pub(super) port: u16,
    /// What it writes.
    pub(super) log: PathBuf,
    /// Of everything that decides how it behaves: another one means that it has to be started again.
    pub(super) fingerprint: String,
}

impl State {
    /// The last state; an empty one where there is none.
    pub(super) fn load(folder: &Path) -> Result<Self> {
        let path = path(folder);
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Self::default()) };
        serde_json::from_str(&text).map_err(|error| {
            Error::failed(format!("{} cannot be read", path.display()))
                .cause(error.to_string())
                .hint("stop the programs by hand if they are running, then remove the file")
        })
    }

    /// Replaces the file as a whole: a crash leaves the old state or the new one.
    pub(super) fn save(&self, folder: &Path) -> Result<()> {
        let (path, fresh) = (path(folder), folder.join("state.json.new"));
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&fresh, text))
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|error| {
                Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
            })
    }

    /// The program of this name, if it runs.
    pub(super) fn running(&self, name: &str) -> Option<&Running> {
        self.programs.get(name).filter(|program| program.identity.alive())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("state.json")
}
