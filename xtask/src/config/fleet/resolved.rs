//! The fleet at one stage, in plain values: what [`Fleet::resolve`] makes of the file.
//!
//! [`Fleet::resolve`]: super::Fleet::resolve

use std::path::PathBuf;

use super::text::ImageText;
use super::{Network, Proof, Source};

/// The fleet at one stage, in plain values.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The keys of what is done, one after another.
    pub order: Vec<String>,
    /// The images.
    pub images: Vec<Image>,
    /// What runs once and ends.
    pub jobs: Vec<Job>,
    /// What serves.
    pub services: Vec<Service>,
    /// What calls a service by the clock.
    pub scheduler: Scheduler,
}

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its key in the file.
    pub key: String,
    /// Its name in the registry, without tag.
    pub name: String,
    /// Where its sources are.
    pub source: Source,
    /// The Dockerfile, from the sources' folder.
    pub file: PathBuf,
    /// Arguments of the build.
    pub args: Vec<(String, ImageText)>,
}

/// A secret that holds an environment file.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name in Secret Manager.
    pub name: String,
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
    pub name: String,
    /// The key of its image.
    pub image: String,
    /// Memory, such as `512Mi`.
    pub memory: String,
    /// Processors; Cloud Run's default where it is not said.
    pub cpu: Option<String>,
    /// Seconds that a request, or a task, may take.
    pub timeout: u32,
    /// The service account's address.
    pub account: String,
    /// The secret that holds its environment file.
    pub secret: Secret,
    /// The Cloud SQL instance.
    pub database: Option<String>,
    /// The network, used where the database has a private address, or where there is no database.
    pub network: Option<Network>,
    /// What is stamped, by the variables' names; `None` where an optional one is left out.
    pub env: Vec<(String, Option<ImageText>)>,
}

/// What runs once and ends.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it runs in.
    pub container: Container,
    /// The command.
    pub command: Vec<String>,
    /// What the command is given as its one argument, one after another.
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
    pub min: u32,
    /// The most instances.
    pub max: u32,
    /// Whether these bounds are of all revisions together, or of each.
    pub together: bool,
    /// Who can reach it.
    pub ingress: Ingress,
    /// Whether everybody may call it, or only who has the role.
    pub public: bool,
    /// How a candidate proves itself.
    pub proof: Proof,
    /// Labels of its revisions.
    pub labels: Vec<(String, String)>,
    /// The Cloud Tasks queue that leads to it.
    pub queue: Option<String>,
}

/// Who can reach a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingress {
    /// As Cloud Run names it.
    Fixed(String),
    /// Only the load balancer, where this endpoint group exists; everybody before that.
    Balanced(String),
}

/// What calls a service by the clock.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// The key of the service that is called.
    pub target: String,
    /// The service account that calls.
    pub account: String,
    /// The time zone of the cron lines.
    pub time_zone: String,
    /// The jobs.
    pub jobs: Vec<Scheduled>,
}

/// One job of the scheduler.
#[derive(Debug, Clone)]
pub struct Scheduled {
    /// Its name in the cloud.
    pub name: String,
    /// The path that it calls.
    pub path: String,
    /// When.
    pub cron: String,
    /// What for: the description in the cloud.
    pub does: String,
}

impl Resolved {
    /// The service with this key.
    pub fn service(&self, key: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.container.key == key)
    }

    /// The job with this key.
    pub fn job(&self, key: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.container.key == key)
    }
}
