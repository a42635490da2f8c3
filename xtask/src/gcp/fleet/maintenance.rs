//! Closing the application, and opening it again: the web service, what leads to the worker, and what calls it.
//!
//! Closed: nobody reaches the web service and no instance of it waits; the queue and the scheduled jobs are paused. The
//! database stays up and no revision changes, so that opening is quick and needs no proof of a new one. The MCP server
//! has its own switch; it is closed after this, and opened after this, since it asks the web service for its licence.

use super::cron;
use super::facts::{parse_queue, parse_services};
use super::place::Place;
use crate::cli::GcpSwitchAll;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::fleet::{Ingress as Wanted, Service};
use crate::gcloud::{self, Advice, Seen, Trouble, run};
use crate::gcp::observe::{Read, cannot_tell, observe_all};
use crate::gcp::plan::{Item, Plan, State};
use crate::gcp::service::{Ingress, Live, Manifest, Scaling, Spec, Target, Template, difference};
use crate::gcp::{apply, lock};
use crate::runner::Runner;

use std::collections::BTreeMap;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gcp) enum Switch {
    /// Into maintenance.
    Close,
    /// Out of it.
    Open,
}

/// What is there, as far as this is concerned.
struct There {
    services: BTreeMap<String, Live>,
    scheduled: Vec<cron::Live>,
    /// Whether a queue is paused; a queue that is not there is not in it.
    queues: BTreeMap<String, bool>,
    /// Endpoint groups that are there.
    groups: BTreeMap<String, bool>,
}

/// Shows the plan, asks, and carries it out under the stage's lock.
pub(in crate::gcp) fn switch(context: &Context, args: &GcpSwitchAll, to: Switch) -> Result<()> {
    let (wait, args) = (args.lock_wait, &args.common);
    let place = Place::whole(context, args.stage)?;
    let plan = plan(&place, &There::look(&place, args.at_once)?, to);
    if args.json {
        context.printer.json(&plan.json(!plan.is_empty() && !args.dry_run));
    } else {
        context.printer.data(&plan.render());
    }
    if plan.is_empty() {
        return Ok(());
    }
    if args.dry_run {
        let runner = Runner::dry_run(context.printer.clone(), context.runner.interrupts().clone());
        return if args.json {
            Ok(())
        } else {
            plan.steps().try_for_each(|(_, step)| runner.read(step).map(|_| ()))
        };
    }
    apply::confirm(context, args)?;
    lock::under(context, place.names(), plan.command, wait, |lock| {
        let plan = self::plan(&place, &There::look(&place, args.at_once)?, to);
        lock.verify()?;
        apply::apply(context, &plan, args.at_once).map(|_| ())
    })
}

/// Closing begins with the users, opening ends with them.
fn plan(place: &Place<'_>, there: &There, to: Switch) -> Plan {
    let names = place.names();
    let (command, users, calls, tasks) = match to {
        Switch::Close => ("gcp maintenance-all on", 0, 1, 2),
        Switch::Open => ("gcp maintenance-all off", 2, 1, 0),
    };
    let mut items = Vec::new();
    for service in place.services().filter(|service| service.public && !service.gated) {
        items.push(door(place, there, service, to).wave(users));
    }
    let jobs = cron::names(place);
    for job in there.scheduled.iter().filter(|job| jobs.contains(&job.name)) {
        let resource = format!("scheduled {}", job.name);
        let turn = match (to, job.paused) {
            (Switch::Close, false) => Some(("is paused", gcloud::fleet::pause_scheduled(names, &job.name))),
            (Switch::Open, true) => Some(("runs again", gcloud::fleet::resume_scheduled(names, &job.name))),
            _ => None,
        };
        items.push(match turn {
            Some((what, step)) => Item::step(format!("{resource} {what}"), State::Change, step).wave(calls),
            None => Item::unchanged(resource),
        });
    }
    for (queue, paused) in &there.queues {
        let turn = match (to, paused) {
            (Switch::Close, false) => Some(("is paused", gcloud::fleet::pause_queue(names, queue))),
            (Switch::Open, true) => Some(("runs again", gcloud::fleet::resume_queue(names, queue))),
            _ => None,
        };
        items.push(match turn {
            Some((what, step)) => {
                Item::step(format!("queue {queue} {what}"), State::Change, step).wave(tasks)
            }
            None => Item::unchanged(format!("queue {queue}")),
        });
    }
    // As they are done.
    items.sort_by_key(|item| item.wave);
    let place = format!("{}: the fleet in project {}, {}", names.stage(), names.project(), names.region());
    Plan { command, place, items }
}

