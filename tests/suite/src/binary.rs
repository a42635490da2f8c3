//! The workspace's programs, built from this checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::process::env;

/// The server, built once for each test process.
pub fn validibot_mcp() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("validibot-mcp"))
}

/// The stand-in Validibot as a program, built once for each test process.
pub fn validibot_sandbox() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("validibot-sandbox"))
}

/// The deploy and ops tool, built once for each test process.
pub fn xtask() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("xtask"))
}

/// One line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn build(bin: &str) -> PathBuf {
    let cargo = env("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--locked", "--message-format=json", "--workspace", "--bin", bin])
        // As the program that starts it: what is measured in a release build is a release build, too.
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(crate::workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(folder) = target_folder() {
        command.arg("--target-dir").arg(folder);
    }
    let output = command.output().expect("cargo starts");
    assert!(output.status.success(), "cargo build --workspace --bin {bin} failed");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == bin))
        .find_map(|message| message.executable)
        .unwrap_or_else(|| panic!("cargo named no executable for {bin}"))
}

/// The target folder that this test was built in, so that a build with `--target-dir` is not done twice:
/// the test itself is `<target>/<profile>/deps/<name>`.
pub fn target_folder() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let deps = test.parent().filter(|folder| folder.ends_with("deps"))?;
    Some(deps.parent()?.parent()?.to_owned())
}
