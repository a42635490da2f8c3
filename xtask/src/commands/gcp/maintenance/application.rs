//! The application in maintenance, and out of it: the web service, what leads to the worker, and what calls it.
//!
//! Closed: nobody reaches the web service and no instance of it waits; the queue and the scheduled jobs are paused. The
//! database stays up and no revision changes, so that opening is quick and needs no proof of a new one.

use std::collections::BTreeMap;

use super::switch::Switch;
use crate::commands::gcp::deploy::cron;
use crate::commands::gcp::deploy::place::Place;
use crate::commands::gcp::plan::{Item, State};
use crate::commands::gcp::service::{
    Changed, Ingress, Live, Manifest, Scaling, Spec, Target, Template, difference,
};
use crate::commands::gcp::state::balanced;
use crate::commands::gcp::state::observe::{Read, cannot_tell, observe_all};
use crate::commands::gcp::state::{parse_queue, parse_services};
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::{Ingress as Wanted, Service};
use crate::core::command::Command;
use crate::core::error::Result;
use crate::tools::gcloud::{self, Seen, Trouble, run};

/// What is there, as far as this is concerned.
#[derive(Default)]
pub(in crate::commands::gcp) struct There {
    services: BTreeMap<String, Live>,
    scheduled: Vec<cron::Live>,
    /// Whether a queue is paused; a queue that is not there is not in it.
    queues: BTreeMap<String, bool>,
    /// Endpoint groups that are there.
    groups: BTreeMap<String, bool>,
}

/// What is to do, in waves: closing begins with the users, opening with what serves them.
pub(in crate::commands::gcp) fn items(place: &Place<'_>, there: &There, to: Switch) -> Vec<Item> {
    let names = place.names();
    let (users, tasks, calls) = match to {
        Switch::Close => (0, 2, 1),
        Switch::Open => (0, 1, 2),
    };
    let mut items = Vec::new();
    for service in place.services().filter(|service| !service.gated) {
        items.push(door(place, there, service, to).wave(users));
    }
    for (queue, paused) in &there.queues {
        let item = turn(format!("queue {queue}"), *paused, to, |to| match to {
            Switch::Close => gcloud::fleet::pause_queue(names, queue),
            Switch::Open => gcloud::fleet::resume_queue(names, queue),
        });
        items.push(item.wave(tasks));
    }
    let jobs = &place.fleet.scheduler.jobs;
    for job in there.scheduled.iter().filter(|found| jobs.iter().any(|job| job.name == found.name)) {
        let item = turn(format!("scheduled {}", job.name), job.paused, to, |to| match to {
            Switch::Close => gcloud::fleet::pause_scheduled(names, &job.name),
            Switch::Open => gcloud::fleet::resume_scheduled(names, &job.name),
        });
        items.push(item.wave(calls));
    }
    // As they are done.
    items.sort_by_key(|item| item.wave);
    items
}

/// A queue or a job, paused or not: Google refuses to pause what is paused, so it is left alone.
fn turn(resource: String, paused: bool, to: Switch, command: impl FnOnce(Switch) -> Command) -> Item {
    if paused == (to == Switch::Close) {
        return Item::unchanged(resource);
    }
    let what = if paused { "runs again" } else { "is paused" };
    Item::step(format!("{resource} {what}"), State::Change, command(to))
}

