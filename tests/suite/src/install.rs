//! Folders of third-party clients, installed once for each list of versions.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::process;

/// A registry that does not answer must not hold a test for ever.
pub(crate) const DEADLINE: Duration = Duration::from_mins(8);

/// The file of the pinned clients with this name.
pub(crate) fn pinned(name: &str) -> PathBuf {
    crate::workspace().join("tests/suite/clients").join(name)
}

/// The folder `target/clients/<kind>-<hash of the pins>`, filled by `fill` if nobody has done so yet.
///
/// A lock file makes tests that run at the same time wait for the one that installs. A folder that was not
/// finished is made anew.
///
/// # Errors
/// What went wrong with the installation: usually that the registry cannot be reached.
pub(crate) async fn folder<F>(kind: &str, pins: &[&str], fill: F) -> Result<PathBuf, String>
where
    F: AsyncFnOnce(&Path) -> Result<(), String>,
{
    let clients = crate::workspace().join("target/clients");
    fs::create_dir_all(&clients).map_err(|error| format!("{}: {error}", clients.display()))?;
    let clients = clients.canonicalize().map_err(|error| format!("{}: {error}", clients.display()))?;
    let name = format!("{kind}-{}", hash(pins));
    let folder = clients.join(&name);
    let lock = File::create(clients.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| format!("{name}.lock: {error}"))?;
    let complete = folder.join(".complete");
    if !complete.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        fill(&folder).await?;
        fs::write(&complete, "").map_err(|error| format!("{}: {error}", complete.display()))?;
    }
    Ok(folder)
}

/// Runs one step of an installation.
pub(crate) async fn step(command: &mut Command) -> Result<(), String> {
    let what = format!("{:?}", command.as_std());
    let output = process::run(command, DEADLINE).await?;
    if output.code == Some(0) {
        return Ok(());
    }
    let lines: Vec<&str> = output.stderr.lines().rev().take(5).collect();
    Err(format!("{what} failed: {}", lines.into_iter().rev().collect::<Vec<_>>().join(" | ")))
}

/// Enough of the SHA-256 of the files to tell one set of pins from another.
fn hash(pins: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for pin in pins {
        hasher.update(fs::read(pinned(pin)).expect("the pins are in the repository"));
    }
    let digest = hasher.finalize();
    let start: [u8; 8] = std::array::from_fn(|index| digest[index]);
    format!("{:016x}", u64::from_be_bytes(start))
}
