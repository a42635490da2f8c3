//! The program: it says where it listens, answers its own health check, and ends on SIGTERM.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_validibot-sandbox");

struct Running {
    child: Child,
    port: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone where the test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start() -> Running {
    start_with(&["--edition", "community"])
}

fn start_with(options: &[&str]) -> Running {
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--port", "0"])
        .args(options)
        .env("VALIDIBOT_MCP_SERVICE_KEY", "from the environment")
        .env_remove("VALIDIBOT_SANDBOX_API_TOKEN")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    let port = line.trim().strip_prefix("validibot-sandbox listens on http://127.0.0.1:");
    let port = port.unwrap_or_else(|| panic!("{line:?}")).to_owned();
    Running { child, port }
}

fn healthcheck(port: &str) -> (bool, String) {
    let output = Command::new(PROGRAM).args(["healthcheck", "--port", port]).output().expect("it runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    let mut running = start();
    assert_eq!(healthcheck(&running.port), (true, String::new()));
    let kill = Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(running.child.wait().expect("it ends").code(), Some(0));
    let (healthy, message) = healthcheck(&running.port);
    assert!(!healthy && message.starts_with("error: no sandbox answers on port"), "{message}");
}

#[test]
fn a_busy_port_is_named() {
    let running = start();
    let output = Command::new(PROGRAM).args(["--port", &running.port]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains(&format!("error: cannot listen on 127.0.0.1:{}", running.port)), "{message}");
}

#[test]
fn a_switch_that_is_neither_on_nor_off_is_refused() {
    let output = Command::new(PROGRAM)
        .args(["--port", "0"])
        .env("VALIDIBOT_SANDBOX_PAID_ACCESS", "perhaps")
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("VALIDIBOT_SANDBOX_PAID_ACCESS is \"perhaps\""), "{message}");
}

#[test]
fn the_version_that_is_played_is_said_on_the_command_line() {
    for (version, licence, metadata) in
        [("0.15", "200", "404"), ("0.16", "404", "200"), ("0.16-community", "404", "404")]
    {
        let running = start_with(&["--validibot", version]);
        assert_eq!(status(&running.port, "/api/v1/license/features/"), licence, "{version}");
        assert_eq!(status(&running.port, "/.well-known/oauth-protected-resource/mcp"), metadata, "{version}");
    }
}

/// The status of an answer, by hand: this is about the program alone.
fn status(port: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}
