//! What makes a revision real: the seam between the emulated Cloud Run and something that runs images.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::glob;
use crate::shared::{Report, TaskReport};

/// Runs revisions. Methods are called with the emulator's state locked or not, as each says.
pub trait Engine: Send + Sync + 'static {
    /// Starts a revision and says through `report`, now or later, how that went. Called unlocked.
    fn launch(&self, launch: Launch, report: Report);

    /// Whether executions of jobs are really run, by [`Engine::execute`]; where not, they end as the project was told.
    /// Called locked: must not call the emulator.
    fn executes(&self) -> bool {
        false
    }

    /// Runs the one task of an execution and says through `report` how it ended. Called unlocked.
    fn execute(&self, task: Task, report: TaskReport) {
        let _ = (task, report);
    }

    /// A service's traffic has changed. Called locked: must not call the emulator.
    fn route(&self, service: &str, routes: &[Route]) {
        let _ = (service, routes);
    }

    /// Who may come in from outside has changed. Called locked: must not call the emulator.
    fn admit(&self, service: &str, ingress: Ingress, public: bool) {
        let _ = (service, ingress, public);
    }

    /// A revision is gone, or an execution is cancelled. Called locked: must not call the emulator.
    fn stop(&self, name: &str) {
        let _ = name;
    }

    /// The base URL at which a service, or one of its tags, answers; `None` for the name that Google would give.
    /// Called locked: must not call the emulator.
    fn address(&self, service: &str, tag: Option<&str>) -> Option<String> {
        let _ = (service, tag);
        None
    }
}

/// Everything needed to start one revision.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The revision's name, unique in the project.
    pub revision: String,
    /// The service it belongs to.
    pub service: String,
    /// The Cloud Run region.
    pub region: String,
    /// What runs.
    pub container: Container,
    /// The port the container must listen on, told to it as `PORT`.
    pub port: u16,
    /// The startup probe, `Null` for Cloud Run's default (a TCP connect).
    pub startup_probe: Value,
}

/// Everything needed to run one task of a job.
#[derive(Clone, Debug)]
pub struct Task {
    /// The execution's name, unique in the project.
    pub execution: String,
    /// The job it belongs to.
    pub job: String,
    /// The Cloud Run region.
    pub region: String,
    /// What runs.
    pub container: Container,
    /// What takes the place of the image's entry point; empty for the image's own.
    pub command: Vec<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What a revision and a task have in common.
#[derive(Clone)]
pub struct Container {
    /// The image as deployed.
    pub image: String,
    /// Plain environment variables, in the order deployed.
    pub env: Vec<(String, String)>,
    /// Mounted secrets: absolute path and content, the version resolved when the revision was made.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The e-mail address whose identity the container has.
    pub service_account: String,
    /// Memory limit as deployed, for example `512Mi`.
    pub memory: Option<String>,
    /// CPU limit as deployed, for example `1`.
    pub cpu: Option<String>,
}

impl fmt::Debug for Container {
    /// Without the content of the files: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container")
            .field("image", &self.image)
            .field("files", &self.files.keys())
            .finish_non_exhaustive()
    }
}

/// One line of a service's traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The revision that is meant.
    pub revision: String,
    /// Its share of the traffic, 0 to 100.
    pub percent: u8,
    /// The tag whose own URL leads there.
    pub tag: Option<String>,
}

/// Where a service's requests may come from (`run.googleapis.com/ingress`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// Everywhere.
    All,
    /// The project's own network and its load balancers.
    InternalAndBalancer,
    /// The project's own network only.
    Internal,
}

impl Ingress {
    /// Reads the annotation's value; what it leaves out is `all`.
    pub(crate) fn of(annotation: Option<&str>) -> Self {
        match annotation {
            Some("internal") => Self::Internal,
            Some("internal-and-cloud-load-balancing") => Self::InternalAndBalancer,
            _ => Self::All,
        }
    }
}

/// An engine without containers: revisions are ready at once, but for the images that were told to fail or to hang.
#[derive(Debug, Default)]
pub struct Scripted {
    /// Patterns of `SERVICE IMAGE`.
    rules: Mutex<Vec<(String, Script)>>,
}

#[derive(Clone, Debug)]
enum Script {
    Fail(String),
    Hang,
}

impl Scripted {
    /// Revisions whose image matches `pattern` do not become ready; `message` is what their condition says.
    pub fn fail(&self, pattern: &str, message: &str) {
        self.add(&format!("* {pattern}"), Script::Fail(message.to_owned()));
    }

    /// Revisions of this service do not become ready, whatever their image.
    pub fn fail_service(&self, service: &str, message: &str) {
        self.add(&format!("{service} *"), Script::Fail(message.to_owned()));
    }

    /// Revisions whose image matches `pattern` stay in the middle: neither ready nor failed.
    pub fn hang(&self, pattern: &str) {
        self.add(&format!("* {pattern}"), Script::Hang);
    }

    /// Forgets every rule.
    pub fn clear(&self) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn add(&self, pattern: &str, script: Script) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).push((pattern.to_owned(), script));
    }
}

impl Engine for Scripted {
    fn launch(&self, launch: Launch, report: Report) {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = format!("{} {}", launch.service, launch.container.image);
        let script = rules.iter().find(|(pattern, _)| glob::matches(pattern, &subject));
        match script.map(|(_, script)| script) {
            None => report.ready(),
            Some(Script::Fail(message)) => report.failed(message),
            Some(Script::Hang) => {}
        }
    }
}
