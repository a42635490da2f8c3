//! What is asked of Google Cloud before a deploy, and the answers.

use std::collections::BTreeMap;

use super::observe::{Read, observe_all};
use crate::commands::gcp::deploy::place::Place;
use crate::commands::gcp::unprepared::unprepared;
use crate::config::context::Context;
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::Ingress;
use crate::core::error::Result;
use crate::tools::gcloud::{self, Seen, run};

/// The one list of all services: each start of gcloud is half a second of processor.
pub(super) const SERVICES: &str = "the services of the region";

/// What the server's secret holds, beside the stage's own file.
pub(super) const UPLOADED: &str = "the newest version of the secret";

/// The answers so far, by what was asked.
#[derive(Debug, Clone)]
pub(in crate::commands::gcp) struct Answers(pub(super) BTreeMap<String, Seen<String>>);

impl Answers {
    /// What mostly tells whether there is something to write: the services, and the versions of secrets.
    pub(in crate::commands::gcp) fn first(place: &Place<'_>, at_once: usize) -> Result<Self> {
        Self::ask(place.context, at_once, &questions(place).0)
    }

    /// What else has to be known before anything is written.
    pub(in crate::commands::gcp) fn rest(place: &Place<'_>, at_once: usize) -> Result<Self> {
        Self::ask(place.context, at_once, &questions(place).1)
    }

    /// All of it.
    pub(super) fn all(place: &Place<'_>, at_once: usize) -> Result<Self> {
        let (mut reads, rest) = questions(place);
        reads.extend(rest);
        Self::ask(place.context, at_once, &reads)
    }

    /// These, with what another deploy changes read again.
    pub(in crate::commands::gcp) fn again(mut self, place: &Place<'_>) -> Result<Self> {
        let services = Read::new(SERVICES, gcloud::fleet::services(place.names()));
        self.0.extend(Self::ask(place.context, 1, &[services])?.0);
        Ok(self)
    }

    /// Both.
    pub(in crate::commands::gcp) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// An error where the first answers say that the project is not prepared: whatever else is missing comes after that.
    pub(in crate::commands::gcp) fn prepared(&self, place: &Place<'_>) -> Result<()> {
        let unknown = |seen: &Seen<String>| match seen {
            Seen::Unknown(trouble) => Some(trouble.clone()),
            Seen::Present(_) | Seen::Absent => None,
        };
        let troubles: Vec<_> = self.0.values().filter_map(unknown).collect();
        match unprepared(place.context, place.names(), &troubles) {
            Some(error) => Err(error.cause("nothing was changed")),
            None => Ok(()),
        }
    }

    fn ask(context: &Context, at_once: usize, reads: &[Read]) -> Result<Self> {
        let answers = observe_all(context, at_once, reads)?;
        Ok(Self(reads.iter().map(|read| read.what.clone()).zip(answers).collect()))
    }
}

/// Everything that is asked: what is asked first, and the rest.
fn questions(place: &Place<'_>) -> (Vec<Read>, Vec<Read>) {
    let names = place.names();
    let mut first = vec![Read::new(SERVICES, gcloud::fleet::services(names))];
    for (name, secret) in place.secrets() {
        let command = if secret.wins {
            gcloud::fleet::newest_content(names, name)
        } else {
            gcloud::fleet::versions(names, name)
        };
        first.push(Read::new(format!("the secret {name}"), command));
    }
    let mut rest = Vec::new();
    if place.server_file().is_some() {
        rest.push(Read::new(UPLOADED, gcloud::fleet::newest_content(names, &names.secret())));
    }
    let mut policies: Vec<String> = place.services().map(|service| service.container.name.clone()).collect();
    let web = names.web_service();
    if place.services().any(|service| service.gated) && !policies.contains(&web) {
        policies.push(web);
    }
    for name in &policies {
        rest.push(Read::new(format!("the policy of {name}"), run::policy(names, name)));
    }
    for service in place.services() {
        if let Ingress::Balanced(group) = &service.ingress {
            rest.push(Read::new(format!("the endpoint group {group}"), gcloud::endpoint_group(names, group)));
        }
        if let Some(queue) = &service.queue {
            rest.push(Read::new(format!("the queue {queue}"), gcloud::fleet::queue(names, queue)));
        }
    }
    for name in place.databases() {
        rest.push(Read::new(format!("the database {name}"), gcloud::fleet::database(names, name)));
    }
    for job in place.jobs() {
        let name = &job.container.name;
        rest.push(Read::new(format!("the job {name}"), gcloud::fleet::job(names, name)));
        let runs = gcloud::fleet::newest_execution(names, name);
        rest.push(Read::new(format!("the executions of {name}"), runs));
    }
    if place.has(SCHEDULER) {
        rest.push(Read::new("the scheduler's jobs", gcloud::fleet::scheduled(names)));
    }
    (first, rest)
}
