//! Doing what a plan says, and saying what was done when it does not get to its end.

use std::time::Duration;

use super::plan::{Item, Plan};
use crate::ask;
use crate::cli::GcpStage;
use crate::command::Command;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::gcloud::Advice;
use crate::runner::{Outcome, Runner, Streams};
use crate::stage::Stage;

/// A new service account is not known everywhere at once: bindings to it are refused for a while
/// (<https://cloud.google.com/iam/docs/service-accounts-create>: up to 60 seconds or more).
const SPREADING: Duration = Duration::from_secs(5);
const SPREADING_TRIES: u32 = 18;

/// What a step printed, with the thing it was about.
pub(super) type Done = Vec<(String, String)>;

/// Shows the plan, asks, and applies it. `None` where nothing was applied: nothing to do, or a dry run.
pub(super) fn carry_out(context: &Context, plan: &Plan, args: &GcpStage) -> Result<Option<Done>> {
    if args.json {
        if plan.is_empty() || args.dry_run {
            context.printer.json(&plan.json(false));
            return Ok(None);
        }
        confirm(context, args)?;
        let done = apply(context, plan)?;
        context.printer.json(&plan.json(true));
        return Ok(Some(done));
    }
    context.printer.data(&plan.render());
    if plan.is_empty() {
        return Ok(None);
    }
    if args.dry_run {
        // The same path with a runner that shows instead of doing.
        let dry = Runner::dry_run(context.printer.clone(), context.runner.interrupts().clone());
        for (_, command) in plan.steps() {
            dry.read(command)?;
        }
        return Ok(None);
    }
    confirm(context, args)?;
    apply(context, plan).map(Some)
}

/// Asks whether to go on: production by its name, other stages by a yes.
fn confirm(context: &Context, args: &GcpStage) -> Result<()> {
    let confirmed = args.yes
        || match args.stage {
            Stage::Prod => ask::confirm_by_name(context, "This changes production.", args.stage.name())?,
            stage => ask::confirm(context, &format!("Apply to {stage}?"))?,
        };
    if confirmed { Ok(()) } else { Err(Error::failed("not confirmed; nothing was changed")) }
}

/// Applies every step in order; the first failure ends it.
pub(super) fn apply(context: &Context, plan: &Plan) -> Result<Done> {
    let mut done = Done::new();
    for (item, command) in plan.steps() {
        let _progress = context.printer.progress(&item.resource);
        let outcome = run(context, command).and_then(|outcome| outcome.success_of(command));
        match outcome {
            Ok(outcome) => done.push((item.resource.clone(), outcome.stdout)),
            Err(error) => return Err(stopped(plan, item, &done, error)),
        }
    }
    Ok(done)
}

fn run(context: &Context, command: &Command) -> Result<Outcome> {
    for _ in 1..SPREADING_TRIES {
        let outcome = context.runner.run(command, Streams::Captured)?;
        if outcome.code == 0 || !is_spreading(&outcome.stderr) {
            return Ok(outcome);
        }
        context.printer.note("  the new service account is not known everywhere yet; trying again");
        context.runner.interrupts().pause(SPREADING)?;
    }
    context.runner.run(command, Streams::Captured)
}

fn is_spreading(stderr: &str) -> bool {
    stderr.contains("Service account ") && stderr.contains(" does not exist")
}

/// Says which steps were done, which one is in doubt and which were not begun.
fn stopped(plan: &Plan, at: &Item, done: &Done, error: Error) -> Error {
    let advice = Advice::of(&error.to_string());
    let interrupted = error.exit() == Exit::Interrupted;
    let names = |items: Vec<&str>| if items.is_empty() { "nothing".to_owned() } else { items.join(", ") };
    let rest = plan.steps().map(|(item, _)| item.resource.as_str()).skip(done.len() + 1).collect();
    let error = error
        .cause(format!("done: {}", names(done.iter().map(|(name, _)| name.as_str()).collect())))
        .cause(format!("in doubt: {}", at.resource))
        .cause(format!("not begun: {}", names(rest)))
        .hint("type the same command again: it looks first, and does only what is missing");
    if advice == Advice::Read || interrupted { error } else { error.hint(advice.text()) }
}
