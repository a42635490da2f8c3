//! Which part of the fleet is deployed, where, and what the names in its texts mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use envs::HeldIn;

use crate::cli::{GcpDeployAll, GcpGate, GcpHands};
use crate::commands::gcp::mcp::{self, Config};
use crate::commands::gcp::service::Hands;
use crate::commands::gcp::settings::{self, Settings};
use crate::config::context::Context;
use crate::config::env::{EnvFile, Layers};
use crate::config::fleet::resolved::{Container, Job, Resolved, Secret, Service};
use crate::config::fleet::{Fleet, SCHEDULER};
use crate::config::stage::{Names, Stage, Target};
use crate::core::error::{Error, Result};

/// A stage and the steps that are asked for.
#[derive(Clone)]
pub(in crate::commands::gcp) struct Place<'a> {
    pub(in crate::commands::gcp) context: &'a Context,
    pub(in crate::commands::gcp) fleet: Resolved,
    pub(in crate::commands::gcp) settings: Settings,
    /// The keys of what is done, in their order.
    pub(in crate::commands::gcp) steps: Vec<String>,
    /// What is left out, and why.
    pub(in crate::commands::gcp) skipped: Vec<(String, String)>,
    /// What becomes of settings of other hands.
    pub(super) hands: Hands,
    /// What the stage's files say about the MCP server, where that is deployed.
    pub(super) config: Option<Config>,
    /// Whether the server's file is compared with its secret.
    pub(super) compares: bool,
}

/// Which steps are asked for.
#[derive(Debug, Default)]
pub(in crate::commands::gcp) struct Choice<'a> {
    pub(in crate::commands::gcp) only: &'a [String],
    pub(in crate::commands::gcp) from: Option<&'a str>,
    pub(in crate::commands::gcp) skip_migrate: bool,
    pub(in crate::commands::gcp) hands: Hands,
    pub(in crate::commands::gcp) gate: GcpGate,
}

impl<'a> Choice<'a> {
    pub(super) fn of(args: &'a GcpDeployAll) -> Self {
        let hands = Hands::of(args.hands);
        let (from, gate) = (args.from.as_deref(), args.gate);
        Self { only: &args.only, from, skip_migrate: args.skip_migrate, hands, gate }
    }
}

impl<'a> Place<'a> {
    /// Reads the fleet and the stage's files; everything that is wrong is reported at once.
    pub(in crate::commands::gcp) fn load(
        context: &'a Context,
        stage: Stage,
        choice: &Choice<'_>,
    ) -> Result<Self> {
        Self::of(context, stage, choice, true)
    }

    /// The steps that are asked for and that the gate lets through; nothing is deployed, so that what only a deploy needs
    /// may be missing.
    pub(in crate::commands::gcp) fn chosen(
        context: &'a Context,
        stage: Stage,
        choice: &Choice<'_>,
    ) -> Result<Self> {
        Self::of(context, stage, choice, false)
    }

    /// The whole fleet, to look at, whatever the gate says.
    pub(in crate::commands::gcp) fn whole(context: &'a Context, stage: Stage) -> Result<Self> {
        let (fleet, settings) = (Fleet::load(context)?, settings::load(context, stage)?);
        let (fleet, config) = resolve(context, &fleet, &settings.names, &[])?;
        let steps = fleet.order.clone();
        Ok(Self {
            context,
            fleet,
            settings,
            steps,
            skipped: Vec::new(),
            hands: Hands::default(),
            config,
            compares: true,
        })
    }

    /// The fleet of one service, the MCP server.
    pub(super) fn alone(context: &'a Context, stage: Stage, hands: GcpHands) -> Result<Self> {
        let (settings, fleet) = (settings::load(context, stage)?, Fleet::load(context)?);
        let steps = vec![fleet.server().ok_or_else(no_server)?.to_owned()];
        let (fleet, config) = resolve(context, &fleet, &settings.names, &steps)?;
        Ok(Self {
            context,
            fleet,
            settings,
            steps,
            skipped: Vec::new(),
            hands: Hands::of(hands),
            config,
            compares: true,
        })
    }

