//! Reads the current state of the fleet. If any part is unknown, nothing is changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cron;
use super::job::{Execution, LiveJob};
use super::place::Place;
use super::secret::Content;
use crate::commands::gcp::deploy::balanced;
use crate::commands::gcp::observe::{Read, cannot_tell, observe_all, proven};
use crate::commands::gcp::policy::Policy;
use crate::commands::gcp::rollout::{Access, access};
use crate::commands::gcp::secrets::version::Version;
use crate::commands::gcp::service::Live;
use crate::commands::gcp::serving;
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::Ingress as Wanted;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, INVOKER, Seen, Trouble, run};

/// What is there, by names in the cloud.
#[derive(Debug, Clone, Default)]
pub(in crate::commands::gcp) struct Facts {
    pub(in crate::commands::gcp) services: BTreeMap<String, Live>,
    policies: BTreeMap<String, Policy>,
    /// Endpoint groups that lead a load balancer to a service.
    groups: BTreeMap<String, bool>,
    pub(super) secrets: BTreeMap<String, Content>,
    pub(super) databases: BTreeMap<String, Database>,
    /// Whether a queue is paused.
    pub(in crate::commands::gcp) queues: BTreeMap<String, bool>,
    pub(super) jobs: BTreeMap<String, LiveJob>,
    pub(super) executions: BTreeMap<String, Execution>,
    pub(in crate::commands::gcp) scheduled: Vec<cron::Live>,
    pub(super) project_number: String,
}

/// A Cloud SQL instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) connection: String,
    pub(super) private: bool,
    state: String,
}

/// The questions and their answers.
struct Questions {
    reads: Vec<Read>,
    answers: BTreeMap<String, Seen<String>>,
    troubles: Vec<Trouble>,
    missing: Vec<(String, String)>,
}

impl Facts {
    /// Looks at everything that the steps need.
    pub(in crate::commands::gcp) fn read(place: &Place<'_>, at_once: usize) -> Result<Self> {
        let mut questions = Questions::of(place);
        let whats: Vec<String> = questions.reads.iter().map(|read| read.what.clone()).collect();
        let answers = observe_all(place.context, at_once, &questions.reads)?;
        questions.answers = whats.into_iter().zip(answers).collect();
        let mut facts = Self::default();
        facts.fill(place, &mut questions);
        questions.conclude()?;
        facts.services = std::mem::take(&mut facts.services)
            .into_iter()
            .map(|(name, live)| Ok((name, serving::read(place.context, place.names(), live)?)))
            .collect::<Result<_>>()?;
        if place.steps.iter().any(|key| place.fleet.service(key).is_some()) {
            facts.project_number =
                match facts.services.values().map(|live| live.project_number.clone()).next() {
                    Some(number) if !number.is_empty() => number,
                    _ => crate::commands::gcp::deploy::project_number(place.context, place.names())?,
                };
        }
        Ok(facts)
    }

    fn fill(&mut self, place: &Place<'_>, questions: &mut Questions) {
        let names = place.names();
        let services = questions.need("the services of the region", "", |text| parse_services(place, text));
        let listed = services.is_some();
        self.services = services.unwrap_or_default();
        for service in place.services() {
            let name = &service.container.name;
            let live = listed.then(|| self.services.contains_key(name));
            if let Some(policy) = questions.policy(name, live) {
                self.policies.insert(name.clone(), policy);
            }
            if let Wanted::Balanced(group) = &service.ingress {
                let balanced = questions.balanced(group, self.services.get(name));
                self.groups.insert(group.clone(), balanced);
            }
            if let Some(queue) = &service.queue {
                let make = format!("gcloud tasks queues create {queue} --location {}", names.region());
                let paused = questions.need(&format!("the queue {queue}"), &make, parse_queue);
                self.queues.insert(queue.clone(), paused.unwrap_or(false));
            }
        }
        let web = names.web_service();
        let ours = place.fleet.services.iter().any(|service| service.container.name == web);
        let live = (listed && ours).then(|| self.services.contains_key(&web));
        if let Some(policy) = questions.policy(&web, live) {
            self.policies.entry(web).or_insert(policy);
        }
        for (name, secret) in place.secrets() {
            let what = format!("the secret {name}");
            let make =
                format!("make it and write the environment file into it: gcloud secrets create {name}");
            let content = if secret.wins {
                questions.need(&what, &make, Content::parse)
            } else {
                questions.need(&what, &make, |text| Content::newest(&Version::parse_list(text)?))
            };
            self.secrets.extend(content.map(|content| (name.to_owned(), content)));
        }
        for name in place.databases() {
            let make = "the application needs its database: gcloud sql instances create";
            if let Some(database) = questions.need(&format!("the database {name}"), make, Database::parse) {
                if database.state != "RUNNABLE" {
                    let start = format!("gcloud sql instances patch {name} --activation-policy=ALWAYS");
                    questions.missing.push((format!("the database {name} is {}", database.state), start));
                }
                self.databases.insert(name.to_owned(), database);
            }
        }
        for job in place.steps.iter().filter_map(|key| place.fleet.job(key)) {
            let name = &job.container.name;
            if let Some(live) = questions.may(&format!("the job {name}"), LiveJob::parse) {
                self.jobs.insert(name.clone(), live);
            }
            let what = format!("the executions of {name}");
            let newest = questions.may(&what, Execution::parse_list).unwrap_or_default();
            self.executions.extend(newest.into_iter().map(|newest| (name.clone(), newest)));
        }
        if place.has(SCHEDULER) {
            self.scheduled =
                questions.need("the scheduler's jobs", "", cron::Live::parse).unwrap_or_default();
        }
    }

    /// Who may call a service; `None` where there is none.
    pub(super) fn access(&self, service: &str) -> Option<Access> {
        self.services
            .contains_key(service)
            .then(|| access(self.services.get(service), self.policies.get(service)))
    }

