//! Programs that a test runs to their end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

pub use test_support::skip::env;

/// The program of this name on the `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env("PATH")?;
    std::env::split_paths(OsStr::new(&path)).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What a program left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Output {
    /// The output of a program that must have succeeded.
    ///
    /// # Panics
    /// With both streams, when it did not.
    #[track_caller]
    #[must_use]
    pub fn expect_success(self, what: &str) -> Self {
        assert!(
            self.code == Some(0),
            "{what}: exit code {:?}\n--- standard output\n{}\n--- standard error\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Runs a program without standard input. It is killed when it takes longer than the deadline.
///
/// # Errors
/// When it cannot start or is not done in time; a failing exit code is no error.
pub async fn run(command: &mut Command, deadline: Duration) -> Result<Output, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(deadline, running).await {
        Ok(Ok(output)) => Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
        Ok(Err(error)) => Err(format!("{program} did not start: {error}")),
        Err(_) => Err(format!("{program} was not done after {} s", deadline.as_secs())),
    }
}
