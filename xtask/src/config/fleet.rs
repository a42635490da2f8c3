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
pub use stages::ByStage;
pub use text::{ImageFacts, ImageText, Text};

use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// The file's name, in the folder of the environments.
const FILE: &str = "fleet.toml";

/// Everything that a deploy of the whole fleet puts in place.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The keys of what is done, one after another: jobs, services and [`SCHEDULER`].
    pub order: Vec<String>,
    /// What is written once and used in several places.
    pub values: BTreeMap<String, Value>,
    /// The images.
    pub images: Vec<Image>,
    /// The secrets that hold environment files.
    pub secrets: Vec<Secret>,
    /// What runs once and ends.
    pub jobs: Vec<Job>,
    /// What serves.
    pub services: Vec<Service>,
    /// What calls a service by the clock.
    pub scheduler: Scheduler,
}

/// The key of the scheduler's jobs in the order.
pub const SCHEDULER: &str = "scheduler";

/// A value that is written once.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text for each stage.
    Text(ByStage<Text>),
    /// A line of the stage's `.build`, and what holds without one.
    Build {
        /// The variable.
        variable: String,
        /// What holds where it is not set.
        default: Option<String>,
    },
}

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its key in the file.
    pub key: String,
    /// Its name in the registry, without tag.
    pub name: Text,
    /// Where its sources are.
    pub source: Source,
    /// The Dockerfile, from the sources' folder.
    pub file: PathBuf,
    /// Arguments of the build.
    pub args: Vec<(String, Text)>,
}

/// Where an image's sources are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This workspace.
    Workspace,
    /// The checkout that a variable of the process environment names.
    Checkout(String),
}

/// A secret that holds an environment file.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its key in the file.
    pub key: String,
    /// Its name in Secret Manager.
    pub name: Text,
    /// Whether the image lets the file win over what is stamped.
    pub wins: bool,
    /// The variable that has to be the address of the scheduler's target, or the one that is stronger where it is set.
    pub address: Vec<String>,
}

/// What a job and a service have in common.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its key in the file.
    pub key: String,
    /// Its name on Cloud Run.
    pub name: Text,
    /// The key of its image.
    pub image: String,
    /// Memory, such as `512Mi`.
    pub memory: String,
    /// Processors; Cloud Run's default where it is not said.
    pub cpu: Option<String>,
    /// Seconds that a request, or a task, may take.
    pub timeout: u32,
    /// The service account's address.
    pub account: Text,
    /// The key of its secret.
    pub secret: String,
    /// The Cloud SQL instance.
    pub database: Option<Text>,
    /// The network, used where the database has a private address, or where there is no database.
    pub network: Option<Network>,
    /// What is stamped.
    pub env: Vec<Stamp>,
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

/// One variable of a container.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: Text,
    /// Left out where a name in the value has none.
    pub optional: bool,
}

/// What runs once and ends.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it runs in.
    pub container: Container,
    /// The command.
    pub command: Vec<String>,
    /// What the command is given as its one argument: these, one after another, each only when the one before succeeded.
    pub script: Vec<String>,
}

/// What serves.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it runs in.
    pub container: Container,
    /// Skipped while the build gate is closed.
    pub gated: bool,
    /// The port that the container listens on.
    pub port: u16,
    /// The fewest instances.
    pub min: ByStage<u32>,
    /// The most instances.
    pub max: ByStage<u32>,
    /// Whether these bounds are of all revisions together, or of each.
    pub together: bool,
    /// Who can reach it.
    pub ingress: Ingress,
    /// Whether everybody may call it, or only who has the role.
    pub public: bool,
    /// How a candidate proves itself.
    pub proof: Proof,
    /// Labels of its revisions: what they cost is told apart by these.
    pub labels: Vec<(String, String)>,
    /// The Cloud Tasks queue that leads to it.
    pub queue: Option<ByStage<Text>>,
}

/// Who can reach a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingress {
    /// As Cloud Run names it.
    Fixed(String),
    /// Only the load balancer, where this endpoint group exists; everybody before that.
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

/// What calls a service by the clock.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// The key of the service that is called.
    pub target: String,
    /// A job's name; `{id}` is the job's.
    pub name: Text,
    /// The path that a job calls; `{id}` is the job's.
    pub path: Text,
    /// The service account that calls.
    pub account: Text,
    /// The time zone of the cron lines.
    pub time_zone: ByStage<String>,
    /// The jobs.
    pub jobs: Vec<Scheduled>,
}

/// One job of the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its id.
    pub id: String,
    /// When.
    pub cron: String,
    /// What for: the description in the cloud.
    pub does: String,
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

    /// The service with this key.
    pub fn service(&self, key: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.container.key == key)
    }

    /// The job with this key.
    pub fn job(&self, key: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.container.key == key)
    }
}

#[cfg(test)]
mod tests;
