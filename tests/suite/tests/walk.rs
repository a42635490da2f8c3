//! A newcomer's walk: a fresh clone, and the README's commands of the local stack, in their order, on a machine with
//! Rust and nothing else.
//!
//! It takes the ports that the README names. A test binary runs alone, so no other suite needs them meanwhile.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::json;
use suite::mcp::{Client, Era};
use suite::process::{Output, on_path, run};
use suite::{binary, require};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

/// The clone's own crates are compiled on a machine that may be busy.
const DEADLINE: Duration = Duration::from_mins(20);

/// What a question of the tool ends with.
const QUESTION: &[u8] = b"[y/N]";

/// The sections that a newcomer without a cloud or a Validibot can follow, as the README calls them.
const SECTIONS: [&str; 4] = ["Try it", "Connect your client", "The two gates", "I work on this code"];

/// The ports that the README's stack takes.
const PORTS: [u16; 2] = [8000, 8001];

/// Where this test itself was compiled.
fn compiled_folder() -> PathBuf {
    binary::target_folder().expect("this test's own target folder")
}

/// The libraries that this checkout's programs and documentation tests are made of, and when each was written.
fn libraries() -> BTreeMap<PathBuf, SystemTime> {
    let folder = compiled_folder().join("debug/deps");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rlib"))
        .map(|path| (path.clone(), path.metadata().and_then(|file| file.modified()).expect("a file's time")))
        .collect()
}

/// A fresh clone.
struct Clone {
    folder: TempDir,
}

impl Clone {
    async fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut git = Command::new("git");
        git.args(["clone", "--quiet"]).arg(suite::workspace()).arg(folder.path().join("clone"));
        let _ = run(&mut git, DEADLINE).await.expect("it ends").expect_success("git clone");
        Self { folder }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    /// A line of the README, for a shell.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.root()).kill_on_drop(true);
        for variable in envs::VARIABLES.iter().flat_map(|area| area.iter()) {
            command.env_remove(variable.name);
        }
        // Rust and nothing else: the stack runs as processes.
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        // What others wrote is compiled already: it is taken from there. Programs go into the clone's own folder, and
        // its crates are compiled in a way of their own: Cargo tells two workspaces' crates apart by their profile, not
        // by their folder, and a crate of this checkout that the clone's replaced would no longer fit its dependents.
        command
            .env("CARGO_BUILD_BUILD_DIR", compiled_folder())
            .env("CARGO_TARGET_DIR", self.root().join("target"))
            .env("CARGO_INCREMENTAL", "0");
        command
    }

    async fn take(&self, line: &str) -> Output {
        if line.contains(" -f") {
            return self.watch(line).await;
        }
        if line.ends_with("local clean") {
            return self.say_yes(line).await;
        }
        run(&mut self.command(line), DEADLINE).await.expect("it ends")
    }

    /// What goes on until Ctrl-C: that comes after the first line.
    async fn watch(&self, line: &str) -> Output {
        let mut command = self.command(line);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("it says something");
        let group = i32::try_from(child.id().expect("it runs")).expect("a process id");
        killpg(Pid::from_raw(group), Signal::SIGINT).expect("it is there");
        let mut stderr = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut stderr).await.expect("text");
        let status =
            tokio::time::timeout(DEADLINE, child.wait()).await.expect("Ctrl-C ends it").expect("it ends");
        let stdout = first.expect("text").unwrap_or_default();
        // The shell passes on how the tool ended; 130 is how an interrupted one does.
        let code = status.code().filter(|code| *code != 130).or(Some(0)).filter(|_| !stdout.is_empty());
        Output { code, stdout, stderr }
    }

    /// What asks on a terminal: a yes is typed there.
    async fn say_yes(&self, line: &str) -> Output {
        let mut command = self.command(&format!("script --quiet --return --command '{line}' /dev/null"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        // What is typed before the question is thrown away, so the answer waits for it.
        let mut keyboard = child.stdin.take().expect("a pipe");
        let mut printed = child.stdout.take().expect("a pipe");
        let mut stdout = Vec::new();
        let asked = tokio::time::timeout(DEADLINE, async {
            let is_asked = |printed: &[u8]| printed.windows(QUESTION.len()).any(|part| part == QUESTION);
            while !is_asked(&stdout) && printed.read_buf(&mut stdout).await.expect("output") > 0 {}
        });
        asked.await.unwrap_or_else(|_| panic!("no question in: {}", String::from_utf8_lossy(&stdout)));
        keyboard.write_all(b"y\n").await.expect("typed");
        let ended = tokio::time::timeout(DEADLINE, async {
            printed.read_to_end(&mut stdout).await.expect("output");
            child.wait_with_output().await
        });
        let output = ended.await.expect("in time").expect("it ends");
        drop(keyboard);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Output { code: output.status.code(), stdout: text(&stdout), stderr: text(&output.stderr) }
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        // Also when the test has failed: nothing may go on running.
        let _ = self.command("cargo xtask local down").as_std_mut().output();
    }
}

/// The commands of these sections: lines of code blocks that begin with a program of ours or of the shell, without
/// their comments. Other lines of code blocks are what a program says.
fn commands(readme: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut section = "";
    for line in readme.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let Some(code) = line.strip_prefix("    ").filter(|_| SECTIONS.contains(&section)) else { continue };
        let code = code.split(" # ").next().unwrap_or_default().trim_end();
        if ["cargo xtask ", "ENABLE_MCP_SERVER=true cargo xtask ", "echo "]
            .iter()
            .any(|start| code.starts_with(start))
        {
            commands.push(code.to_owned());
        }
    }
    commands
}

