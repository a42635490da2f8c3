//! `gcp maintenance on` and `off`: closing a stage, and opening it again.
//!
//! All of the fleet that the stage has: users are kept out first and let in again from the inside out, so that nobody
//! meets a part whose support is missing. The MCP server comes last, for it asks the web application for its licence.

mod application;
mod license;
mod server;
mod switch;

use std::time::Duration;

use serde_json::json;

use super::deploy::place::{Choice, Place};
use super::lock::{self, Lock};
use super::plan::Plan;
use super::scope::Scope;
use super::state::observe::{Read, cannot_tell, observe_all};
use super::{apply, settings};
use crate::cli::{GcpGate, GcpReopen, GcpSwitch};
use crate::config::context::Context;
use crate::config::fleet::Fleet;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, Seen};
use server::Server;
use switch::Switch;

/// The step of the MCP server.
const SERVER: &str = "mcp";

/// What is asked for.
struct Turn<'a> {
    context: &'a Context,
    args: &'a GcpSwitch,
    to: Switch,
    names: Names,
    /// The steps of the fleet; `None` where it is about the MCP server alone.
    fleet: Option<Place<'a>>,
    server: Option<Server<'a>>,
}

/// The current state of the stage.
struct There {
    application: Option<application::There>,
    server: Option<server::There>,
}

/// Closes the stage.
pub(super) fn on(context: &Context, args: &GcpSwitch) -> Result<()> {
    match Turn::asked(context, args, Switch::Close, Duration::ZERO)? {
        Some(turn) => turn.carry_out(),
        None => Ok(()),
    }
}

/// Opens the stage.
pub(super) fn off(context: &Context, args: &GcpReopen) -> Result<()> {
    match Turn::asked(context, &args.switch, Switch::Open, args.license_wait)? {
        Some(turn) => turn.carry_out(),
        None => Ok(()),
    }
}

impl<'a> Turn<'a> {
    /// What the command line asks for; `None` where the gate is closed and it is about the MCP server alone.
    fn asked(
        context: &'a Context,
        args: &'a GcpSwitch,
        to: Switch,
        patience: Duration,
    ) -> Result<Option<Self>> {
        let stage = args.common.stage;
        let whole = args.only.is_empty() && Fleet::is_described(context);
        if !whole && args.only.iter().all(|key| key == SERVER) {
            // Closed, no program is started and no other file is read.
            if !settings::gate_is_open(context, stage, command(to), GcpGate::default())? {
                return Ok(None);
            }
            let names = settings::load(context, stage)?.names;
            let server = Some(Server::new(context, &names, "the stage", patience));
            return Ok(Some(Self { context, args, to, names, fleet: None, server }));
        }
        let mut place = Place::chosen(context, stage, &Choice { only: &args.only, ..Choice::default() })?;
        if let Some(job) = args.only.iter().find(|key| place.fleet.job(key).is_some()) {
            return Err(Error::usage(format!("{job} is not something that can be closed"))
                .hint("write services, or scheduler"));
        }
        // A job that runs once is nothing to close, so it is not left out either.
        let Place { fleet, skipped, .. } = &mut place;
        skipped.retain(|(key, _)| fleet.job(key).is_none());
        let names = place.names().clone();
        let server = place.services().any(|service| service.gated);
        let server = server.then(|| Server::new(context, &names, "the MCP server", patience));
        Ok(Some(Self { context, args, to, names, fleet: Some(place), server }))
    }

    /// Shows the plan, asks, and carries it out under the stage's lock.
    fn carry_out(&self) -> Result<()> {
        let common = &self.args.common;
        for (key, why) in self.skipped() {
            self.context.printer.note(&format!("{key}: skipped, because {why}"));
        }
        let there = self.look()?;
        self.has_what_is_asked_for(&there)?;
        let plan = self.plan(&there)?;
        if !apply::offer(self.context, &plan, common)? {
            self.report(&plan, None);
            return Ok(());
        }
        let command = format!("{} {}", command(self.to), common.stage);
        let done = lock::under(self.context, &self.names, &command, self.args.lock_wait, |lock| {
            let there = self.look()?;
            self.turn(lock, &there)
        })?;
        self.report(&plan, Some(&done));
        if !common.json {
            self.context.printer.data(&self.ended());
        }
        Ok(())
    }

