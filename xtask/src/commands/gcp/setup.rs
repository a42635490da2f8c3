//! `gcp setup`: everything that must be there before a first deploy, and nothing more than is missing.

mod docker;
pub(crate) mod live;

use std::time::Duration;

use super::apply;
use super::plan::{Item, Plan, State};
use super::scope::Scope;
use super::settings;
use super::state::observe::unreadable;
use crate::cli::GcpStage;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::tools::gcloud::apis::APIS;
use crate::tools::gcloud::{self, ACCESSOR, Advice, INVOKER};
use live::{Live, Part};

/// An API that was just turned on goes on refusing for a while; Google's message says 'a few minutes'.
const WAKING: Duration = Duration::from_secs(5);
const WAKING_TRIES: u32 = 36;

/// Brings the project to where the stage can be deployed.
pub(super) fn setup(context: &Context, args: &GcpStage) -> Result<()> {
    let names = settings::load(context, args.stage)?.names;
    let live = Live::read(context, args.at_once, &names)?.certain()?;
    let plan = plan(&names, &live);
    let done = apply::carry_out(context, &plan, args)?.is_some();
    if done && plan.items[0].step.is_some() {
        // What stood behind the APIs can be seen only now; it was announced, so it is not asked for again.
        let live = after_waking(context, args.at_once, &names, &live).map_err(|error| {
            error.hint("type the same command again: it looks first, and goes on from there")
        })?;
        apply::apply(context, &self::plan(&names, &live), args.at_once)?;
    }
    docker::verify(context, &names, args);
    if done && !args.json {
        let stage = args.stage;
        context.printer.data(&format!("{stage} is set up; next: cargo xtask gcp secrets {stage}"));
    }
    Ok(())
}

/// Looks again, until the APIs that were turned on answer.
fn after_waking(context: &Context, at_once: usize, names: &Names, before: &Live) -> Result<Live> {
    for _ in 1..WAKING_TRIES {
        let seen = before.again(context, at_once, names)?;
        if !seen.troubles.iter().any(|trouble| trouble.advice == Advice::EnableApi) {
            return sure(seen);
        }
        context.printer.note("  the APIs that were turned on do not answer yet; asking again");
        context.runner.interrupts().pause(WAKING)?;
    }
    sure(before.again(context, at_once, names)?)
}

/// As [`Live::certain`], after the first change.
fn sure(live: Live) -> Result<Live> {
    if live.troubles.is_empty() {
        return Ok(live);
    }
    Err(unreadable(
        &live.troubles,
        "the APIs were turned on; what is behind them could not be read, so nothing else was changed",
    ))
}

/// The difference between what is there and what must be.
fn plan(names: &Names, live: &Live) -> Plan {
    let mut items = Vec::new();
    let missing: Vec<&str> = APIS.into_iter().filter(|api| !live.apis.iter().any(|on| on == api)).collect();
    // Until its API is on, a part cannot be seen: its steps are announced, and taken after a second look.
    let waiting = !missing.is_empty();
    items.push(if waiting {
        Item::step("APIs", State::Change, gcloud::enable_apis(names, &missing))
            .note(format!("enable: {}", missing.join(", ")))
    } else {
        Item::unchanged("APIs")
    });
    let mut make = |resource: String, there: Part, command| {
        items.push(match there {
            Part::Present => Item::unchanged(resource),
            Part::Absent if waiting => later(resource, "created", command),
            Part::Absent => Item::step(resource, State::Create, command).wave(1),
            Part::Hidden => hidden(resource, "created if it is not there", command),
        });
    };
    make(format!("service account {}", names.service_account()), live.account, gcloud::create_account(names));
    make(
        format!("image repository {}", names.repository()),
        live.repository,
        gcloud::create_repository(names),
    );
    make(format!("secret {}", names.secret()), live.secret.part(), gcloud::create_secret(names));
    items.extend(access(names, live, waiting));
    items.push(docker::item(names, live.docker));
    Plan { command: "gcp setup", place: Scope::of(names), items }
}

/// Who may do what: the secret, the old project-wide role, the web application.
fn access(names: &Names, live: &Live, waiting: bool) -> Vec<Item> {
    let account = names.service_account();
    let mut items = Vec::new();
    let reader = format!("{ACCESSOR} on secret {}", names.secret());
    items.push(if live.secret.grants(ACCESSOR, &account) {
        Item::unchanged(reader)
    } else if waiting {
        later(reader, "granted", gcloud::bind_accessor(names))
    } else {
        Item::step(reader, State::Change, gcloud::bind_accessor(names)).wave(2)
    });
    if live.project.grants(ACCESSOR, &account) {
        // In a later wave than the exact one: the server can read its secret all the time.
        let old = format!("{ACCESSOR} on the whole project");
        items.push(if waiting {
            later(old, "removed", gcloud::unbind_project_accessor(names))
        } else {
            Item::step(old, State::Remove, gcloud::unbind_project_accessor(names))
                .wave(3)
                .note("an older set-up gave it: it opens every secret of the project")
        });
    }
    let caller = format!("{INVOKER} on {}", names.web_service());
    items.push(match live.web.part() {
        Part::Present if live.web.grants(INVOKER, &account) => Item::unchanged(caller),
        Part::Present if waiting => later(caller, "granted", gcloud::bind_invoker(names)),
        Part::Present => Item::step(caller, State::Change, gcloud::bind_invoker(names)).wave(2),
        Part::Absent => {
            Item::pending(caller, "the web application is not deployed yet: deploy grants it, once it is")
        }
        Part::Hidden => {
            hidden(caller, "granted if the web application is there", gcloud::bind_invoker(names))
        }
    });
    items
}

/// When what stands behind the APIs can be written.
const ON: &str = "once the APIs are on";

/// A step that is taken after the second look.
fn later(resource: String, what: &str, command: Command) -> Item {
    Item::pending(resource, format!("{what}, {ON}")).then(ON, command)
}

/// A step that the second look decides about.
fn hidden(resource: String, what: &str, command: Command) -> Item {
    Item::pending(resource, format!("{what}: it can be seen only {ON}"))
        .then(format!("{ON}: {what}"), command)
}

#[cfg(test)]
mod tests;
