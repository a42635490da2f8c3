//! Reads the current state of what a deploy is about. If any part is unknown, nothing is changed.

mod answers;
pub(crate) mod observe;
mod reading;
pub(crate) mod serving;
mod view;

pub(super) use answers::Answers;
pub(super) use view::{View, view};

use std::collections::BTreeMap;

use answers::{SERVICES, UPLOADED};
use observe::{Read, cannot_tell, observe};
use reading::Reading;
use serde_json::{Value, json};

use super::deploy::cron;
use super::deploy::job::{Execution, LiveJob};
use super::deploy::place::Place;
use super::deploy::secret::Content;
use super::mcp::Web;
use super::policy::Policy;
use super::rollout::{Access, access, is_not_there};
use super::secrets::uploaded::Uploaded;
use super::secrets::version::Version;
use super::service::{Ingress, Live};
use crate::config::context::Context;
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::Ingress as Wanted;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{Advice, INVOKER, Seen, Trouble, run};

/// The state, by names in the cloud.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) services: BTreeMap<String, Live>,
    policies: BTreeMap<String, Policy>,
    /// Endpoint groups that lead a load balancer to a service.
    groups: BTreeMap<String, bool>,
    pub(super) secrets: BTreeMap<String, Content>,
    pub(super) databases: BTreeMap<String, Database>,
    /// Whether a queue is paused.
    pub(super) queues: BTreeMap<String, bool>,
    pub(super) jobs: BTreeMap<String, LiveJob>,
    pub(super) executions: BTreeMap<String, Execution>,
    pub(super) scheduled: Vec<cron::Live>,
    pub(super) project_number: String,
    /// Whether the stage's `.mcp` is uploaded; `None` where there is none here.
    pub(super) uploaded: Option<Uploaded>,
}

/// A Cloud SQL instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) connection: String,
    pub(super) private: bool,
    state: String,
}

impl State {
    /// Reads everything that the steps need.
    pub(super) fn read(place: &Place<'_>, at_once: usize) -> Result<Self> {
        Self::of(place, Answers::all(place, at_once)?)
    }

    /// What the answers say, once every question has one. An unknown part is an error.
    pub(super) fn of(place: &Place<'_>, answers: Answers) -> Result<Self> {
        let (mut state, reading) = Self::understood(place, answers);
        reading.conclude(place)?;
        let (context, names) = (place.context, place.names());
        for name in place.services().chain(place.scheduled_target()).map(|service| &service.container.name) {
            match state.services.remove(name) {
                Some(live) => {
                    state.services.insert(name.clone(), serving::read(context, names, live)?);
                }
                None if place.services().any(|service| service.container.name == *name) => {
                    is_not_there(context, names, name)?;
                }
                None => {}
            }
        }
        if place.services().next().is_some() && state.project_number.is_empty() {
            state.project_number = project_number(context, names)?;
        }
        Ok(state)
    }

    /// As far as revisions depend on it, of the first answers alone; `None` where part of them is absent or unknown.
    pub(super) fn foreseen(place: &Place<'_>, first: &Answers) -> Option<Self> {
        let (state, reading) = Self::understood(place, first.clone());
        reading.conclude(place).is_ok().then_some(state)
    }

    fn understood(place: &Place<'_>, answers: Answers) -> (Self, Reading) {
        let mut reading = Reading::of(answers);
        let mut state = Self::default();
        state.fill(place, &mut reading);
        let numbers = state.services.values().map(|live| live.project_number.clone());
        state.project_number = numbers.into_iter().find(|number| !number.is_empty()).unwrap_or_default();
        (state, reading)
    }