    fn of(context: &'a Context, stage: Stage, choice: &Choice<'_>, deploys: bool) -> Result<Self> {
        let fleet = Fleet::load(context)?;
        let ((steps, mut skipped), settings) = match (chosen(&fleet, choice), settings::load(context, stage))
        {
            (Ok(chosen), Ok(settings)) => (chosen, settings),
            (Err(unknown), Err(wrong)) => return Err(unknown.and(wrong)),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let target = Target::GoogleCloud(stage);
        let build = context.tree.read(target, HeldIn::Build)?;
        let gate = crate::config::gate::Gate::read(&context.environment, build.as_ref())?;
        let is_gated = |key: &str| fleet.is_gated(key);
        if choice.gate.require_open && !gate.open && steps.iter().any(|key| is_gated(key)) {
            return Err(settings::closed(context, stage, "gcp deploy-all")
                .hint("to leave the MCP server out: name the other steps with --only"));
        }
        let (gated, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(|key| is_gated(key) && !gate.open);
        let why = format!("{}; to open the gate: {}", gate.why(), settings::how_to_open(context, stage));
        skipped.extend(gated.into_iter().map(|key| (key, why.clone())));
        let deployed: &[String] = if deploys { &steps } else { &[] };
        let (fleet, config) = resolve(context, &fleet, &settings.names, deployed)?;
        Ok(Self { context, fleet, settings, steps, skipped, hands: choice.hands, config, compares: true })
    }

    pub(in crate::commands::gcp) fn names(&self) -> &Names {
        &self.settings.names
    }

    pub(in crate::commands::gcp) fn stage(&self) -> Stage {
        self.names().stage()
    }

    /// The `.mcp` of this machine, where the MCP server is deployed and there is one that can be read and is to be compared.
    pub(in crate::commands::gcp) fn server_file(&self) -> Option<EnvFile> {
        self.config.as_ref().filter(|_| self.compares)?;
        let target = Target::GoogleCloud(self.stage());
        self.context.tree.read(target, HeldIn::Mcp).ok().flatten()
    }

    /// Whether this step is asked for.
    pub(in crate::commands::gcp) fn has(&self, key: &str) -> bool {
        self.steps.iter().any(|step| step == key)
    }

    /// The services that are asked for.
    pub(in crate::commands::gcp) fn services(&self) -> impl Iterator<Item = &Service> {
        self.steps.iter().filter_map(|key| self.fleet.service(key))
    }

    /// The MCP server, whether or not it is asked for.
    pub(in crate::commands::gcp) fn server(&self) -> Result<&Service> {
        self.fleet.services.iter().find(|service| service.gated).ok_or_else(no_server)
    }

    /// The jobs that are asked for.
    pub(in crate::commands::gcp) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.steps.iter().filter_map(|key| self.fleet.job(key))
    }

    /// Jobs and services that are asked for.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Container> {
        let job = |key: &String| self.fleet.job(key).map(|job| &job.container);
        let service = |key: &String| self.fleet.service(key).map(|service| &service.container);
        self.steps.iter().filter_map(move |key| job(key).or_else(|| service(key)))
    }

    /// The secrets that the steps need: those of containers, and that of the scheduler's target, which has to know its own
    /// address.
    pub(in crate::commands::gcp) fn secrets(&self) -> BTreeMap<&str, &Secret> {
        let target = self.scheduled_target().map(|service| &service.container);
        self.containers()
            .chain(target)
            .map(|container| (container.secret.name.as_str(), &container.secret))
            .collect()
    }

    /// The databases that the steps need.
    pub(in crate::commands::gcp) fn databases(&self) -> BTreeSet<&str> {
        self.containers().filter_map(|container| container.database.as_deref()).collect()
    }

    /// The service that the scheduler calls, where the scheduler is asked for.
    pub(in crate::commands::gcp) fn scheduled_target(&self) -> Option<&Service> {
        self.has(SCHEDULER).then(|| self.fleet.service(&self.fleet.scheduler.target)).flatten()
    }
}

