//! A running emulator: its own thread and runtime, so that tests without an async runtime can use it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::clock::{Clock, SystemClock};
use crate::cloud::Cloud;
use crate::engine::{Engine, Scripted};
use crate::environment;
use crate::fault::Fault;
use crate::proxy;
use crate::record::Recorded;
use crate::shared::Shared;

/// The token that the environment carries, and the only one accepted.
const TOKEN: &str = "emu-token";

/// How an emulator is to be.
pub struct Options {
    /// The project's id.
    pub project: String,
    /// The project's number, twelve digits.
    pub number: String,
    /// The port on loopback; 0 takes a free one.
    pub port: u16,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What runs the revisions.
    pub engine: Arc<dyn Engine>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            project: "demo-proj".to_owned(),
            number: "123456789012".to_owned(),
            port: 0,
            clock: Arc::new(SystemClock),
            engine: Arc::new(Scripted::default()),
        }
    }
}

/// An emulator that answers on loopback until it is dropped.
pub struct Emulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    project: String,
    home: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts an emulator of an empty project on a free port.
    pub fn start() -> io::Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts an emulator as `options` say.
    pub fn start_with(options: Options) -> io::Result<Self> {
        let home = TempDir::with_prefix("gcp-emulator-")?;
        for folder in ["gcloud", "docker"] {
            std::fs::create_dir(home.path().join(folder))?;
        }
        let cloud = Cloud::new(&options.project, &options.number, options.clock, options.engine);
        let shared = Arc::new(Shared::new(cloud, TOKEN.to_owned()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // By std: this may be called on a thread that has a runtime already.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let serving = proxy::serve(listener, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("gcp-emulator".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { shared, address, project: options.project, home, stop: Some(stop), thread: Some(thread) })
    }

    /// The environment for gcloud. It belongs on top of an empty one: add `PATH`, and nothing of `CLOUDSDK_…`.
    pub fn env(&self) -> Vec<(String, String)> {
        environment::variables(self.address, &self.project, TOKEN, self.home.path())
    }

    /// Where the proxy listens; requests made to it directly reach its own door (`GET /state`, `GET /calls` …).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The project, to look at or to change by hand. Held locked: drop it before the next call comes.
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.shared.cloud()
    }

    /// The project's state as JSON, without secret payloads.
    pub fn snapshot(&self) -> Value {
        self.cloud().snapshot()
    }

    /// Adds a rule for failing.
    pub fn fail(&self, fault: Fault) {
        self.shared.faults().add(fault);
    }

    /// Removes all rules for failing.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Every call so far, in the order they arrived.
    pub fn calls(&self) -> Vec<Recorded> {
        self.shared.record().clone()
    }

    /// Takes the calls so far; the record is empty afterwards.
    pub fn take_calls(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.shared.record())
    }

    /// The calls so far that change something, as lines.
    pub fn writes(&self) -> Vec<String> {
        self.shared.record().iter().filter(|call| call.is_write()).map(Recorded::line).collect()
    }

    /// Calls to hosts that are not emulated: each is a finding.
    pub fn unexpected(&self) -> Vec<String> {
        self.shared.record().iter().filter(|call| !call.expected).map(Recorded::line).collect()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Already gone is as good.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