    fn look(&self) -> Result<There> {
        let mut reads = self.server.as_ref().map(Server::reads).unwrap_or_default();
        if self.fleet.is_some() {
            reads.push(Read::new("the services of the region", gcloud::fleet::services(&self.names)));
        }
        let at_once = self.args.common.at_once;
        let mut answers = observe_all(self.context, at_once, &reads)?.into_iter();
        let mut next = || answers.next().unwrap_or(Seen::Absent);
        let mut troubles = Vec::new();
        let server = self.server.as_ref().and_then(|_| server::There::understand(&mut next, &mut troubles));
        let services = self.fleet.as_ref().map(|place| application::services(place, next(), &mut troubles));
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        let server = match server {
            Some(there) => Some(there.with_serving(self.context, &self.names)?),
            None => None,
        };
        let application = match (&self.fleet, services) {
            (Some(place), Some(services)) => application::There::look(place, services, at_once)?,
            _ => None,
        };
        Ok(There { application, server })
    }

    /// There has to be something to open.
    fn has_what_is_asked_for(&self, there: &There) -> Result<()> {
        if self.to == Switch::Close || there.server.is_some() || there.application.is_some() {
            return Ok(());
        }
        let (what, how) = match &self.fleet {
            None => (self.names.service(), "deploy"),
            Some(_) => (format!("what is asked for of {}", self.names.stage()), "deploy-all"),
        };
        Err(Error::failed(format!("{what} is not deployed: there is nothing to open"))
            .hint(format!("cargo xtask gcp {how} {}", self.names.stage())))
    }

    /// Everything at once, as it is done.
    fn plan(&self, there: &There) -> Result<Plan> {
        let (names, to) = (&self.names, self.to);
        let server = match &self.server {
            Some(server) => server.items(there.server.as_ref(), to)?,
            None => Vec::new(),
        };
        let application = match (&self.fleet, &there.application) {
            (Some(place), Some(there)) => application::items(place, there, to),
            _ => Vec::new(),
        };
        let items = match to {
            Switch::Close => [server, application],
            Switch::Open => [application, server],
        };
        Ok(Plan { command: command(to), place: Scope::of(names), items: items.concat() })
    }

    /// Part by part; what was done.
    fn turn(&self, lock: &Lock<'_>, there: &There) -> Result<Vec<String>> {
        let mut done = Vec::new();
        if self.to == Switch::Close {
            done.extend(self.turn_server(lock, there)?);
        }
        if let (Some(place), Some(application)) = (&self.fleet, &there.application) {
            let items = application::items(place, application, self.to);
            let plan = Plan { command: command(self.to), place: Scope::of(&self.names), items };
            if !plan.is_empty() {
                lock.verify()?;
                let steps = apply::apply(self.context, &plan, self.args.common.at_once)
                    .map_err(|error| also_done(error, &done))?;
                done.extend(steps.into_iter().map(|(resource, _)| resource));
            }
        }
        if self.to == Switch::Open {
            let server = self.turn_server(lock, there).map_err(|error| also_done(error, &done))?;
            done.extend(server);
        }
        Ok(done)
    }

    fn turn_server(&self, lock: &Lock<'_>, there: &There) -> Result<Option<String>> {
        match (&self.server, &there.server) {
            (Some(server), Some(there)) => server.turn(lock, there, self.to),
            _ => Ok(None),
        }
    }

    fn skipped(&self) -> &[(String, String)] {
        self.fleet.as_ref().map(|place| place.skipped.as_slice()).unwrap_or_default()
    }

    /// The state afterwards, and what comes next.
    fn ended(&self) -> String {
        let stage = self.args.common.stage;
        let only = self.args.only.iter().map(|key| format!(" --only {key}")).collect::<Vec<_>>().concat();
        let what = if only.is_empty() {
            stage.to_string()
        } else {
            format!("{} of {stage}", self.args.only.join(", "))
        };
        match self.to {
            Switch::Close => {
                format!("closed: {what}; to open it: cargo xtask gcp maintenance off {stage}{only}")
            }
            Switch::Open => format!("open: {what}; look at it: cargo xtask gcp status {stage}"),
        }
    }

    /// The one document for programs.
    fn report(&self, plan: &Plan, done: Option<&[String]>) {
        if self.args.common.json {
            let mut report = plan.json(done.is_some());
            report["done"] = json!(done.unwrap_or_default());
            let skipped = self.skipped().iter().map(|(key, why)| json!({"step": key, "why": why}));
            report["skipped"] = skipped.collect();
            self.context.printer.json(&report);
        }
    }
}

fn command(to: Switch) -> &'static str {
    match to {
        Switch::Close => "gcp maintenance on",
        Switch::Open => "gcp maintenance off",
    }
}

fn also_done(error: Error, done: &[String]) -> Error {
    if done.is_empty() { error } else { error.cause(format!("done before: {}", done.join(", "))) }
}
