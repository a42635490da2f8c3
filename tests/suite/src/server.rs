//! The real server, as a process of its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempPath;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::logs::Logs;
use crate::mcp::{Client, Era};
use crate::{binary, net};

/// The secret of the server's client at a sandbox's OpenID provider, long enough for a key ring to be derived from it.
pub const CLIENT_SECRET: &str = "a-client-secret-of-more-than-32-bytes";

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a server is started with: these variables and no others.
#[derive(Debug, Default)]
pub struct Builder {
    env: BTreeMap<String, String>,
    file: Option<String>,
    data_limit_kib: Option<u64>,
}

/// A server that listens. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    base: String,
    /// What it has logged so far.
    pub logs: Logs,
}

/// How a server ended.
#[derive(Debug)]
pub struct Exit {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to standard error.
    pub log: String,
    /// Until its end, from its start or from when it was asked to end.
    pub elapsed: Duration,
}

impl Server {
    /// A server for the Validibot at this address, with API tokens and no OAuth.
    ///
    /// Where `VALIDIBOT_MCP_FAST_PATH` or `VALIDIBOT_BACKEND` is set for the tests, it is for the server: so each suite can be run
    /// in each way.
    pub fn for_api(url: &str) -> Builder {
        const WAYS: [&str; 2] = ["VALIDIBOT_MCP_FAST_PATH", "VALIDIBOT_BACKEND"];
        let chosen = |name| std::env::var_os(name).and_then(|value| Some((name, value.into_string().ok()?)));
        let ways = WAYS.into_iter().filter_map(chosen);
        ways.fold(Builder::default(), |builder, (name, value)| builder.env(name, value))
            .env("VALIDIBOT_API_BASE_URL", url)
            .env("VALIDIBOT_MCP_BASE_URL", "http://localhost:8001")
            .env("VALIDIBOT_MCP_BIND", "127.0.0.1")
            // What is not there will not be there: tests of the wait say how long.
            .env("VALIDIBOT_MCP_LICENSE_WAIT", "0")
            .env("PORT", "0")
    }

    /// A server for this sandbox.
    pub fn for_sandbox(sandbox: &sandbox::Sandbox) -> Builder {
        Self::for_api(sandbox.url()).env("VALIDIBOT_MCP_SERVICE_KEY", sandbox::fixtures::SERVICE_KEY)
    }

    /// A server for this sandbox that users can sign in to; the sandbox needs the same [`CLIENT_SECRET`].
    pub fn with_sign_in(sandbox: &sandbox::Sandbox) -> Builder {
        Self::for_sandbox(sandbox)
            .env("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", sandbox.url())
            .env("VALIDIBOT_OAUTH_CLIENT_SECRET", CLIENT_SECRET)
    }

    /// `http://127.0.0.1:PORT`, where it listens.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address that MCP clients connect to.
    pub fn mcp_url(&self) -> String {
        format!("{}/mcp", self.base)
    }

    /// An MCP client with this bearer token.
    pub fn client(&self, era: Era, token: &str) -> Client {
        Client::new(&self.mcp_url(), era).with_token(token)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Ends it at once by SIGKILL, whatever it does, and waits.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Ends it as a platform does, by SIGTERM, and waits.
    pub async fn stop(self) -> Exit {
        signal(&self.child, Signal::SIGTERM);
        self.wait().await
    }

    /// Waits for an end that somebody has asked for.
    pub async fn wait(mut self) -> Exit {
        let started = Instant::now();
        exit(&mut self.child, self.logs, started).await
    }
}

impl Builder {
    /// Makes it listen at this address, `http://127.0.0.1:PORT`, which is also its public one.
    #[must_use]
    pub fn at(self, base: &str) -> Self {
        let port = base.rsplit(':').next().expect("a port");
        self.env("PORT", port).env("VALIDIBOT_MCP_BASE_URL", base)
    }

    /// Nothing set at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Unsets a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Makes the base URL the address that the server will listen on, which OAuth needs.
    #[must_use]
    pub fn on_its_own_base_url(self) -> Self {
        let port = net::free_port();
        self.env("PORT", port.to_string()).env("VALIDIBOT_MCP_BASE_URL", format!("http://127.0.0.1:{port}"))
    }

    /// Writes the settings file.
    #[must_use]
    pub fn settings_file(mut self, text: impl Into<String>) -> Self {
        self.file = Some(text.into());
        self
    }

    /// Lets it have no more than this in data, as a container's limit would.
    #[must_use]
    pub fn data_limit_kib(mut self, kib: u64) -> Self {
        self.data_limit_kib = Some(kib);
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// With its log, when it does not.
    pub async fn start(self) -> Server {
        let (child, logs, _file) = self.spawn();
        let listening = match logs.wait_for_message("listening", DEADLINE).await {
            Ok(entry) => entry,
            Err(problem) => panic!("the server did not start: {problem}"),
        };
        let address = listening["address"].as_str().expect("the address is text");
        Server { child, base: format!("http://{address}"), logs }
    }

    /// Starts it, does something while it starts, and waits until it listens.
    ///
    /// # Panics
    /// With its log, when it does not.
    pub async fn start_with_logs<T>(self, meanwhile: impl AsyncFnOnce(&Logs) -> T) -> (Server, T) {
        let (child, logs, _file) = self.spawn();
        let done = meanwhile(&logs).await;
        let listening = match logs.wait_for_message("listening", DEADLINE).await {
            Ok(entry) => entry,
            Err(problem) => panic!("the server did not start: {problem}"),
        };
        let address = listening["address"].as_str().expect("the address is text");
        (Server { child, base: format!("http://{address}"), logs }, done)
    }

    /// Starts it where it is expected to end by itself, and waits for that.
    ///
    /// # Panics
    /// With its log, when it goes on.
    pub async fn run_to_exit(self) -> Exit {
        let started = Instant::now();
        let (mut child, logs, _file) = self.spawn();
        exit(&mut child, logs, started).await
    }

    /// Starts it, waits for `begun`, ends it by SIGTERM before it listens, and waits for its end.
    ///
    /// # Panics
    /// With its log, when it goes on.
    pub async fn stop_while_starting(self, begun: impl Future<Output = ()>) -> Exit {
        let (mut child, logs, _file) = self.spawn();
        begun.await;
        let started = Instant::now();
        signal(&child, Signal::SIGTERM);
        exit(&mut child, logs, started).await
    }

    fn spawn(self) -> (Child, Logs, TempPath) {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(self.file.unwrap_or_default().as_bytes()).expect("the settings file is written");
        let file = file.into_temp_path();
        let mut command = match self.data_limit_kib {
            None => Command::new(binary::validibot_mcp()),
            // The shell becomes the server, which keeps the limit and the process id.
            Some(kib) => {
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(format!(r#"ulimit -d {kib} && exec "$0" "$@""#));
                shell.arg(binary::validibot_mcp());
                shell
            }
        };
        let mut child = command
            .arg("serve")
            .arg("--settings")
            .arg(&file)
            .env_clear()
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::inherit())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let logs = Logs::follow(child.stderr.take().expect("it is piped"));
        (child, logs, file)
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
    kill(Pid::from_raw(pid), signal).expect("it can be signalled");
}

async fn exit(child: &mut Child, mut logs: Logs, started: Instant) -> Exit {
    let Ok(status) = tokio::time::timeout(DEADLINE, child.wait()).await else {
        panic!("the server was still up after {} s:\n{}", DEADLINE.as_secs(), logs.text());
    };
    let elapsed = started.elapsed();
    logs.ended().await;
    Exit { code: status.expect("it can be waited for").code(), log: logs.text(), elapsed }
}
