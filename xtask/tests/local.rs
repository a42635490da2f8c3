//! `cargo xtask local` as an operator runs it, with small scripts in the place of the two programs.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Says that it is healthy once it runs, keeps what it was given, and ends on SIGTERM.
const PROGRAM: &str = r#"#!/bin/sh
case $1 in
  serve) env > "$0.env"; echo "$*" > "$0.args"; echo "${0##*/} serves"; trap 'rm -f "$0.up"; exit 0' TERM; : > "$0.up"
         sleep 600 & wait ;;
  healthcheck) test -e "$0.up" ;;
esac
"#;

struct Stack {
    folder: TempDir,
    web: u16,
    mcp: u16,
}

impl Stack {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("envs")).unwrap();
        let stack = Self { folder, web: free_port(), mcp: free_port() };
        stack.program("validibot-sandbox", PROGRAM);
        stack.program("validibot-mcp", PROGRAM);
        stack
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str], gate: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["--envs".as_ref(), self.path("envs").as_os_str()]).arg("local").args(args);
        command.args(["--state-dir".as_ref(), self.path("state").as_os_str()]);
        command.env_remove("ENABLE_MCP_SERVER");
        if let Some(gate) = gate {
            command.env("ENABLE_MCP_SERVER", gate);
        }
        command
    }

    fn up_command(&self, args: &[&str], gate: Option<&str>) -> Command {
        let mut command = self.command(&["up", "--pro"], gate);
        let (web, mcp) = (self.web.to_string(), self.mcp.to_string());
        command.args(["--port", &web, "--mcp-port", &mcp]);
        command.args(["--bin-dir".as_ref(), self.folder.path().as_os_str()]).args(args);
        command
    }

    fn up(&self, gate: Option<&str>) -> Output {
        self.up_command(&[], gate).output().unwrap()
    }

    fn info(&self) -> serde_json::Value {
        let output = self.command(&["info", "--json"], None).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.command(&["down"], None).output();
    }
}

