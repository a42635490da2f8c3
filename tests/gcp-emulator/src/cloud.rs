//! One Google Cloud project, as state: what each API reads and writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::api;
use crate::call::Call;
use crate::clock::{Clock, timestamp};
use crate::engine::{Engine, Launch, Task};
use crate::error::{Answer, ApiError};
use crate::policy::Policy;
use crate::region;
use crate::run::{Execution, Job, Script, Service};

/// The project and everything in it.
pub struct Cloud {
    pub(crate) project: String,
    pub(crate) number: String,
    clock: Arc<dyn Clock>,
    engine: Arc<dyn Engine>,
    counter: u64,
    pub(crate) enabled: BTreeSet<String>,
    pub(crate) accounts: BTreeMap<String, api::iam::Account>,
    pub(crate) policy: Policy,
    pub(crate) repositories: BTreeMap<(String, String), Value>,
    pub(crate) secrets: BTreeMap<String, api::secrets::Secret>,
    pub(crate) services: BTreeMap<(String, String), Service>,
    pub(crate) jobs: BTreeMap<(String, String), Job>,
    pub(crate) executions: Vec<Execution>,
    pub(crate) execution_script: Script,
    pub(crate) scheduled: BTreeMap<(String, String), Value>,
    pub(crate) queues: BTreeMap<(String, String), Value>,
    pub(crate) databases: BTreeMap<String, Value>,
    pub(crate) compute: api::compute::Compute,
    pub(crate) logs: Vec<Value>,
    /// Regions that lists of all regions could not ask.
    pub(crate) unreachable: BTreeSet<String>,
    /// Revisions that wait to be handed to the engine.
    pub(crate) launches: Vec<Launch>,
    /// Tasks that wait to be handed to the engine.
    pub(crate) tasks: Vec<Task>,
}

/// What to send back for a call.
pub(crate) enum Reply {
    /// The answer, now.
    Now(Answer),
    /// A Cloud Run service, once the engine has been given its new revision.
    Service { region: String, name: String },
    /// Ask again after the state has changed; this is the answer when the caller's patience is over.
    Later(Value),
    /// The front end's page for a host that serves nothing.
    NoSuchHost,
}

impl Cloud {
    pub(crate) fn new(project: &str, number: &str, clock: Arc<dyn Clock>, engine: Arc<dyn Engine>) -> Self {
        let mut policy = Policy::default();
        policy.bind("roles/owner", "user:owner@example.com");
        Self {
            project: project.to_owned(),
            number: number.to_owned(),
            clock,
            engine,
            counter: 0,
            enabled: BTreeSet::new(),
            accounts: BTreeMap::new(),
            policy,
            repositories: BTreeMap::new(),
            secrets: BTreeMap::new(),
            services: BTreeMap::new(),
            jobs: BTreeMap::new(),
            executions: Vec::new(),
            execution_script: Script::default(),
            scheduled: BTreeMap::new(),
            queues: BTreeMap::new(),
            databases: BTreeMap::new(),
            compute: api::compute::Compute::default(),
            logs: Vec::new(),
            unreachable: BTreeSet::new(),
            launches: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Answers one call.
    pub(crate) fn answer(&mut self, call: &Call) -> Reply {
        self.expire();
        let host = call.host.as_str();
        if let Some(api) =
            NEEDS_ENABLING.iter().find(|api| host == **api || host.ends_with(&format!("-{api}")))
            && !self.enabled.contains(*api)
        {
            return Reply::Now(Err(ApiError::api_disabled(api, &self.number)));
        }
        Reply::Now(match host {
            "serviceusage.googleapis.com" => api::serviceusage::answer(self, call),
            "iam.googleapis.com" => api::iam::answer(self, call),
            "cloudresourcemanager.googleapis.com" => api::projects::answer(self, call),
            "artifactregistry.googleapis.com" => api::artifacts::answer(self, call),
            "secretmanager.googleapis.com" => api::secrets::answer(self, call),
            "compute.googleapis.com" => api::compute::answer(self, call),
            "cloudscheduler.googleapis.com" => api::scheduler::answer(self, call),
            "sqladmin.googleapis.com" => api::sql::answer(self, call),
            "cloudtasks.googleapis.com" => api::tasks::answer(self, call),
            "logging.googleapis.com" => api::logging::answer(self, call),
            "run.googleapis.com" => crate::run::global(self, call),
            _ => match host.strip_suffix("-run.googleapis.com") {
                Some(region) if region::exists(region) => return crate::run::answer(self, region, call),
                _ => return Reply::NoSuchHost,
            },
        })
    }

    /// Checks the project in a path, by id or by number.
    pub(crate) fn check_project(&self, given: &str) -> Result<(), ApiError> {
        if given == self.project || given == self.number {
            return Ok(());
        }
        Err(ApiError::permission_denied(format!(
            "Permission denied on resource project {given} (or it may not exist)."
        )))
    }

    /// Whether this project, or any other as far as we can know, has this service account.
    pub(crate) fn account_exists(&self, email: &str) -> bool {
        let own = format!("@{}.iam.gserviceaccount.com", self.project);
        !email.ends_with(&own) || self.accounts.contains_key(email)
    }

    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine)
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) fn timestamp(&self) -> String {
        timestamp(self.now())
    }

    /// A number that was never given before: for ids, etags and fingerprints.
    pub(crate) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// The state as JSON, without the secrets' payloads: what tests and operators look at.
    pub fn snapshot(&self) -> Value {
        let named = |items: &BTreeMap<(String, String), Value>| {
            items
                .iter()
                .map(|((_, name), item)| (name.clone(), item.clone()))
                .collect::<serde_json::Map<_, _>>()
        };
        let members = |policy: &Policy| policy.json().get("bindings").cloned().unwrap_or_else(|| json!([]));
        json!({
            "project": self.project,
            "enabledApis": self.enabled,
            "policy": members(&self.policy),
            "serviceAccounts": self.accounts.keys().collect::<Vec<_>>(),
            "repositories": self.repositories.keys().map(|(region, name)| format!("{region}/{name}")).collect::<Vec<_>>(),
            "secrets": self.secrets.iter().map(|(name, secret)| (name.clone(), secret.snapshot())).collect::<serde_json::Map<_, _>>(),
            "services": self.services.values().map(|service| (service.name.clone(), service.json(self))).collect::<serde_json::Map<_, _>>(),
            "invokers": self.services.values().map(|service| (service.name.clone(), members(&service.policy))).collect::<serde_json::Map<_, _>>(),
            "jobs": self.jobs.iter().map(|((_, name), job)| (name.clone(), job.json(self))).collect::<serde_json::Map<_, _>>(),
            "scheduler": named(&self.scheduled),
            "queues": named(&self.queues),
            "compute": self.compute.snapshot(),
        })
    }

    fn expire(&mut self) {
        let now = self.now();
        self.secrets.retain(|_, secret| secret.expires.is_none_or(|at| at > now));
    }
}

/// The APIs that a project must enable itself. The others are asked through gcloud's own project, where they are on
/// (gcloud's `billing/quota_project` default, LEGACY).
const NEEDS_ENABLING: [&str; 7] = [
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "artifactregistry.googleapis.com",
    "compute.googleapis.com",
    "cloudscheduler.googleapis.com",
    "sqladmin.googleapis.com",
    "cloudtasks.googleapis.com",
];
