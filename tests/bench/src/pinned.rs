//! A program on a processor of its own.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use suite::net;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Generous: callgrind starts programs fifty times slower.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// A running program. It is killed when it is dropped.
pub(crate) struct Pinned {
    child: Child,
    port: u16,
    started: Instant,
    http: reqwest::Client,
}

/// What to start.
pub(crate) struct Program<'a> {
    /// The processor.
    pub(crate) core: usize,
    /// What runs before the program, such as valgrind and its arguments.
    pub(crate) under: Vec<OsString>,
    pub(crate) path: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) port: u16,
    /// Where its output goes, as a collector of logs would take it.
    pub(crate) log: &'a Path,
}

impl Program<'_> {
    /// Starts it. It has this environment and no other.
    pub(crate) fn start(self) -> Result<Pinned, String> {
        let log = File::create(self.log).map_err(|error| format!("{}: {error}", self.log.display()))?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        // Before the clock runs: it reads the system's CA certificates, and took longer than what it was to ask.
        let http = net::http_client();
        let started = Instant::now();
        let child = Command::new("taskset")
            .args(["--cpu-list", &self.core.to_string()])
            .args(self.under)
            .arg(self.path)
            .args(self.arguments)
            .env_clear()
            // taskset looks for what it starts.
            .env("PATH", suite::process::env("PATH").unwrap_or_default())
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("taskset {}: {error}", self.path.display()))?;
        Ok(Pinned { child, port: self.port, started, http })
    }
}

impl Pinned {
    /// Waits until `/readyz` is answered with 200; how long that took from the start.
    pub(crate) async fn ready(&mut self) -> Result<Duration, String> {
        let (http, url) = (self.http.clone(), format!("http://127.0.0.1:{}/readyz", self.port));
        self.until(async || http.get(&url).send().await.is_ok_and(|answer| answer.status() == 200)).await
    }

    /// Waits until somebody listens.
    pub(crate) async fn listening(&mut self) -> Result<Duration, String> {
        let port = self.port;
        self.until(async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await
    }

    async fn until(&mut self, there: impl AsyncFn() -> bool) -> Result<Duration, String> {
        loop {
            if there().await {
                return Ok(self.started.elapsed());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!(
                    "a measured program ended at once, {status}: see its log in the report's folder"
                ));
            }
            if self.started.elapsed() > READY_WITHIN {
                return Err(
                    "a measured program does not answer: see its log in the report's folder".to_owned()
                );
            }
            // No pause: it has the other processor, and the time is what is measured.
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        // It is waited for in `until` and `stop` alone, and both end its use.
        self.child.id().unwrap_or_default()
    }

    /// The CPU time of all its threads, user and system, by the scheduler's own account in nanoseconds
    /// (`/proc/PID/task/*/schedstat`, first field); `/proc/PID/stat` counts in hundredths of a second.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let tasks = format!("/proc/{}/task", self.pid());
        let mut sum = 0;
        for task in std::fs::read_dir(&tasks).map_err(|error| format!("{tasks}: {error}"))?.flatten() {
            // A thread may end between the two.
            let Ok(line) = std::fs::read_to_string(task.path().join("schedstat")) else { continue };
            sum += line.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Ends it by SIGTERM, and waits.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let pid = i32::try_from(self.pid()).map_err(|error| error.to_string())?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| error.to_string())?;
        self.child.wait().await.map(|_| ()).map_err(|error| error.to_string())
    }
}
