//! Which part of the fleet is deployed, where, and what the names in its texts mean.

use std::collections::BTreeSet;
use std::path::Path;

use envs::HeldIn;

use crate::cli::{GcpDeployAll, GcpGate};
use crate::commands::env;
use crate::commands::gcp::service::Hands;
use crate::commands::gcp::settings::{self, Settings};
use crate::config::context::Context;
use crate::config::env::{EnvFile, Layers};
use crate::config::fleet::{Container, Fleet, SCHEDULER, Scope, Secret, Service, Text, Value};
use crate::config::stage::{Names, Stage, Target};
use crate::core::error::{Error, Result};

/// A stage and the steps that are asked for.
pub(in crate::commands::gcp) struct Place<'a> {
    pub(in crate::commands::gcp) context: &'a Context,
    pub(in crate::commands::gcp) fleet: Fleet,
    pub(in crate::commands::gcp) settings: Settings,
    /// The keys of what is done, in their order.
    pub(in crate::commands::gcp) steps: Vec<String>,
    /// What is left out, and why.
    pub(in crate::commands::gcp) skipped: Vec<(String, String)>,
    /// What becomes of settings of other hands.
    pub(super) hands: Hands,
    /// What every text may name, but for what is the image's own.
    scope: Scope,
    /// The file that names without a value would stand in.
    build_file: String,
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
        let place = Self::chosen(context, stage, choice)?;
        place.check(Target::GoogleCloud(stage))?;
        Ok(place)
    }

    /// The steps that are asked for and that the gate lets through, whether or not the files are complete.
    pub(in crate::commands::gcp) fn chosen(
        context: &'a Context,
        stage: Stage,
        choice: &Choice<'_>,
    ) -> Result<Self> {
        let fleet = Fleet::load(context)?;
        let (mut place, (steps, skipped)) = match (chosen(&fleet, choice), Self::of(context, stage, fleet)) {
            (Ok(chosen), Ok(place)) => (place, chosen),
            (Err(unknown), Err(wrong)) => return Err(unknown.and(wrong)),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let build = context.tree.read(Target::GoogleCloud(stage), HeldIn::Build)?;
        let gate = crate::config::gate::Gate::read(&context.environment, build.as_ref())?;
        let asked_of_gate = |key: &String| place.fleet.service(key).is_some_and(|service| service.gated);
        if choice.gate.require_open && !gate.open && steps.iter().any(asked_of_gate) {
            return Err(settings::closed(context, stage, "gcp deploy-all")
                .hint("to leave the MCP server out: name the other steps with --only"));
        }
        let is_gated = |key: &str| place.fleet.service(key).is_some_and(|service| service.gated);
        let (gated, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(|key| is_gated(key) && !gate.open);
        let why = format!(
            "ENABLE_MCP_SERVER is off; ENABLE_MCP_SERVER=true in {} opens the gate",
            place.build_file
        );
        place.skipped = skipped;
        place.skipped.extend(gated.into_iter().map(|key| (key, why.clone())));
        place.steps = steps;
        place.hands = choice.hands;
        Ok(place)
    }

    /// The whole fleet, to look at, whatever the gate says and whether or not the files are complete.
    pub(in crate::commands::gcp) fn whole(context: &'a Context, stage: Stage) -> Result<Self> {
        Self::of(context, stage, Fleet::load(context)?)
    }

    fn of(context: &'a Context, stage: Stage, fleet: Fleet) -> Result<Self> {
        let settings = settings::load(context, stage)?;
        let target = Target::GoogleCloud(stage);
        let build = context.tree.read(target, HeldIn::Build)?;
        let build_file = context.tree.path(target, HeldIn::Build).unwrap_or_default().display().to_string();
        let scope = scope(context, &fleet, &settings.names, build.as_ref());
        let steps = fleet.order.clone();
        let (skipped, hands) = (Vec::new(), Hands::default());
        Ok(Self { context, fleet, settings, steps, skipped, hands, scope, build_file })
    }

    pub(in crate::commands::gcp) fn names(&self) -> &Names {
        &self.settings.names
    }

    pub(in crate::commands::gcp) fn stage(&self) -> Stage {
        self.names().stage()
    }

    /// Whether this step is asked for.
    pub(in crate::commands::gcp) fn has(&self, key: &str) -> bool {
        self.steps.iter().any(|step| step == key)
    }

    /// The services that are asked for.
    pub(in crate::commands::gcp) fn services(&self) -> impl Iterator<Item = &Service> {
        self.steps.iter().filter_map(|key| self.fleet.service(key))
    }

    /// Jobs and services that are asked for.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Container> {
        let job = |key: &String| self.fleet.job(key).map(|job| &job.container);
        let service = |key: &String| self.fleet.service(key).map(|service| &service.container);
        self.steps.iter().filter_map(move |key| job(key).or_else(|| service(key)))
    }

    /// The secrets that the steps need, with their names in the cloud: those of containers, and that of the scheduler's
    /// target, which has to know its own address.
    pub(super) fn secrets(&self) -> Vec<(&Secret, String)> {
        let target = self.scheduled_target().map(|service| service.container.secret.as_str());
        let keys: BTreeSet<&str> =
            self.containers().map(|container| container.secret.as_str()).chain(target).collect();
        let secrets = self.fleet.secrets.iter().filter(|secret| keys.contains(secret.key.as_str()));
        secrets.map(|secret| (secret, self.fill(&secret.name))).collect()
    }

    /// The name in the cloud of a container's secret.
    pub(super) fn secret_of(&self, container: &Container) -> String {
        let secret = self.fleet.secrets.iter().find(|secret| secret.key == container.secret);
        secret.map(|secret| self.fill(&secret.name)).unwrap_or_default()
    }

    /// The databases that the steps need.
    pub(super) fn databases(&self) -> BTreeSet<String> {
        self.containers()
            .filter_map(|container| container.database.as_ref())
            .map(|text| self.fill(text))
            .collect()
    }

    /// The service that the scheduler calls, where the scheduler is asked for.
    pub(super) fn scheduled_target(&self) -> Option<&Service> {
        self.has(SCHEDULER).then(|| self.fleet.service(&self.fleet.scheduler.target)).flatten()
    }

    /// A text with everything in it that does not depend on an image.
    ///
    /// Its names were checked when the place was loaded.
    pub(in crate::commands::gcp) fn fill(&self, text: &Text) -> String {
        text.fill(&self.scope).unwrap_or_default()
    }

    /// The scope with more names in it.
    pub(super) fn scope_with(&self, more: &[(&str, &str)]) -> Scope {
        let mut scope = self.scope.clone();
        scope.extend(more.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))));
        scope
    }

    /// Every name that is used needs a value.
    fn check(&self, target: Target) -> Result<()> {
        // Without the server, a stage needs nothing of what the file has to say for it.
        let mut problems = if self.services().any(|service| service.gated) {
            env::file_problems(self.context, target, HeldIn::Build)?
        } else {
            Vec::new()
        };
        let scope = self.scope_with(&[("version", "v"), ("revision", "r"), ("commit", "c"), ("id", "i")]);
        let mut need = |what: String, text: &Text| {
            if let Err(name) = text.fill(&scope) {
                let variable = match self.fleet.values.get(&name) {
                    Some(Value::Build { variable, .. }) => variable,
                    _ => &name,
                };
                problems.push(format!(
                    "{variable} is not set, and {what} needs it; write it into {}",
                    self.build_file
                ));
            }
        };
        for container in self.containers() {
            let key = &container.key;
            need(format!("{key}.account"), &container.account);
            for stamp in container.env.iter().filter(|stamp| !stamp.optional) {
                need(format!("{key}.env.{}", stamp.name), &stamp.value);
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        problems.dedup();
        Err(Error::usage(format!("the settings of {target} are not fit for a deploy")).causes(problems))
    }
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
        } else if choice.skip_migrate && fleet.job(key).is_some() {
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

fn scope(context: &Context, fleet: &Fleet, names: &Names, build: Option<&EnvFile>) -> Scope {
    let stage = names.stage();
    let mut scope: Scope = [
        ("app", names.repository()),
        ("project", names.project().to_owned()),
        ("region", names.region().to_owned()),
        ("stage", stage.name().to_owned()),
        ("suffix", stage.suffix().to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Some(value)))
    .collect();
    let empty = EnvFile::parse(Path::new(""), "").ok();
    let layers = Layers::new(&context.environment, build.or(empty.as_ref()));
    let values: Vec<_> = fleet
        .values
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Text(text) => text.of(stage).fill(&scope).ok(),
                Value::Build { variable, default } => envs::find(variable)
                    .and_then(|variable| layers.get(variable))
                    .map(|found| found.value.expose().trim().to_owned())
                    .filter(|value| !value.is_empty() && !envs::Variable::is_placeholder(value))
                    .or_else(|| default.clone()),
            };
            (name.clone(), value)
        })
        .collect();
    scope.extend(values);
    scope
}
