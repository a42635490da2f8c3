//! `gcp deploy-all`: the whole fleet, as `envs/fleet.toml` describes it, in its order.
//!
//! One plan, one confirmation, one lock; each step is proven before the next begins.

mod conflicts;
pub(super) mod cron;
pub(super) mod facts;
mod images;
mod job;
mod job_manifest;
mod line;
pub(super) mod place;
mod plan;
mod secret;
mod view;
mod wanted;

use serde_json::json;

use super::plan::Plan;
use super::{apply, lock};
use crate::cli::GcpDeployAll;
use crate::config::context::Context;
use crate::config::stage::Stage;
use crate::core::error::{Error, Result};
use facts::Facts;
use images::Images;
use line::Line;
use place::{Choice, Place};
use plan::Wanted;
pub(super) use view::{View, view};

/// Brings the whole fleet where the file wants it.
pub(super) fn deploy_all(context: &Context, args: &GcpDeployAll) -> Result<()> {
    let common = &args.common;
    let place = Place::load(context, common.stage, &Choice::of(args))?;
    for (key, why) in &place.skipped {
        context.printer.note(&format!("{key}: skipped, because {why}"));
    }
    let mut images = images::resolve(&place, args)?;
    let facts = Facts::read(&place, common.at_once)?;
    let wanted = Wanted { place: &place, images: &images, facts: &facts };
    wanted.check()?;
    let plan = wanted.plan()?;
    if !apply::offer_after(context, &plan, common, || wanted.check_ages(args.yes_older))? {
        if common.json {
            context.printer.json(&report(&place, &plan, false));
        }
        return Ok(());
    }
    // Before the lock: a build takes minutes, and disturbs nobody.
    for image in images.values_mut() {
        image.make(context)?;
    }
    let command = format!("gcp deploy-all {}", common.stage);
    let done = lock::under(context, place.names(), &command, args.lock_wait, |lock| {
        let facts = look_again(&place, &images, &facts, args)?;
        Line { place: &place, images: &images, facts, lock, at_once: common.at_once }.run()
    })?;
    if common.json {
        let mut report = report(&place, &plan, true);
        report["done"] = json!(done);
        context.printer.json(&report);
    } else {
        context.printer.data(&done.join("\n"));
    }
    Ok(())
}

/// The name in the cloud of a service of the fleet.
pub(super) fn service_name(context: &Context, stage: Stage, key: &str) -> Result<String> {
    let place = Place::whole(context, stage)?;
    place.fleet.service(key).map(|service| service.container.name.clone()).ok_or_else(|| {
        let keys: Vec<_> =
            place.fleet.services.iter().map(|service| service.container.key.as_str()).collect();
        Error::usage(format!("the fleet has no service '{key}'"))
            .hint(format!("write one of {}", keys.join(", ")))
    })
}

/// Looks again, now that nobody else is at it.
fn look_again(place: &Place<'_>, images: &Images, before: &Facts, args: &GcpDeployAll) -> Result<Facts> {
    let facts = Facts::read(place, args.common.at_once)?;
    let wanted = Wanted { place, images, facts: &facts };
    wanted.check()?;
    wanted.check_ages(args.yes_older)?;
    if facts.document() == before.document() {
        return Ok(facts);
    }
    let printer = &place.context.printer;
    printer.note("what is there has changed since the plan was made; it is now:");
    printer.note(&wanted.plan()?.render());
    if args.common.yes {
        return Ok(facts);
    }
    Err(Error::failed("this is not the plan that was confirmed")
        .cause("nothing was changed")
        .hint("type the same command again"))
}

fn report(place: &Place<'_>, plan: &Plan, applied: bool) -> serde_json::Value {
    let mut report = plan.json(applied);
    report["skipped"] = place.skipped.iter().map(|(key, why)| json!({"step": key, "why": why})).collect();
    report
}