    fn fill(&mut self, place: &Place<'_>, reading: &mut Reading) {
        let (names, stage) = (place.names(), place.stage());
        let services = reading.need(SERVICES, "", |text| parse_services(place, text));
        let listed = services.is_some();
        self.services = services.unwrap_or_default();
        let web = names.web_service();
        for name in place.services().map(|service| &service.container.name).chain([&web]) {
            let live = listed.then(|| self.services.contains_key(name));
            let policy = reading.policy(name, live);
            self.policies.extend(policy.map(|policy| (name.clone(), policy)));
        }
        for service in place.services() {
            if let Wanted::Balanced(group) = &service.ingress {
                let answer = reading.take(&format!("the endpoint group {group}"));
                let live = self.services.get(&service.container.name);
                let balanced = balanced(answer, live, &mut reading.troubles);
                self.groups.insert(group.clone(), balanced);
            }
            if let Some(queue) = &service.queue {
                let make = format!("gcloud tasks queues create {queue} --location {}", names.region());
                let paused = reading.need(&format!("the queue {queue}"), &make, parse_queue);
                self.queues.insert(queue.clone(), paused.unwrap_or(false));
            }
        }
        for (name, secret) in place.secrets() {
            let what = format!("the secret {name}");
            let (make, write) = if *name == names.secret() {
                (format!("cargo xtask gcp setup {stage}"), format!("cargo xtask gcp secrets {stage}"))
            } else {
                let make =
                    format!("make it and write the environment file into it: gcloud secrets create {name}");
                (make, format!("write the environment file into it: gcloud secrets versions add {name}"))
            };
            let content = if secret.wins {
                reading.need(&what, &make, Content::parse)
            } else {
                reading.need(&what, &make, Version::parse_list).and_then(|versions| {
                    let newest = Content::newest(&versions);
                    if newest.is_none() {
                        reading.missing.push((format!("{what} has no version that can be read"), write));
                    }
                    newest
                })
            };
            self.secrets.extend(content.map(|content| (name.to_owned(), content)));
        }
        if let Some(file) = place.server_file() {
            self.uploaded = Uploaded::compare(&file, &reading.take(UPLOADED)).ok();
        }
        for name in place.databases() {
            let make = "the application needs its database: gcloud sql instances create";
            if let Some(database) = reading.need(&format!("the database {name}"), make, Database::parse) {
                if database.state != "RUNNABLE" {
                    let start = format!("gcloud sql instances patch {name} --activation-policy=ALWAYS");
                    reading.missing.push((format!("the database {name} is {}", database.state), start));
                }
                self.databases.insert(name.to_owned(), database);
            }
        }
        for job in place.jobs() {
            let name = &job.container.name;
            let live = reading.may(&format!("the job {name}"), LiveJob::parse);
            self.jobs.extend(live.map(|live| (name.clone(), live)));
            let runs = reading.may(&format!("the executions of {name}"), Execution::parse_list);
            self.executions.extend(runs.unwrap_or_default().into_iter().map(|newest| (name.clone(), newest)));
        }
        if place.has(SCHEDULER) {
            self.scheduled = reading.need("the scheduler's jobs", "", cron::Live::parse).unwrap_or_default();
        }
    }

    /// Who may call a service; `None` where there is none.
    pub(super) fn access(&self, service: &str) -> Option<Access> {
        self.services
            .contains_key(service)
            .then(|| access(self.services.get(service), self.policies.get(service)))
    }

    /// Whether the MCP server's account may call the web application; `None` where that is not deployed.
    pub(super) fn may_call_web(&self, names: &Names) -> Option<bool> {
        let (account, web) = (names.service_account(), names.web_service());
        self.services.get(&web)?;
        Some(self.policies.get(&web).is_some_and(|policy| policy.grants(INVOKER, &account)))
    }

    /// What the web application is told about the MCP server; `None` where it is not deployed.
    pub(super) fn told(&self, names: &Names) -> Option<Web> {
        self.services.get(&names.web_service()).map(Web::of)
    }

    pub(super) fn is_balanced(&self, group: &str) -> bool {
        self.groups.get(group).copied().unwrap_or(false)
    }

    /// The number of a secret's newest version; 0 where there is none.
    pub(super) fn version(&self, secret: &str) -> u64 {
        self.secrets.get(secret).map(|content| content.version).unwrap_or_default()
    }

