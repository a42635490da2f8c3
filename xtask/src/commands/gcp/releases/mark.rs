//! `gcp release`: what is said of a revision, and a candidate that is given up.

use super::{Revision, look};
use crate::cli::{GcpMark, GcpRelease, GcpTag};
use crate::commands::gcp::deploy::place;
use crate::commands::gcp::plan::{Item, Plan, State};
use crate::commands::gcp::scope::Scope;
use crate::commands::gcp::service::{Bad, History, Live, Manifest, Target, Template};
use crate::commands::gcp::{apply, lock, settings};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::run;

/// Does what was asked for.
pub(crate) fn release(context: &Context, task: &GcpRelease) -> Result<()> {
    let mark = |args: &GcpMark, command: &'static str, change: &Change<'_>| {
        carry_out(context, &args.tag, command, change)
    };
    match task {
        GcpRelease::Bad(args) => mark(args, "gcp release bad", &|live, revisions| {
            let revision = named(revisions, &args.revision)?;
            let bad = Bad { revision: revision.name.clone(), commit: revision.commit.clone() };
            Ok((live.history.clone().with_bad(bad), traffic(live, false)))
        }),
        GcpRelease::Good(args) => mark(args, "gcp release good", &|live, revisions| {
            let revision = named(revisions, &args.revision)?;
            let mut history = live.history.clone().without_blame(&revision.name, revision.commit.as_deref());
            history.held = history.held.filter(|held| *held != revision.name);
            Ok((history, traffic(live, false)))
        }),
        GcpRelease::Drop(args) => carry_out(context, args, "gcp release drop", &|live, _| {
            Ok((live.history.clone(), traffic(live, true)))
        }),
    }
}

/// What the service is to remember, and its traffic.
type Change<'a> = dyn Fn(&Live, &[Revision]) -> Result<(History, Vec<Target>)> + 'a;

fn carry_out(context: &Context, args: &GcpTag, command: &'static str, change: &Change<'_>) -> Result<()> {
    let common = &args.common;
    let names = settings::load(context, common.stage)?.names;
    let service = match &args.service {
        Some(key) => place::service_name(context, common.stage, key)?,
        None => names.service(),
    };
    let now = || -> Result<(Plan, Live)> {
        let (live, revisions) = look(context, &names, &service)?;
        let (history, traffic) = change(&live, &revisions)?;
        Ok((plan(&names, &service, command, &live, history, traffic), live))
    };
    let (planned, live) = now()?;
    let mut done = false;
    if apply::offer(context, &planned, common)? {
        let doing = format!("{command} {}", common.stage);
        lock::under(context, &names, &doing, args.lock_wait, |lock| {
            let (again, there) = now()?;
            if there.essence() != live.essence() {
                return Err(Error::failed("what is there has changed since the plan was made")
                    .cause("nothing was changed")
                    .hint("type the same command again"));
            }
            lock.verify()?;
            apply::apply(context, &again, common.at_once).map(|_| ())
        })?;
        done = true;
    }
    if common.json {
        context.printer.json(&planned.json(done));
    } else if done {
        context.printer.data(&format!("done: cargo xtask gcp releases {}", common.stage));
    }
    Ok(())
}

fn named<'a>(revisions: &'a [Revision], name: &str) -> Result<&'a Revision> {
    revisions.iter().find(|revision| revision.name == name).ok_or_else(|| {
        Error::failed(format!("there is no revision {name}"))
            .causes(super::table(revisions).lines().map(str::to_owned))
            .cause("nothing was changed")
    })
}

/// The traffic as it is, with the candidate's tag or without it.
fn traffic(live: &Live, dropped: bool) -> Vec<Target> {
    let mut traffic = live.shares();
    if let Some(candidate) = live.candidate().filter(|_| !dropped) {
        traffic.push(Target::tagged(&candidate.revision, crate::commands::gcp::service::CANDIDATE));
    }
    traffic
}

fn plan(
    names: &Names,
    service: &str,
    command: &'static str,
    live: &Live,
    history: History,
    traffic: Vec<Target>,
) -> Plan {
    let resource = format!("service {service}");
    let candidate = live.candidate().filter(|_| !traffic.iter().any(Target::is_candidate));
    let list = |history: &History| {
        let bad: Vec<_> = history.bad.iter().map(|bad| bad.revision.clone()).collect();
        if bad.is_empty() { "none".to_owned() } else { bad.join(", ") }
    };
    let mut notes = Vec::new();
    if history.bad != live.history.bad {
        notes.push(format!("not to serve again: {} -> {}", list(&live.history), list(&history)));
    }
    if let Some(held) = live.history.held.as_ref().filter(|_| history.held.is_none()) {
        notes.push(format!("the stage is held no more, after {held}"));
    }
    if let Some(candidate) = candidate {
        notes.push(format!("{} has an address of its own -> (none)", candidate.revision));
    }
    let item = if notes.is_empty() {
        Item::unchanged(resource)
    } else {
        let manifest = Manifest {
            name: service,
            live: Some(live),
            template: Template::Kept,
            service: None,
            traffic,
            history: Some(history),
        };
        let step = run::replace(names, &manifest.text());
        notes.into_iter().fold(Item::step(resource, State::Change, step), Item::note)
    };
    Plan { command, place: Scope::of(names), items: vec![item] }
}
