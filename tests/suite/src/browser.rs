//! A headless Chromium: what a person would see.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::process::{self, on_path};

/// The names under which distributions install it.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Generous: the first start of a new profile takes seconds on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// A Chromium on this machine.
#[derive(Debug, Clone)]
pub struct Browser {
    program: PathBuf,
}

impl Browser {
    /// Looks for it on the `PATH`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn find() -> Result<Self, String> {
        let program = PROGRAMS.iter().find_map(|name| on_path(name));
        program.map(|program| Self { program }).ok_or_else(|| "no Chromium on the PATH".to_owned())
    }

    /// Where it is, for tests that drive it themselves.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The page's document after its scripts have run.
    ///
    /// # Errors
    /// When the browser fails.
    pub async fn document(&self, url: &str) -> Result<String, String> {
        self.run(&["--dump-dom"], url).await
    }

    /// Writes a picture of the page, 1000 by 800 pixels, as PNG.
    ///
    /// # Errors
    /// When the browser fails.
    pub async fn screenshot(&self, url: &str, png: &Path) -> Result<(), String> {
        let target = format!("--screenshot={}", png.display());
        self.run(&[&target, "--window-size=1000,800", "--hide-scrollbars"], url).await?;
        if png.exists() { Ok(()) } else { Err(format!("the browser wrote no {}", png.display())) }
    }

    async fn run(&self, flags: &[&str], url: &str) -> Result<String, String> {
        let profile = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = Command::new(&self.program);
        command
            .args(["--headless", "--disable-gpu", "--disable-quic", "--no-first-run"])
            // Tests reach loopback alone; without these it calls its maker at every start.
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            // Chromium's own sandbox does not start as root, which is who runs in CI containers. The pages
            // are our own.
            .args(["--no-sandbox", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(flags)
            .arg(url);
        let output = process::run(&mut command, DEADLINE).await?;
        if output.code == Some(0) { Ok(output.stdout) } else { Err(output.stderr) }
    }
}