fn free_port() -> u16 {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    // A child that another test is just forking holds a copy until it executes its own program.
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    address.port()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn alive(pid: &serde_json::Value) -> bool {
    Path::new(&format!("/proc/{pid}/stat")).exists()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default().contains(") Z")
}

#[test]
fn up_starts_both_programs_and_down_ends_exactly_them() {
    let stack = Stack::new();
    let up = stack.up(Some("true"));
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert!(text(&up.stderr).contains(".mcp with fresh random secrets"), "{}", text(&up.stderr));
    let info = stack.info();
    assert_eq!(info["schema_version"], 1);
    assert_eq!(info["mcp_url"], format!("http://localhost:{}/mcp", stack.mcp));
    assert_eq!(info["api_url"], format!("http://localhost:{}", stack.web));
    assert_eq!(info["edition"], "pro");
    assert!(text(&up.stdout).contains(info["api_token"].as_str().unwrap()));
    let pids = [&info["programs"]["web"]["pid"], &info["programs"]["mcp"]["pid"]];
    assert!(pids.iter().all(|pid| alive(pid)), "{info}");

    let again = stack.up(Some("true"));
    assert!(again.status.success());
    assert_eq!(stack.info(), info, "a second `up` changes nothing");

    let down = stack.command(&["down"], None).output().unwrap();
    assert!(down.status.success(), "{}", text(&down.stderr));
    assert!(!pids.iter().any(|pid| alive(pid)), "{}", text(&down.stderr));
    assert_eq!(stack.info()["programs"]["web"]["running"], false);
    assert!(stack.up(Some("true")).status.success(), "`up` works again");
}

#[test]
fn the_programs_share_their_secrets_and_no_argument_holds_one() {
    let stack = Stack::new();
    assert!(stack.up(Some("1")).status.success());
    let file = std::fs::read_to_string(stack.path("envs/local/.mcp")).unwrap();
    let value = |name: &str| {
        let prefix = format!("{name}=");
        file.lines().find_map(|line| line.strip_prefix(prefix.as_str())).unwrap().to_owned()
    };
    let sandbox = std::fs::read_to_string(stack.path("validibot-sandbox.env")).unwrap();
    for (theirs, ours) in [
        ("VALIDIBOT_MCP_SERVICE_KEY", "VALIDIBOT_MCP_SERVICE_KEY"),
        ("IDP_OIDC_MCP_SERVER_CLIENT_SECRET", "VALIDIBOT_OAUTH_CLIENT_SECRET"),
    ] {
        assert!(sandbox.contains(&format!("{theirs}={}\n", value(ours))), "{theirs}");
        for program in ["validibot-sandbox.args", "validibot-mcp.args"] {
            assert!(!std::fs::read_to_string(stack.path(program)).unwrap().contains(&value(ours)));
        }
    }
    let mode = std::fs::metadata(stack.path("envs/local/.mcp")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_closed_gate_starts_no_mcp_says_so_and_is_no_failure() {
    let stack = Stack::new();
    let up = stack.up(None);
    assert_eq!(up.status.code(), Some(0));
    assert!(text(&up.stdout).contains("mcp: skipped, because ENABLE_MCP_SERVER is not set"));
    assert!(text(&up.stdout).contains("to open the gate: ENABLE_MCP_SERVER=true"));
    assert_eq!(stack.info()["programs"]["mcp"]["running"], false);
    assert_eq!(stack.info()["programs"]["web"]["running"], true);

    std::fs::write(stack.path("envs/local/.build"), "ENABLE_MCP_SERVER=true\n").unwrap();
    assert!(stack.up(None).status.success());
    assert_eq!(stack.info()["programs"]["mcp"]["running"], true, "the file opens it");
    let off = stack.up(Some("false"));
    assert!(text(&off.stdout).contains("is off in the process environment"), "{}", text(&off.stdout));
    assert!(text(&off.stderr).contains("this stops the running MCP server"), "{}", text(&off.stderr));
    assert_eq!(stack.info()["programs"]["mcp"]["running"], false, "the command line beats the file");

    std::fs::write(stack.path("envs/local/.build"), "# gate\nENABLE_MCP_SERVER=maybe\n").unwrap();
    let refused = stack.up(None);
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("envs/local/.build:2"), "{}", text(&refused.stderr));
}

#[test]
fn a_busy_port_is_named_with_its_owner_before_anything_starts() {
    let stack = Stack::new();
    let _owner = TcpListener::bind((Ipv4Addr::LOCALHOST, stack.mcp)).unwrap();
    let up = stack.up(Some("true"));
    assert_eq!(up.status.code(), Some(1));
    let said = text(&up.stderr);
    assert!(said.contains(&format!("port {}, needed by mcp, is used by", stack.mcp)), "{said}");
    assert!(
        said.contains(&format!("(pid {})", std::process::id())) || !Path::new("/proc").exists(),
        "{said}"
    );
    assert!(!stack.path("state").exists() && !stack.path("envs/local").exists());
}

#[test]
fn the_web_application_does_not_get_the_server_s_port() {
    let stack = Stack::new();
    let up = stack.command(&["up", "--port", "8001"], None).output().unwrap();
    assert_eq!(up.status.code(), Some(64));
    assert!(text(&up.stderr).contains("port 8001 is reserved for the MCP server"), "{}", text(&up.stderr));
}

#[test]
fn a_program_that_ends_while_it_starts_shows_its_last_lines_and_takes_the_rest_along() {
    let stack = Stack::new();
    stack.program(
        "validibot-mcp",
        "#!/bin/sh\n[ $1 = serve ] && echo the licence lacks mcp_server >&2\nexit 1\n",
    );
    let up = stack.up(Some("true"));
    assert_eq!(up.status.code(), Some(1));
    let said = text(&up.stderr);
    assert!(
        said.contains("mcp exited with code 1 during its start\n  the licence lacks mcp_server"),
        "{said}"
    );
    assert_eq!(stack.info()["programs"]["web"]["running"], false, "nothing is left behind");
}

#[test]
fn ctrl_c_during_up_leaves_nothing_behind() {
    let stack = Stack::new();
    // Never healthy, and says when it runs.
    stack.program(
        "validibot-mcp",
        "#!/bin/sh\n[ $1 = serve ] || exit 1\necho $$ > \"$0.pid\"\nexec sleep 600\n",
    );
    let mut up = stack.up_command(&[], Some("true")).spawn().unwrap();
    let pid_file = stack.path("validibot-mcp.pid");
    while !std::fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n')) {
        assert!(up.try_wait().unwrap().is_none(), "`up` must be waiting");
        std::thread::yield_now();
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(up.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(up.wait().unwrap().code(), Some(130));
    let server = std::fs::read_to_string(&pid_file).unwrap();
    assert!(!alive(&server.trim().parse::<u32>().unwrap().into()));
    assert_eq!(stack.info()["programs"]["web"]["running"], false);
}

#[test]
fn ps_and_logs_show_what_runs_and_what_it_says() {
    let stack = Stack::new();
    let ps = |args: &[&str]| stack.command(&[&["ps"], args].concat(), None).output().unwrap();
    assert!(stack.up(Some("true")).status.success());
    let listed = text(&ps(&[]).stdout);
    for (name, port) in [("web", stack.web), ("mcp", stack.mcp)] {
        let line = listed.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{listed}"));
        assert!(line.contains("running") && line.contains(&port.to_string()), "{line}");
    }
    let json: serde_json::Value = serde_json::from_slice(&ps(&["--json"]).stdout).unwrap();
    assert_eq!((&json["schema_version"], &json["programs"]["mcp"]["running"]), (&1.into(), &true.into()));

    let logs = |args: &[&str]| stack.command(&[&["logs"], args].concat(), None).output().unwrap();
    let both = text(&logs(&[]).stdout);
    assert!(both.contains("web | validibot-sandbox serves\n"), "{both}");
    assert!(both.contains("mcp | validibot-mcp serves\n"), "{both}");
    assert_eq!(text(&logs(&["mcp"]).stdout), "validibot-mcp serves\n");

    assert!(stack.command(&["down"], None).output().unwrap().status.success());
    assert!(text(&ps(&[]).stdout).lines().skip(1).all(|line| line.contains("stopped")));
    // Nothing runs, so there is nothing to wait for.
    let followed = logs(&["-f"]);
    assert!(followed.status.success() && text(&followed.stdout).contains("validibot-mcp serves"));
}

#[test]
fn following_shows_what_comes_and_ends_with_ctrl_c() {
    let stack = Stack::new();
    assert!(stack.up(Some("true")).status.success());
    let mut follow = stack.command(&["logs", "-f", "mcp"], None);
    let mut child = follow.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "validibot-mcp serves");
    let mut log = std::fs::OpenOptions::new().append(true).open(stack.path("state/mcp.log")).unwrap();
    // A line is shown once it is whole.
    write!(log, "one ").unwrap();
    writeln!(log, "more").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "one more");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn rebuild_starts_everything_anew() {
    let stack = Stack::new();
    assert!(stack.up(Some("true")).status.success());
    let before = stack.info();
    // The same words, but for the task.
    let up = stack.up_command(&[], None);
    let words = up.get_args().map(|word| if word == "up" { OsStr::new("rebuild") } else { word });
    let mut rebuild = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let done = rebuild.args(words).env("ENABLE_MCP_SERVER", "true").output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    let after = stack.info();
    for name in ["web", "mcp"] {
        let pid = |info: &serde_json::Value| info["programs"][name]["pid"].clone();
        assert_ne!(pid(&before), pid(&after), "{name}");
        assert!(!alive(&pid(&before)) && alive(&pid(&after)), "{name}");
    }
}

#[test]
fn clean_asks_and_removes_what_is_its_own() {
    let stack = Stack::new();
    let clean = |args: &[&str]| {
        let mut command = stack.command(&[&["clean"], args].concat(), None);
        command.stdin(std::process::Stdio::null()).output().unwrap()
    };
    assert!(text(&clean(&[]).stderr).contains("nothing to remove"));
    assert!(stack.up(Some("true")).status.success());
    std::fs::write(stack.path("state/notes"), "mine").unwrap();
    let unanswered = clean(&[]);
    assert_eq!(unanswered.status.code(), Some(64));
    assert!(text(&unanswered.stderr).contains("hint: add --yes"), "{}", text(&unanswered.stderr));
    assert_eq!(stack.info()["programs"]["web"]["running"], true, "nothing was stopped");

    let pid = stack.info()["programs"]["mcp"]["pid"].clone();
    assert!(clean(&["--yes"]).status.success());
    assert!(!alive(&pid), "the stack is stopped first");
    let left: Vec<_> =
        std::fs::read_dir(stack.path("state")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["notes"], "somebody else's file stays");
    assert!(stack.path("envs/local/.mcp").exists(), "the environment's files are no state");
}

#[test]
fn cloud_is_pro_with_paid_access() {
    let stack = Stack::new();
    let mut up = stack.up_command(&["--cloud"], Some("true"));
    assert!(up.output().unwrap().status.success());
    assert_eq!(stack.info()["programs"]["mcp"]["running"], true);
    let given = |file| std::fs::read_to_string(stack.path(file)).unwrap();
    assert!(given("validibot-sandbox.args").contains("--edition pro"));
    assert!(given("validibot-sandbox.env").contains("VALIDIBOT_SANDBOX_PAID_ACCESS=true\n"));
}

#[test]
fn the_stand_in_plays_the_version_that_was_asked_for() {
    let stack = Stack::new();
    let played = || std::fs::read_to_string(stack.path("validibot-sandbox.args")).unwrap();
    assert!(stack.up(Some("true")).status.success());
    assert!(played().contains("--validibot 0.15"), "{}", played());
    assert!(stack.up_command(&["--validibot", "0.16"], Some("true")).output().unwrap().status.success());
    assert!(played().contains("--validibot 0.16"), "{}", played());
    let unknown = stack.up_command(&["--validibot", "0.13"], Some("true")).output().unwrap();
    assert_eq!(unknown.status.code(), Some(64));
    let mut command = stack.up_command(&["--validibot", "0.16"], Some("true"));
    let refused = command.env("VALIDIBOT_DIR", "/nowhere").output().unwrap();
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("--validibot is for the stand-in"), "{}", text(&refused.stderr));
}

#[test]
fn a_checkout_that_this_runner_cannot_use_is_refused_and_not_replaced_by_the_stand_in() {
    let stack = Stack::new();
    let mut command = stack.up_command(&[], Some("true"));
    let refused = command.env("VALIDIBOT_DIR", "/nowhere").output().unwrap();
    assert_eq!(refused.status.code(), Some(64), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("VALIDIBOT_DIR names a checkout, which runs only in containers"));
    assert!(!stack.path("envs/local/.mcp").exists(), "nothing was begun");
}