    /// Whether the application is in maintenance: what the public reaches otherwise is closed.
    pub(super) fn in_maintenance(&self, place: &Place<'_>) -> bool {
        let open = place.fleet.services.iter().filter(|service| service.public && !service.gated);
        let mut live = open.filter_map(|service| self.services.get(&service.container.name));
        live.any(|live| live.spec.ingress == Ingress::Internal)
    }

    /// All of it that a plan depends on.
    pub(super) fn document(&self, place: &Place<'_>) -> Value {
        let (names, steps) = (place.names(), place.services().chain(place.scheduled_target()));
        let services: BTreeMap<_, _> = steps
            .filter_map(|service| self.services.get_key_value(&service.container.name))
            .map(|(name, live)| (name, live.essence()))
            .collect();
        let access: BTreeMap<_, _> =
            self.policies.iter().map(|(name, policy)| (name, policy.grants_everybody(INVOKER))).collect();
        let secrets: BTreeMap<_, _> =
            self.secrets.iter().map(|(name, content)| (name, content.version)).collect();
        let server = place.services().any(|service| service.gated);
        json!({
            "services": services,
            "maintenance": self.in_maintenance(place),
            "open to everybody": access,
            "load balancer": self.groups,
            "secrets": secrets,
            "queues": self.queues,
            "jobs": self.jobs.iter().map(|(name, job)| (name.clone(), job.fields())).collect::<BTreeMap<_, _>>(),
            "executions": self.executions.iter().map(|(name, run)| (name.clone(), run.name.clone())).collect::<BTreeMap<_, _>>(),
            "scheduler": self.scheduled.iter().map(cron::Live::essence).collect::<Vec<_>>(),
            "web": server.then(|| self.told(names)),
            "may call web": server.then(|| self.may_call_web(names)),
        })
    }
}

impl Database {
    fn parse(text: &str) -> Option<Self> {
        let instance: Value = serde_json::from_str(text).ok()?;
        let addresses = instance["ipAddresses"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            connection: instance["connectionName"].as_str()?.to_owned(),
            private: addresses.iter().any(|address| address["type"] == "PRIVATE"),
            state: instance["state"].as_str()?.to_owned(),
        })
    }
}

/// The fleet's own services; the region may have others.
pub(super) fn parse_services(place: &Place<'_>, text: &str) -> Option<BTreeMap<String, Live>> {
    let web = place.names().web_service();
    let ours = |name: &str| place.fleet.services.iter().any(|service| service.container.name == name);
    Live::parse_list(text, |name| name == web || ours(name))
}

/// Whether a queue is paused.
pub(super) fn parse_queue(text: &str) -> Option<bool> {
    let queue: Value = serde_json::from_str(text).ok()?;
    match queue["state"].as_str()? {
        "RUNNING" => Some(false),
        "PAUSED" => Some(true),
        _ => None,
    }
}

/// Whether a load balancer leads to the service.
///
/// In a project whose Compute API is off there is none. Only where the service already lets nobody in but a load
/// balancer, such an answer is not believed: it may be about another project, the one that gcloud bills.
pub(super) fn balanced(group: Seen<String>, live: Option<&Live>, troubles: &mut Vec<Trouble>) -> bool {
    match group {
        Seen::Present(_) => true,
        Seen::Absent => false,
        Seen::Unknown(trouble) => {
            let locked = live.is_some_and(|live| live.spec.ingress == Ingress::InternalAndCloudLoadBalancing);
            if trouble.advice != Advice::EnableApi || locked {
                troubles.push(trouble);
            }
            false
        }
    }
}

fn project_number(context: &Context, names: &Names) -> Result<String> {
    let read = Read::new("the project", run::project_number(names));
    let [seen] = observe(context, 1, &[read])?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| Some(text.trim().to_owned()).filter(|text| is_number(text));
    match seen.understand("the project's number", number) {
        Seen::Present(number) => Ok(number),
        Seen::Absent => Err(Error::failed(format!("the project {} does not exist", names.project()))
            .cause("nothing was changed")
            .hint("is GCP_PROJECT_ID right? gcloud projects list")),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}