/// What has to be here, beside Rust.
fn ready() -> Result<(), String> {
    for program in ["git", "script"] {
        on_path(program).ok_or(format!("{program} is not on the PATH"))?;
    }
    if !suite::workspace().join(".git").exists() {
        return Err("this checkout is no git repository".to_owned());
    }
    for port in PORTS {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| format!("port {port}: {error}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn the_readme_s_commands_work_in_their_order_on_a_fresh_clone() {
    require!(ready());
    let before = libraries();
    let clone = Clone::make().await;
    let readme = std::fs::read_to_string(clone.root().join("README.md")).expect("the README");
    let commands = commands(&readme);
    assert!(
        commands.len() >= 12,
        "the README has lost commands, or this test the way to find them: {commands:?}"
    );
    for line in &commands {
        suite::skip::say(&format!("walk: {line}"));
        let output = clone.take(line).await.expect_success(line);
        if line.starts_with("ENABLE_MCP_SERVER=true cargo xtask local up") {
            connect(&output.stdout).await;
        }
        if line.ends_with("test-e2e") {
            assert!(output.stdout.contains("0 failed"), "{}", output.stdout);
        }
    }
    for port in PORTS {
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "port {port} is still taken");
    }
    assert!(!clone.root().join("target/local").exists(), "`clean` leaves no logs or state");
    let after = libraries();
    for (library, written) in &before {
        assert_eq!(Some(written), after.get(library), "{} was this checkout's own", library.display());
    }
}

/// What the first command prints is enough for a client.
async fn connect(printed: &str) {
    let after = |label: &str| {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} is not in {printed}"))
            .split_whitespace()
            .next()
            .expect("a value")
            .to_owned()
    };
    let (url, token) = (after("mcp:"), after("token:"));
    for era in Era::BOTH {
        let list =
            Client::new(&url, era).with_token(&token).call_tool("list_workflows", json!({})).await.success();
        assert!(list["result"].as_array().is_some_and(|list| !list.is_empty()), "{list}");
    }
}

#[test]
fn commands_are_told_from_what_programs_say() {
    let page = "## Try it\n\ntext\n\n    A=1 x\n    ENABLE_MCP_SERVER=true cargo xtask local up   # why\n    web:  http\n      claude mcp add\n\
                ## Elsewhere\n\n    cargo xtask test\n## The two gates\n\n    echo A=1 >> envs/local/.build\n";
    assert_eq!(
        commands(page),
        ["ENABLE_MCP_SERVER=true cargo xtask local up", "echo A=1 >> envs/local/.build"]
    );
    // The sections are the README's own.
    let readme = std::fs::read_to_string(suite::workspace().join("README.md")).expect("the README");
    for section in SECTIONS {
        assert!(readme.contains(&format!("\n## {section}\n")), "the README has no section '{section}'");
    }
}