/// The name in the cloud of a service of the fleet.
pub(in crate::commands::gcp) fn service_name(context: &Context, stage: Stage, key: &str) -> Result<String> {
    let place = Place::whole(context, stage)?;
    place.fleet.service(key).map(|service| service.container.name.clone()).ok_or_else(|| {
        let keys: Vec<_> =
            place.fleet.services.iter().map(|service| service.container.key.as_str()).collect();
        Error::usage(format!("the fleet has no service '{key}'"))
            .hint(format!("write one of {}", keys.join(", ")))
    })
}

fn no_server() -> Error {
    Error::usage("the fleet has no MCP server").cause("fleet.toml: no service has gated = true")
}

/// The fleet at this stage, and what its files say about the MCP server, where that is among the steps that are deployed: a stage
/// without it needs nothing of what they have to say.
fn resolve(
    context: &Context,
    fleet: &Fleet,
    names: &Names,
    deployed: &[String],
) -> Result<(Resolved, Option<Config>)> {
    let target = Target::GoogleCloud(names.stage());
    let build = context.tree.read(target, HeldIn::Build)?;
    let empty = EnvFile::parse(Path::new(""), "").ok();
    let layers = Layers::new(&context.environment, build.as_ref().or(empty.as_ref()));
    let file = context.tree.path(target, HeldIn::Build).unwrap_or_default();
    let is_deployed = |key: &str| deployed.iter().any(|step| step == key);
    let server = fleet.server().filter(|key| is_deployed(key));
    let (config, mut problems) = match server.map(|_| Config::read(context, names.stage())).transpose()? {
        Some((config, problems)) => (Some(config), problems),
        None => (None, Vec::new()),
    };
    match fleet.resolve(names, &layers, &file, &is_deployed) {
        Ok(fleet) if problems.is_empty() => return Ok((fleet, config)),
        Ok(_) => {}
        Err(unset) => {
            // Of the server itself, the settings have said it.
            let said = |line: &String| {
                let own = server.is_some_and(|key| line.contains(&format!(" and {key}.env.")));
                let variable = line.split_once(" is not set").map_or("", |(variable, _)| variable);
                own && problems.iter().any(|problem| problem.starts_with(&format!("{variable} is not set")))
            };
            let more: Vec<String> = unset.into_iter().filter(|line| !said(line)).collect();
            problems.extend(more);
        }
    }
    Err(mcp::unfit(names.stage(), problems))
}

/// The steps that are asked for, and those that are left out, with the reason of each.
type Chosen = (Vec<String>, Vec<(String, String)>);

/// Follows the command line's choice.
fn chosen(fleet: &Fleet, choice: &Choice<'_>) -> Result<Chosen> {
    let known = fleet.order.join(", ");
    let named = choice.only.iter().map(String::as_str).chain(choice.from);
    let unknown = named.filter(|key| !fleet.order.iter().any(|step| step == key));
    let unknown = unknown.map(|key| format!("'{key}'")).collect::<Vec<_>>();
    if !unknown.is_empty() {
        return Err(Error::usage(format!("the fleet has no step {}", unknown.join(", no step ")))
            .hint(format!("write one of {known}")));
    }
    let begin = choice.from.and_then(|from| fleet.order.iter().position(|step| step == from)).unwrap_or(0);
    let mut skipped = Vec::new();
    let mut steps = Vec::new();
    for (index, key) in fleet.order.iter().enumerate() {
        let why = if index < begin {
            Some(format!("--from begins at {}", choice.from.unwrap_or_default()))
        } else if !choice.only.is_empty() && !choice.only.contains(key) {
            Some("--only leaves it out".to_owned())
        } else if choice.skip_migrate && fleet.is_job(key) {
            Some(
                "--skip-migrate: you are asserting that the new version works with the present database schema"
                    .to_owned(),
            )
        } else {
            None
        };
        match why {
            Some(why) => skipped.push((key.clone(), why)),
            None => steps.push(key.clone()),
        }
    }
    Ok((steps, skipped))
}
