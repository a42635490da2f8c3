//! Doing what a plan says, and saying what was done when it does not get to its end.

use std::time::Duration;

use super::plan::Plan;
use super::side_by_side::side_by_side;
use crate::cli::GcpStage;
use crate::config::context::Context;
use crate::config::stage::Stage;
use crate::core::ask;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::{Outcome, Streams};
use crate::tools::docker;
use crate::tools::gcloud::Advice;

/// A new service account is not known everywhere at once: bindings to it are refused for a while
/// (<https://cloud.google.com/iam/docs/service-accounts-create>: up to 60 seconds or more).
const SPREADING: Duration = Duration::from_secs(5);
const SPREADING_TRIES: u32 = 18;

/// What a step printed, with the thing it was about.
pub(super) type Done = Vec<(String, String)>;

/// Shows the plan, asks, and applies it. `None` where nothing was applied: nothing to do, or a dry run.
pub(super) fn carry_out(context: &Context, plan: &Plan, args: &GcpStage) -> Result<Option<Done>> {
    let done = if offer(context, plan, args)? { Some(apply(context, plan, args.at_once)?) } else { None };
    if args.json {
        context.printer.json(&plan.json(done.is_some()));
    }
    Ok(done)
}

/// Shows the plan to people and asks; false where there is nothing to do, or nothing that may be done.
///
/// For programs the plan is part of the one document at the end: nothing is printed before it.
pub(super) fn offer(context: &Context, plan: &Plan, args: &GcpStage) -> Result<bool> {
    offer_after(context, plan, args, || Ok(()))
}

/// As [`offer`], with a check that comes after the plan, which shows what is wrong, and before the question.
pub(super) fn offer_after(
    context: &Context,
    plan: &Plan,
    args: &GcpStage,
    check: impl FnOnce() -> Result<()>,
) -> Result<bool> {
    if !args.json {
        context.printer.report(&plan.render());
    }
    if args.dry_run && !args.json {
        plan.show(&context.printer);
    }
    if args.dry_run || plan.is_empty() {
        return Ok(false);
    }
    check()?;
    confirm(context, args).map(|()| true)
}

/// Asks whether to go on: production by its name, other stages by a yes.
pub(super) fn confirm(context: &Context, args: &GcpStage) -> Result<()> {
    let confirmed = args.yes
        || match args.stage {
            Stage::Prod => ask::confirm_by_name(
                &context.printer,
                &context.runner,
                "This changes production.",
                args.stage.name(),
            )?,
            stage => ask::confirm(&context.printer, &context.runner, &format!("Apply to {stage}?"))?,
        };
    if confirmed { Ok(()) } else { Err(Error::failed("not confirmed; nothing was changed")) }
}

/// Applies the steps wave by wave; the first failure ends it.
pub(super) fn apply(context: &Context, plan: &Plan, at_once: usize) -> Result<Done> {
    let mut done = Done::new();
    let mut waves: Vec<u8> = plan.steps().map(|(item, _)| item.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    for wave in waves {
        let steps: Vec<_> = plan.steps().filter(|(item, _)| item.wave == wave).collect();
        let results = side_by_side(at_once, &steps, |(item, command)| {
            // A build says for minutes what it is at, and draws that itself.
            let shows = docker::is_build(command);
            let _progress =
                (!shows).then(|| context.printer.progress(&format!("applying: {}", item.resource)));
            if shows {
                context.printer.note(&item.resource);
                return context.runner.run(command, Streams::StdoutCaptured)?.success_of(command);
            }
            run(context, command)?.success_of(command)
        });
        let mut failed = None;
        let mut doubtful = Vec::new();
        for ((item, _), result) in steps.iter().zip(results) {
            match result {
                Some(Ok(outcome)) => done.push((item.resource.clone(), outcome.stdout)),
                Some(Err(error)) => {
                    doubtful.push(item.resource.as_str());
                    failed.get_or_insert(error);
                }
                None => {}
            }
        }
        if let Some(error) = failed {
            return Err(stopped(plan, &done, &doubtful, error));
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

/// Says which steps were done, which are in doubt and which were not begun.
fn stopped(plan: &Plan, done: &Done, doubtful: &[&str], error: Error) -> Error {
    let advice = Advice::of(&error.to_string());
    let interrupted = error.exit() == Exit::Interrupted;
    let names = |items: Vec<&str>| if items.is_empty() { "nothing".to_owned() } else { items.join(", ") };
    let done: Vec<&str> = done.iter().map(|(name, _)| name.as_str()).collect();
    let all = plan.steps().map(|(item, _)| item.resource.as_str());
    let rest = all.filter(|name| !done.contains(name) && !doubtful.contains(name)).collect();
    let error = error
        .cause(format!("done: {}", names(done)))
        .cause(format!("in doubt: {}", doubtful.join(", ")))
        .cause(format!("not begun: {}", names(rest)))
        .hint("type the same command again: it looks first, and does only what is missing");
    if advice == Advice::Read || interrupted { error } else { error.hint(advice.text()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::commands::gcp::plan::{Item, State};
    use crate::commands::gcp::scope::Scope;
    use crate::config::env::Environment;
    use crate::config::stage::Names;
    use crate::core::interrupt::Interrupts;
    use crate::core::output::Printer;
    use crate::core::runner::Runner;

    fn scope() -> Scope {
        Scope::of(&Names::new("acme", "us-west1", "validibot", "r", Stage::Dev))
    }

    #[test]
    fn a_step_that_hangs_is_in_doubt_and_what_was_and_was_not_done_is_said() {
        let printer = Printer::captured();
        let runner = Runner::real(printer.clone(), Interrupts::none());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let context = Context::new(Environment::default(), None, printer, runner, here).unwrap();
        let hanging = Command::new("sleep").arg("600").deadline(Duration::from_millis(100));
        let steps = [
            ("the account", Command::new("true")),
            ("the secret", hanging),
            ("the role", Command::new("true")),
        ];
        let items = steps.into_iter().zip(0..);
        let items =
            items.map(|((name, step), wave)| Item::step(name, State::Change, step).wave(wave)).collect();
        let plan = Plan { command: "gcp setup", place: scope(), items };
        let error = apply(&context, &plan, 2).unwrap_err();
        assert_eq!(error.exit().code(), 1);
        for part in ["did not finish", "done: the account", "in doubt: the secret", "not begun: the role"] {
            assert!(error.to_string().contains(part), "{part}\n{error}");
        }
    }
}