    /// Whether this account may call a service.
    pub(super) fn may_call(&self, account: &str, service: &str) -> bool {
        self.policies.get(service).is_some_and(|policy| policy.grants(INVOKER, account))
    }

    pub(super) fn is_balanced(&self, group: &str) -> bool {
        self.groups.get(group).copied().unwrap_or(false)
    }

    /// All of it that a plan depends on.
    pub(super) fn document(&self) -> Value {
        let services: BTreeMap<_, _> =
            self.services.iter().map(|(name, live)| (name, live.essence())).collect();
        let access: BTreeMap<_, _> =
            self.policies.iter().map(|(name, policy)| (name, policy.grants_everybody(INVOKER))).collect();
        let secrets: BTreeMap<_, _> =
            self.secrets.iter().map(|(name, content)| (name, content.version)).collect();
        json!({
            "services": services,
            "open to everybody": access,
            "load balancer": self.groups,
            "secrets": secrets,
            "queues": self.queues,
            "jobs": self.jobs.iter().map(|(name, job)| (name.clone(), job.fields())).collect::<BTreeMap<_, _>>(),
            "executions": self.executions.iter().map(|(name, run)| (name.clone(), run.name.clone())).collect::<BTreeMap<_, _>>(),
            "scheduler": self.scheduled.iter().map(cron::Live::essence).collect::<Vec<_>>(),
        })
    }
}

impl Questions {
    fn of(place: &Place<'_>) -> Self {
        let names = place.names();
        let mut reads: Vec<Read> =
            vec![Read::new("the services of the region", gcloud::fleet::services(names))];
        let mut policies = Vec::new();
        for service in place.services() {
            policies.push(service.container.name.clone());
            if let Wanted::Balanced(group) = &service.ingress {
                let command = gcloud::endpoint_group(names, group);
                reads.push(Read::new(format!("the endpoint group {group}"), command));
            }
            if let Some(queue) = &service.queue {
                reads.push(Read::new(format!("the queue {queue}"), gcloud::fleet::queue(names, queue)));
            }
        }
        if place.services().any(|service| service.gated) && !policies.contains(&names.web_service()) {
            policies.push(names.web_service());
        }
        reads.extend(
            policies.iter().map(|name| Read::new(format!("the policy of {name}"), run::policy(names, name))),
        );
        for (name, secret) in place.secrets() {
            let command = if secret.wins {
                gcloud::fleet::newest_content(names, name)
            } else {
                gcloud::fleet::versions(names, name)
            };
            reads.push(Read::new(format!("the secret {name}"), command));
        }
        for name in place.databases() {
            reads.push(Read::new(format!("the database {name}"), gcloud::fleet::database(names, name)));
        }
        for job in place.steps.iter().filter_map(|key| place.fleet.job(key)) {
            let name = &job.container.name;
            reads.push(Read::new(format!("the job {name}"), gcloud::fleet::job(names, name)));
            let runs = gcloud::fleet::newest_execution(names, name);
            reads.push(Read::new(format!("the executions of {name}"), runs));
        }
        if place.has(SCHEDULER) {
            reads.push(Read::new("the scheduler's jobs", gcloud::fleet::scheduled(names)));
        }
        Self { reads, answers: BTreeMap::new(), troubles: Vec::new(), missing: Vec::new() }
    }

    /// What may be there.
    fn may<T>(&mut self, what: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match self.answers.remove(what)?.understand(what, read) {
            Seen::Present(value) => Some(value),
            Seen::Absent => None,
            Seen::Unknown(trouble) => {
                self.troubles.push(trouble);
                None
            }
        }
    }

    /// The policy of a service; `listed` says whether the list of the region has it, where there is one.
    fn policy(&mut self, service: &str, listed: Option<bool>) -> Option<Policy> {
        let what = format!("the policy of {service}");
        if let Some(listed) = listed
            && let Some(answer) = self.answers.remove(&what)
        {
            self.answers.insert(what.clone(), proven(service, listed, answer));
        }
        self.may(&what, Policy::parse)
    }

    /// What has to be there; `make` says how to make it.
    fn need<T>(&mut self, what: &str, make: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        if matches!(self.answers.get(what), Some(Seen::Absent)) {
            self.missing.push((format!("{what} is not there"), make.to_owned()));
        }
        self.may(what, read)
    }

    /// Whether a load balancer leads to the service.
    fn balanced(&mut self, group: &str, live: Option<&Live>) -> bool {
        let answer = self.answers.remove(&format!("the endpoint group {group}"));
        balanced(answer.unwrap_or(Seen::Absent), live, &mut self.troubles)
    }

    /// Everything that is unknown, or that does not exist and has to.
    fn conclude(self) -> Result<()> {
        if !self.troubles.is_empty() {
            return Err(cannot_tell(&self.troubles));
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        let (what, how): (Vec<String>, Vec<String>) = self.missing.into_iter().unzip();
        let error =
            Error::failed("the stage is not prepared for a deploy, so nothing was changed").causes(what);
        Err(how.into_iter().filter(|how| !how.is_empty()).fold(error, Error::hint))
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
pub(in crate::commands::gcp) fn parse_services(
    place: &Place<'_>,
    text: &str,
) -> Option<BTreeMap<String, Live>> {
    Live::parse_list(text, |name| place.fleet.services.iter().any(|service| service.container.name == name))
}

/// Whether a queue is paused.
pub(in crate::commands::gcp) fn parse_queue(text: &str) -> Option<bool> {
    let queue: Value = serde_json::from_str(text).ok()?;
    match queue["state"].as_str()? {
        "RUNNING" => Some(false),
        "PAUSED" => Some(true),
        _ => None,
    }
}
