//! The fleet as data: services, jobs and the scheduler, read from `envs/fleet.toml`.
//!
//! The file is read to its end and checked as a whole before anything is touched: every mistake is named with its line
//! and column.

mod check;
pub mod cron;
mod document;
mod read;
mod resolve;
pub mod resolved;
mod stages;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use document::Mistake;
pub use resolved::Resolved;
use stages::ByStage;
use text::Text;
pub use text::{ImageFacts, ImageText};

use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// The file's name, in the folder of the environments.
const FILE: &str = "fleet.toml";

/// The file, understood: its texts are taken apart, and may name what only a stage knows. [`Resolved`] is what commands go by, and
/// says what each part is.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The keys of what is done, one after another: jobs, services and [`SCHEDULER`].
    pub order: Vec<String>,
    values: BTreeMap<String, Value>,
    images: Vec<Image>,
    secrets: Vec<Secret>,
    jobs: Vec<Job>,
    services: Vec<Service>,
    scheduler: Scheduler,
}

/// The key of the scheduler's jobs in the order.
pub const SCHEDULER: &str = "scheduler";

/// A value that is written once and used in several places.
#[derive(Debug, Clone)]
enum Value {
    /// A text for each stage.
    Text(ByStage<Text>),
    /// A line of the stage's `.build`, and what holds where it is not set.
    Build { variable: String, default: Option<String> },
}

#[derive(Debug, Clone)]
struct Image {
    key: String,
    name: Text,
    source: Source,
    file: PathBuf,
    args: Vec<(String, Text)>,
}

/// Where an image's sources are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This workspace.
    Workspace,
    /// The checkout that a variable of the process environment names.
    Checkout(String),
}

#[derive(Debug, Clone)]
struct Secret {
    key: String,
    name: Text,
    wins: bool,
    address: Vec<String>,
}

#[derive(Debug, Clone)]
struct Container {
    key: String,
    name: Text,
    image: String,
    memory: String,
    cpu: Option<String>,
    timeout: u32,
    account: Text,
    secret: String,
    database: Option<Text>,
    network: Option<Network>,
    env: Vec<Stamp>,
}

/// A network to send traffic through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The network.
    pub name: String,
    /// Its subnet.
    pub subnet: String,
    /// Which traffic: `private-ranges-only` or `all-traffic`.
    pub egress: String,
}

/// One variable of a container; an optional one is left out where a name in its value has none.
#[derive(Debug, Clone)]
struct Stamp {
    name: String,
    value: Text,
    optional: bool,
}

#[derive(Debug, Clone)]
struct Job {
    container: Container,
    command: Vec<String>,
    script: Vec<String>,
}

#[derive(Debug, Clone)]
struct Service {
    container: Container,
    gated: bool,
    port: u16,
    min: ByStage<u32>,
    max: ByStage<u32>,
    together: bool,
    ingress: Ingress,
    public: bool,
    proof: Proof,
    labels: Vec<(String, String)>,
    queue: Option<ByStage<Text>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ingress {
    Fixed(String),
    Balanced(Text),
}

/// How a candidate proves itself before it gets traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The path of the startup probe; `None` for a TCP connection.
    pub startup: Option<String>,
    /// Whether the image's own `probe` asks it.
    pub probe: bool,
}

#[derive(Debug, Clone)]
struct Scheduler {
    target: String,
    name: Text,
    path: Text,
    account: Text,
    time_zone: ByStage<String>,
    jobs: Vec<Scheduled>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Scheduled {
    id: String,
    cron: String,
    does: String,
}

impl Fleet {
    /// Reads the fleet of the environments' folder, the workspace's own where that folder has none.
    pub fn load(context: &Context) -> Result<Self> {
        let path = Self::path(context);
        let shown = path.strip_prefix(&context.root).unwrap_or(&path);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::usage(format!("{} cannot be read", shown.display())).cause(error.to_string())
        })?;
        Self::parse(shown, &text)
    }

    /// Whether there is such a file.
    pub fn is_described(context: &Context) -> bool {
        Self::path(context).exists()
    }

    fn path(context: &Context) -> PathBuf {
        let own = context.tree.root().join(FILE);
        if own.exists() { own } else { context.root.join("envs").join(FILE) }
    }

    /// Understands the text of the file at `path`; every mistake is reported at once.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        read::fleet(text).map_err(|mistakes| {
            let place = |Mistake { line, column, text }: &Mistake| {
                format!("{}:{line}:{column}: {text}", path.display())
            };
            Error::usage(format!("{} has mistakes, so nothing was touched", path.display()))
                .causes(mistakes.iter().map(place))
                .hint("correct them all, then type the same command again")
        })
    }

    /// The key of the MCP server: of the service behind the build gate.
    pub fn server(&self) -> Option<&str> {
        let server = self.services.iter().find(|service| service.gated)?;
        Some(&server.container.key)
    }

    /// Whether this key is of a service behind the build gate.
    pub fn is_gated(&self, key: &str) -> bool {
        self.services.iter().any(|service| service.gated && service.container.key == key)
    }

    /// Whether this key is a job's.
    pub fn is_job(&self, key: &str) -> bool {
        self.jobs.iter().any(|job| job.container.key == key)
    }
}

#[cfg(test)]
mod tests;