/// The service's own settings: the revision that serves is the same before, meanwhile and after.
fn door(place: &Place<'_>, there: &There, service: &Service, to: Switch) -> Item {
    let name = place.fill(&service.container.name);
    let resource = format!("service {name}");
    let Some(live) = there.services.get(&name) else {
        return Item::unchanged(resource).note("is not deployed");
    };
    let mut spec: Spec = live.spec.clone();
    let balanced = match &service.ingress {
        Wanted::Balanced(group) => there.groups.get(&place.fill(group)).copied().unwrap_or(false),
        Wanted::Fixed(_) => false,
    };
    (spec.ingress, spec.service_scaling.min) = match (to, &service.ingress) {
        (Switch::Close, _) => (Ingress::Internal, 0),
        (Switch::Open, Wanted::Fixed(word)) => {
            (Ingress::parse(word).unwrap_or(Ingress::Internal), least(place, service))
        }
        (Switch::Open, Wanted::Balanced(_)) if balanced => {
            (Ingress::InternalAndCloudLoadBalancing, least(place, service))
        }
        (Switch::Open, Wanted::Balanced(_)) => (Ingress::All, least(place, service)),
    };
    let changed = difference(&live.spec, &spec);
    if changed.is_empty() {
        return Item::unchanged(resource);
    }
    let traffic: Vec<Target> = live.shares();
    let manifest = Manifest {
        name: &name,
        live: Some(live),
        template: Template::Kept,
        service: Some(&spec),
        traffic,
        served: None,
    };
    let mut item = Item::step(resource, State::Change, run::replace(place.names(), &manifest.text()));
    item.notes = changed.iter().map(crate::gcp::service::Changed::text).collect();
    item
}

/// The fewest instances while it is open, of all revisions together; where each revision has its own, nothing changes.
fn least(place: &Place<'_>, service: &Service) -> u32 {
    let none = Scaling::default().min;
    if service.together { *service.min.of(place.stage()) } else { none }
}

impl There {
    fn look(place: &Place<'_>, at_once: usize) -> Result<Self> {
        let names = place.names();
        let fill_queue = |service: &Service| Some(place.fill(service.queue.as_ref()?.of(place.stage())));
        let queues: Vec<String> = place.services().filter_map(fill_queue).collect();
        let group = |service: &Service| match &service.ingress {
            Wanted::Balanced(group) if !service.gated => Some(place.fill(group)),
            _ => None,
        };
        let groups: Vec<String> = place.services().filter_map(group).collect();
        let mut reads = vec![
            Read::new("the services of the region", gcloud::fleet::services(names)),
            Read::new("the scheduler's jobs", gcloud::fleet::scheduled(names)),
        ];
        reads.extend(
            queues
                .iter()
                .map(|queue| Read::new(format!("the queue {queue}"), gcloud::fleet::queue(names, queue))),
        );
        reads.extend(groups.iter().map(|group| {
            Read::new(format!("the endpoint group {group}"), gcloud::endpoint_group(names, group))
        }));
        let mut answers = observe_all(place.context, at_once, &reads)?.into_iter();
        let mut next = || answers.next().unwrap_or(Seen::Absent);
        let mut troubles: Vec<Trouble> = Vec::new();
        let services =
            next().understand("the services", |text| parse_services(place, text)).take(&mut troubles);
        let scheduled = next().understand("the scheduler's jobs", cron::Live::parse).take(&mut troubles);
        let mut found = BTreeMap::new();
        for queue in queues {
            let paused = next().understand(&queue, parse_queue).take(&mut troubles);
            found.extend(paused.map(|paused| (queue, paused)));
        }
        let mut leads = BTreeMap::new();
        for group in groups {
            let there = match next() {
                Seen::Present(_) => true,
                Seen::Absent => false,
                // A project whose Compute API is off has no load balancer.
                Seen::Unknown(trouble) if trouble.advice == Advice::EnableApi => false,
                Seen::Unknown(trouble) => {
                    troubles.push(trouble);
                    false
                }
            };
            leads.insert(group, there);
        }
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        let services =
            services.ok_or_else(|| Error::failed("the services of the region could not be listed"))?;
        Ok(Self { services, scheduled: scheduled.unwrap_or_default(), queues: found, groups: leads })
    }
}
