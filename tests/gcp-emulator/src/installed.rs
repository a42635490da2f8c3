//! Whether the real programs are installed, for tests that are skipped without them (`test_support::require!`).

use std::io::Write as _;
use std::process::{Command, Stdio};

/// The version that gcloud's requests and answers were recorded with.
const TESTED: &str = "528.0.0";

/// An error unless gcloud is installed. Warns of a version other than the recorded one, which may send other requests.
pub fn gcloud() -> Result<(), String> {
    let found = Command::new("gcloud").arg("--version").output();
    let found = found.map_err(|_| "gcloud is not installed".to_owned())?;
    if !String::from_utf8_lossy(&found.stdout).contains(TESTED) {
        // A closed standard error has no reader.
        let _ = writeln!(std::io::stderr(), "ATTENTION: this gcloud is not {TESTED}, the recorded version");
    }
    Ok(())
}

/// An error unless a Docker engine answers, with buildx, and there is a registry to push to.
pub fn engine() -> Result<(), String> {
    let answers = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        let status = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !(answers("docker", &["version"]) && answers("docker", &["buildx", "version"])) {
        return Err("there is no Docker engine with buildx".to_owned());
    }
    if answers("docker-registry", &["--version"]) {
        Ok(())
    } else {
        Err("docker-registry is not installed".to_owned())
    }
}
