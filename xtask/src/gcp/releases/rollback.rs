//! `gcp rollback`: all traffic to an earlier revision.

use serde_json::json;

use super::{Fate, Revision, SCHEMA_VERSION, look, table};
use crate::cli::GcpRollback;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcloud::run;
use crate::gcp::mcp::{Config, Prober};
use crate::gcp::plan::{Item, Plan, State};
use crate::gcp::rollout;
use crate::gcp::service::{Live, Manifest, Target, Template};
use crate::gcp::{apply, fleet, lock, settings};
use crate::runner::Runner;
use crate::stage::Names;

/// Sends all traffic to the revision that served before, or to the one that is named.
pub(crate) fn rollback(context: &Context, args: &GcpRollback) -> Result<()> {
    let common = &args.common;
    let names = settings::load(context, common.stage)?.names;
    let service = match &args.service {
        Some(key) => fleet::service_name(context, common.stage, key)?,
        None => names.service(),
    };
    let (live, revisions) = look(context, &names, &service)?;
    let target = choose(&names, &service, &revisions, args.revision.as_deref())?;
    let plan = plan(&names, &service, &live, target);
    if !common.json {
        context.printer.data(&plan.render());
    }
    if common.dry_run || plan.is_empty() {
        return show(context, &plan, target, common.json);
    }
    apply::confirm(context, common)?;
    // With its revision: typed without one after an interruption, it would go back once more.
    let command = match &args.service {
        Some(key) => format!("gcp rollback {} {} --service {key}", common.stage, target.name),
        None => format!("gcp rollback {} {}", common.stage, target.name),
    };
    lock::under(context, &names, &command, args.lock_wait, |held| {
        let (now, revisions) = look(context, &names, &service)?;
        if now.essence() != live.essence() {
            return Err(Error::failed("what is there has changed since the plan was made")
                .cause("nothing was changed")
                .hint("type the same command again"));
        }
        let target = choose(&names, &service, &revisions, Some(&target.name))?;
        held.verify()?;
        let _progress = context.printer.progress(&format!("moving the traffic to {}", target.name));
        let written = context.runner.read(&run::replace(&names, &manifest(&service, &now, target)));
        let outcome = written.map_err(|error| {
            let error = error.during("traffic").cause("whether the traffic has moved is not known");
            error.hint(format!("this looks first, and goes on: cargo xtask {command}"))
        })?;
        let after = Live::parse(&outcome.stdout)
            .ok_or_else(|| Error::failed("gcloud's answer is not a service's document"))?;
        prove(context, &names, &after, target)
    })?;
    if common.json {
        show_json(context, &plan, target, true);
        return Ok(());
    }
    context.printer.data(&format!("{} serves; the next deploy is the usual one", target.name));
    Ok(())
}

/// The revision that is meant; an error lists those that could be.
fn choose<'a>(
    names: &Names,
    service: &str,
    revisions: &'a [Revision],
    wanted: Option<&str>,
) -> Result<&'a Revision> {
    let find = |name: &str| revisions.iter().find(|revision| revision.name == name);
    let refused = |why: String| {
        Error::failed(why)
            .causes(table(revisions).lines().map(str::to_owned))
            .cause("nothing was changed")
            .hint(format!("name one that came up: cargo xtask gcp rollback {} REVISION", names.stage()))
    };
    if let Some(name) = wanted {
        return match find(name) {
            Some(revision) if matches!(revision.fate, Fate::NotStarted | Fate::Starting) => {
                Err(refused(format!("{name} did not come up: it cannot serve")))
            }
            Some(revision) => Ok(revision),
            None => Err(refused(format!("{service} has no revision {name}"))),
        };
    }
    // Older than what serves, so that going back twice goes back twice and not to and fro.
    let serving = revisions.iter().position(|revision| revision.fate == Fate::Serving);
    let mut older = revisions.iter().skip(serving.map_or(0, |serving| serving + 1));
    older
        .find(|revision| revision.fate == Fate::Served)
        .ok_or_else(|| refused("no earlier revision is known to have served after a proof".to_owned()))
}

fn plan(names: &Names, service: &str, live: &Live, target: &Revision) -> Plan {
    let from = live
        .shares()
        .iter()
        .map(|share| format!("{} {}%", share.revision, share.percent))
        .collect::<Vec<_>>();
    let there = live.serving() == Some(target.name.as_str()) && !live.floating;
    let item = if there {
        Item::unchanged("traffic").note(format!("{} 100%", target.name))
    } else {
        let step = run::replace(names, &manifest(service, live, target));
        Item::step("traffic", State::Change, step)
            .note(format!("{} -> {} 100%", from.join(", "), target.name))
            .note(format!("commit {}", target.commit.as_deref().unwrap_or("unknown")))
    };
    let place = format!("{} in project {}, {}", names.stage(), names.project(), names.region());
    Plan { command: "gcp rollback", place, items: vec![item] }
}

fn manifest(service: &str, live: &Live, target: &Revision) -> String {
    // What serves now stays among those that have served; what is gone back to becomes the first of them.
    let mut served = vec![target.name.clone()];
    served.extend(live.served.iter().filter(|name| **name != target.name).cloned());
    Manifest {
        name: service,
        live: Some(live),
        template: Template::Kept,
        service: None,
        traffic: vec![Target::whole(&target.name)],
        served: Some(served),
    }
    .text()
}

/// Whether users are served; the traffic stays where it is either way: somebody has decided that it goes there.
fn prove(context: &Context, names: &Names, after: &Live, target: &Revision) -> Result<()> {
    if !target.name.starts_with(&format!("{}-", names.service())) {
        context.printer.note("  its startup probe was its proof");
        return Ok(());
    }
    let (Some(digest), Some(commit)) = (&target.digest, &target.commit) else {
        context.printer.warn("not proven: an earlier tool deployed this revision, without saying its commit");
        return Ok(());
    };
    let config = Config::load(context, names.stage())?;
    let image = format!("{}@{digest}", names.image());
    let prober = Prober::new(context, names.stage(), &image, commit)?;
    let proof = |url: &str| prober.prove(url);
    rollout::public_proof(context, after, Some(&proof), Some(&config.base_url)).map_err(|error| {
        error
            .cause(format!("the traffic is at {}", target.name))
            .hint(format!("other revisions: cargo xtask gcp releases {}", names.stage()))
    })
}

fn show(context: &Context, plan: &Plan, target: &Revision, json: bool) -> Result<()> {
    if json {
        show_json(context, plan, target, false);
        return Ok(());
    }
    let runner = Runner::dry_run(context.printer.clone(), context.runner.interrupts().clone());
    for (_, command) in plan.steps() {
        runner.read(command)?;
    }
    Ok(())
}

fn show_json(context: &Context, plan: &Plan, target: &Revision, applied: bool) {
    let mut report = plan.json(applied);
    report["schema_version"] = json!(SCHEMA_VERSION);
    report["release"] = json!(target);
    context.printer.json(&report);
}