/// The service's own settings: the revision that serves is the same before, meanwhile and after.
fn door(place: &Place<'_>, there: &There, service: &Service, to: Switch) -> Item {
    let name = &service.container.name;
    let resource = format!("service {name}");
    let Some(live) = there.services.get(name) else {
        return Item::unchanged(resource).note("is not deployed");
    };
    let mut spec: Spec = live.spec.clone();
    let balanced = match &service.ingress {
        Wanted::Balanced(group) => there.groups.get(group).copied().unwrap_or(false),
        Wanted::Fixed(_) => false,
    };
    (spec.ingress, spec.service_scaling.min) = match (to, &service.ingress) {
        (Switch::Close, _) => (Ingress::Internal, 0),
        (Switch::Open, Wanted::Fixed(word)) => {
            (Ingress::parse(word).unwrap_or(Ingress::Internal), least(service))
        }
        (Switch::Open, Wanted::Balanced(_)) if balanced => {
            (Ingress::InternalAndCloudLoadBalancing, least(service))
        }
        (Switch::Open, Wanted::Balanced(_)) => (Ingress::All, least(service)),
    };
    let changed = difference(&live.spec, &spec);
    if changed.is_empty() {
        return Item::unchanged(resource);
    }
    let traffic: Vec<Target> = live.shares();
    let manifest = Manifest {
        name,
        live: Some(live),
        template: Template::Kept,
        service: Some(&spec),
        traffic,
        history: None,
    };
    let mut item = Item::step(resource, State::Change, run::replace(place.names(), &manifest.text()));
    item.notes = changed.iter().map(Changed::text).collect();
    item
}

/// The fewest instances while it is open, of all revisions together; where each revision has its own, nothing changes.
fn least(service: &Service) -> u32 {
    if service.together { service.min } else { Scaling::default().min }
}

/// The fleet's services, as the list of the region has them.
pub(in crate::commands::gcp) fn services(
    place: &Place<'_>,
    listed: Seen<String>,
    troubles: &mut Vec<Trouble>,
) -> BTreeMap<String, Live> {
    let what = "the services of the region";
    listed
        .understand(what, |text| parse_services(place, text))
        .is_there(what)
        .take(troubles)
        .unwrap_or_default()
}

impl There {
    /// Looks at what belongs to these services; `None` where the application is not deployed: then nothing is asked.
    pub(in crate::commands::gcp) fn look(
        place: &Place<'_>,
        services: BTreeMap<String, Live>,
        at_once: usize,
    ) -> Result<Option<Self>> {
        let names = place.names();
        let mut own = place.fleet.services.iter().filter(|service| !service.gated);
        if !own.any(|service| services.contains_key(&service.container.name)) {
            return Ok(None);
        }
        let own = || place.services().filter(|service| !service.gated);
        let queues: Vec<&String> = own().filter_map(|service| service.queue.as_ref()).collect();
        let groups = own().filter_map(|service| match &service.ingress {
            Wanted::Balanced(group) => Some((group, &service.container.name)),
            Wanted::Fixed(_) => None,
        });
        let groups: Vec<(&String, &String)> = groups.collect();
        let queue =
            |queue: &&String| Read::new(format!("the queue {queue}"), gcloud::fleet::queue(names, queue));
        let group = |(group, _): &(&String, &String)| {
            Read::new(format!("the endpoint group {group}"), gcloud::endpoint_group(names, group))
        };
        let mut reads: Vec<Read> = queues.iter().map(queue).chain(groups.iter().map(group)).collect();
        let scheduler = place.has(SCHEDULER);
        if scheduler {
            reads.push(Read::new("the scheduler's jobs", gcloud::fleet::scheduled(names)));
        }
        let mut answers = observe_all(place.context, at_once, &reads)?.into_iter();
        let mut next = || answers.next().unwrap_or(Seen::Absent);
        let mut troubles: Vec<Trouble> = Vec::new();
        let mut there = Self { services, ..Self::default() };
        for queue in queues {
            let paused = next().understand(queue, parse_queue).take(&mut troubles);
            there.queues.extend(paused.map(|paused| (queue.clone(), paused)));
        }
        for (group, service) in groups {
            let balanced = balanced(next(), there.services.get(service), &mut troubles);
            there.groups.insert(group.clone(), balanced);
        }
        if scheduler {
            let jobs = next().understand("the scheduler's jobs", cron::Live::parse);
            let jobs = jobs.is_there("the scheduler's jobs").take(&mut troubles);
            there.scheduled = jobs.unwrap_or_default();
        }
        if troubles.is_empty() { Ok(Some(there)) } else { Err(cannot_tell(&troubles)) }
    }
}
