//! The tool on a terminal of a known width, and where there is none: colours, wrapping, and what Ctrl-C leaves.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use xtask::core::output::{columns, plain};

/// The program, told nothing by this machine's own settings of colours.
fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(args).env("TERM", "xterm-256color");
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "CI", "ENABLE_MCP_SERVER", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

fn piped(args: &[&str], environment: &[(&str, &str)]) -> Output {
    xtask(args).envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

/// How long a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held where a program is started that outlives its test's call: it would keep another test's fresh terminal open.
static STARTING: Mutex<()> = Mutex::new(());

/// A program on a terminal: what is shown there so far, and its keyboard.
struct Session {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    keyboard: File,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Session {
    fn start(mut command: Command, width: u16) -> Self {
        let size = Winsize { ws_row: 24, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
        let (keyboard, terminal) = {
            let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            let pair = openpty(Some(&size), None).unwrap();
            // The copies are closed in children, which the first ones are not.
            (File::from(pair.master).try_clone().unwrap(), File::from(pair.slave).try_clone().unwrap())
        };
        let child = command
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal)
            .spawn()
            .unwrap();
        // The command holds our copies of the terminal, which would never be closed.
        drop(command);
        let mut screen = keyboard.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // The end of a terminal is an error on Linux.
            while let Ok(read) = screen.read(&mut chunk) {
                if read == 0 {
                    break;
                }
                kept.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self { child, shown, keyboard, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace("\r\n", "\n")
    }

    fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.text().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "no '{text}' yet:\n{}", self.text());
            assert!(self.child.try_wait().unwrap().is_none(), "it ended without '{text}':\n{}", self.text());
            std::thread::yield_now();
        }
    }

    fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn end(&mut self) -> (String, Option<i32>) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        (self.text(), code)
    }
}

fn on_terminal(args: &[&str], width: u16) -> (String, Option<i32>) {
    Session::start(xtask(args), width).end()
}

#[test]
fn pipes_get_no_escape_codes_and_a_terminal_gets_colours_unless_it_is_told_otherwise() {
    let tree = tempfile::tempdir().unwrap();
    let envs = tree.path().display().to_string();
    let lines: [&[&str]; 4] = [&[], &["--help"], &["lokal"], &["doctor", "--offline", "--envs", &envs]];
    for args in lines {
        let output = piped(args, &[]);
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.contains(&0x1b), "{args:?} in a pipe: {}", String::from_utf8_lossy(&said));
        let forced = piped(args, &[("CLICOLOR_FORCE", "1")]);
        assert!([forced.stdout, forced.stderr].concat().contains(&0x1b), "{args:?} with CLICOLOR_FORCE");
        let (shown, _) = on_terminal(args, 80);
        assert!(shown.contains('\u{1b}'), "{args:?} on a terminal: {shown}");
        for choice in ["--color=never", "--color=always"] {
            let with = [&[choice], args].concat();
            let (shown, _) = on_terminal(&with, 80);
            assert_eq!(shown.contains('\u{1b}'), choice == "--color=always", "{with:?}: {shown}");
        }
        let mut plainly = xtask(args);
        plainly.env("NO_COLOR", "1");
        let (shown, _) = Session::start(plainly, 80).end();
        assert!(!shown.contains('\u{1b}'), "{args:?} with NO_COLOR: {shown}");
    }
}

#[test]
fn no_line_is_longer_than_the_terminal_is_wide_but_for_what_is_copied() {
    let tree = tempfile::tempdir().unwrap();
    let envs = tree.path().display().to_string();
    for args in [
        &["help", "all"][..],
        &[],
        &["env", "explain", "VALIDIBOT_API_BASEURL"],
        &["env", "check", "dev", "--envs", "."],
        &["local", "up", "--port", "8001"],
        &["doctor", "self-hosted", "--offline", "--envs", &envs],
    ] {
        for width in [60, 80] {
            let (shown, _) = on_terminal(args, width);
            let long = |line: &&str| columns(line) > usize::from(width) && !line.contains("cargo xtask");
            // A word that is too long by itself stays whole: it is a path or an address.
            let long: Vec<_> = shown.lines().filter(long).filter(|line| line.trim().contains(' ')).collect();
            assert!(long.is_empty(), "{args:?} at {width}: {long:#?}");
        }
    }
}

#[test]
fn it_says_its_version_and_is_quiet_where_that_is_asked_for() {
    let version = piped(&["--version"], &[]);
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        format!("cargo xtask {}\n", env!("CARGO_PKG_VERSION"))
    );
    let pages = tempfile::tempdir().unwrap();
    let folder = pages.path().display().to_string();
    assert!(!piped(&["man", &folder], &[]).stderr.is_empty());
    let quiet = piped(&["man", &folder, "--quiet"], &[]);
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{quiet:?}");
    let both = piped(&["--quiet", "--verbose"], &[]);
    assert_eq!(both.status.code(), Some(64));
}

/// A stack of two scripts, as in `local.rs`.
struct Stack(tempfile::TempDir);

impl Stack {
    fn new() -> Self {
        let stack = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(stack.0.path().join("envs")).unwrap();
        for name in ["validibot-sandbox", "validibot-mcp"] {
            let path = stack.0.path().join(name);
            let script = "#!/bin/sh\n[ \"$1\" = healthcheck ] && exec test -e \"$0.up\"\n\
                echo '{\"severity\":\"INFO\",\"time\":\"2026-12-01T10:00:00.123456Z\",\"message\":\"ready\",\"port\":1}'\n\
                trap 'exit 0' TERM; : > \"$0.up\"; sleep 600 & wait\n";
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        stack
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = xtask(&["local"]);
        command.args(args).args(["--state-dir".as_ref(), self.0.path().join("state").as_os_str()]);
        command.args(["--envs".as_ref(), self.0.path().join("envs").as_os_str()]);
        command.env("ENABLE_MCP_SERVER", "true");
        command
    }

    fn up(&self) -> Output {
        let port = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ports = [port(), port()];
        let [web, mcp] = ports.map(|port| port.local_addr().unwrap().port().to_string());
        let mut up = self.command(&["up", "--pro", "--port", &web, "--mcp-port", &mcp]);
        up.args(["--bin-dir".as_ref(), self.0.path().as_os_str()]);
        let started = {
            let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        started.wait_with_output().unwrap()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failure; one that has ended is no longer there.
        let _ = self.child.kill();
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}

#[test]
fn ctrl_c_is_how_one_leaves_a_log() {
    let stack = Stack::new();
    let up = stack.up();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let mut following = Session::start(stack.command(&["logs", "-f", "mcp"]), 80);
    following.wait_for("ready");
    kill(Pid::from_raw(i32::try_from(following.child.id()).unwrap()), Signal::SIGINT).unwrap();
    let (shown, code) = following.end();
    assert_eq!(code, Some(130));
    assert!(!shown.contains("error") && !shown.contains("interrupted"), "{shown}");
}

#[test]
fn a_log_is_for_people_on_a_terminal_and_as_it_was_written_in_a_pipe() {
    let stack = Stack::new();
    assert!(stack.up().status.success());
    let raw = stack.command(&["logs", "mcp"]).output().unwrap();
    let line = String::from_utf8(raw.stdout).unwrap();
    let value: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!(value["message"], "ready");
    let (shown, code) = Session::start(stack.command(&["logs"]), 80).end();
    assert_eq!(code, Some(0));
    let shown = plain(&shown);
    assert!(shown.contains("mcp | 10:00:00 INFO  ready port=1"), "{shown}");
}

#[test]
fn a_restart_is_of_the_stack_that_runs_and_the_usual_words_are_known() {
    let stack = Stack::new();
    let nothing = stack.command(&["restart"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stack.up().status.success());
    let pid = |stack: &Stack| {
        let status = stack.command(&["status", "--json"]).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        (status["programs"]["mcp"]["pid"].clone(), status["programs"]["mcp"]["port"].clone())
    };
    let (first, port) = pid(&stack);
    let folder = stack.0.path().display().to_string();
    let closed =
        stack.command(&["restart", "--bin-dir", &folder]).env("ENABLE_MCP_SERVER", "false").output().unwrap();
    let said = String::from_utf8(closed.stderr).unwrap();
    assert!(said.contains("local restart: skipped") && closed.status.success(), "{said}");
    assert_eq!(pid(&stack), (first.clone(), port.clone()), "a closed gate touches nothing");
    let again = stack.command(&["restart", "--bin-dir", &folder]).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let (second, same_port) = pid(&stack);
    assert!(second != first && second.is_number() && same_port == port, "{second} {same_port}");
    assert!(stack.command(&["stop"]).output().unwrap().status.success());
    assert!(pid(&stack).0.is_null());
}

#[test]
fn values_that_only_the_operator_knows_are_asked_for_on_a_terminal() {
    let tree = tempfile::tempdir().unwrap();
    let envs = tree.path().display().to_string();
    let mut asking = Session::start(xtask(&["env", "init", "self-hosted", "--envs", &envs]), 80);
    asking.wait_for("Open the gate");
    asking.type_line("y");
    // What is typed before a question is asked is no answer to it. Enter leaves each of the others for later.
    let mut answers = ["not an address", "https://mcp.acme.test"].into_iter();
    let mut asked = 0;
    let begun = Instant::now();
    while asking.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "{}", asking.text());
        if asking.text().matches("later) >").count() > asked {
            asked += 1;
            asking.type_line(answers.next().unwrap_or_default());
        }
        std::thread::yield_now();
    }
    let (shown, code) = asking.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("not taken"), "{shown}");
    let read =
        |name: &str| std::fs::read_to_string(tree.path().join("production/self-hosted").join(name)).unwrap();
    assert!(read(".mcp").contains("\nVALIDIBOT_MCP_BASE_URL=https://mcp.acme.test\n"), "{shown}");
    assert!(read(".build").contains("\nENABLE_MCP_SERVER=true\n"), "{shown}");
    assert!(shown.contains("SERVER_URL: set your own value"), "{shown}");
    let other = tempfile::tempdir().unwrap();
    let envs = other.path().display().to_string();
    let (shown, code) = on_terminal(&["env", "init", "self-hosted", "--yes", "--envs", &envs], 80);
    assert!(code == Some(0) && !shown.contains("later)"), "{shown}");
}

#[test]
fn bash_completes_stages_variables_and_steps_for_the_alias_and_for_cargo() {
    let bash = Command::new("bash").arg("--version").output();
    test_support::require!(bash.map_err(|_| "no bash".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("xtask.bash");
    std::fs::write(&script, piped(&["completions", "bash"], &[]).stdout).unwrap();
    let complete = |words: &str, function: &str| {
        let line = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); \
             {function} \"${{COMP_WORDS[0]}}\" \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &line]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (words, expected) in [
        ("xtask env check sel", "self-hosted"),
        ("xtask env explain ENABLE_", "ENABLE_MCP_SERVER"),
        ("xtask diagnose --stage stag", "staging"),
        ("xtask gcp deploy-all dev --only migr", "migrate"),
        ("xtask gcp plan pro", "prod"),
        ("xtask doctor loc", "local"),
        ("xtask local logs w", "web"),
    ] {
        assert_eq!(complete(words, "_xtask").trim(), expected, "{words}");
        let cargo = format!("cargo {words}");
        assert_eq!(complete(&cargo, "_cargo_xtask").trim(), expected, "{cargo}");
    }
}

#[test]
fn a_spinner_leaves_the_time_that_it_took_and_no_other_trace() {
    let stack = Stack::new();
    let port = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ports = [port(), port()];
    let [web, mcp] = ports.map(|port| port.local_addr().unwrap().port().to_string());
    let mut up = stack.command(&["up", "--pro", "--port", &web, "--mcp-port", &mcp]);
    up.args(["--bin-dir".as_ref(), stack.0.path().as_os_str()]);
    let (shown, code) = Session::start(up, 80).end();
    assert_eq!(code, Some(0), "{shown}");
    let screen = screen(&shown);
    let about: Vec<_> = screen.iter().filter(|line| line.starts_with("starting mcp")).collect();
    assert_eq!(about.len(), 1, "{screen:#?}");
    assert!(about[0].ends_with(" s"), "{about:?}");
    assert!(
        !screen.iter().any(|line| line.contains(['⠁', '⠂', '⠄', '⡀', '⢀', '⠠', '⠐', '⠈'])),
        "{screen:#?}"
    );
}

/// What is left on the screen of what was written.
fn screen(shown: &str) -> Vec<String> {
    let mut terminal = vt100::Parser::new(200, 80, 0);
    terminal.process(shown.replace('\n', "\r\n").as_bytes());
    terminal.screen().rows(0, 80).map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
}
