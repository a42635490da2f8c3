//! What a stage is configured to be: the gate, then the project and the names that follow from it.

use envs::deploy::{
    GCP_APP_NAME, GCP_PROJECT_ID, GCP_REGION, GCP_REGISTRY_HOST, GCP_SECRET_VERSIONS_TO_KEEP,
};
use envs::{HeldIn, Variable};

use crate::cli::GcpGate;
use crate::config::context::Context;
use crate::config::env::{EnvFile, Found, Layers};
use crate::config::gate::Gate;
use crate::config::stage::{Names, Stage, Target};
use crate::core::error::{Error, Result};

/// A stage's settings.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Every resource's name.
    pub(crate) names: Names,
    /// How many of the newest secret versions stay.
    pub(crate) keep: usize,
}

/// Asks the gate; where it is closed, says that `what` is skipped, and why. Where it is required to be open, that is an
/// error: a pipeline that has lost its files may not pass for one that had nothing to do.
pub(super) fn gate_is_open(context: &Context, stage: Stage, what: &str, asked: GcpGate) -> Result<bool> {
    let target = Target::GoogleCloud(stage);
    let build = context.tree.read(target, HeldIn::Build)?;
    let gate = Gate::read(&context.environment, build.as_ref())?;
    if gate.open {
        return Ok(true);
    }
    let how = how_to_open(context, stage);
    if asked.require_open {
        return Err(closed(context, stage, what).hint(format!("to open the gate: {how}")));
    }
    context.printer.note(&gate.skipped(&format!("{what} {stage}"), &how));
    Ok(false)
}

/// What to do about a closed gate.
pub(super) fn how_to_open(context: &Context, stage: Stage) -> String {
    let target = Target::GoogleCloud(stage);
    let file = context.tree.path(target, HeldIn::Build).unwrap_or_default();
    let open = format!("ENABLE_MCP_SERVER=true in {}", file.display());
    if context.tree.has(target) {
        format!("{open}, or in the environment")
    } else {
        format!("{stage} has no files: cargo xtask env init {stage}, then {open}")
    }
}

/// The error of a gate that has to be open.
pub(super) fn closed(context: &Context, stage: Stage, what: &str) -> Error {
    let target = Target::GoogleCloud(stage);
    let file = context.tree.path(target, HeldIn::Build).unwrap_or_default();
    let error =
        Error::closed(format!("{what} {stage}: the gate is closed, and --require-open was asked for"));
    let set = context.environment.get(envs::deploy::ENABLE_MCP_SERVER.name);
    let error = match set {
        Some(value) if value.trim().is_empty() => {
            error.cause("ENABLE_MCP_SERVER is empty in the process environment")
        }
        Some(value) => error.cause(format!("ENABLE_MCP_SERVER is '{value}' in the process environment")),
        None => error,
    };
    let folder = context.tree.folder(target);
    let error = if !context.tree.has(target) {
        error.cause(format!("there is no folder {}: cargo xtask env init {stage}", folder.display()))
    } else if !context.tree.has_file(target, HeldIn::Build) {
        error.cause(format!("there is no file {}", file.display()))
    } else if set.is_none() {
        error.cause(format!("ENABLE_MCP_SERVER is off, empty or not set in {}", file.display()))
    } else {
        error
    };
    error.cause("nothing was changed")
}

/// Reads a stage's settings; everything that is wrong is reported at once, each with its place.
pub(crate) fn load(context: &Context, stage: Stage) -> Result<Settings> {
    let file = gcp_file(context, stage)?;
    let layers = Layers::new(&context.environment, &file);
    let mut wrong = Vec::new();
    let mut read = |variable: &Variable| {
        let Some(Found { value, origin }) = layers.get(variable) else { return String::new() };
        let value = value.expose().trim().to_owned();
        // The table's rule is also what `env check` says.
        if let Some(problem) = variable.problem(&value) {
            let form = problem.strip_prefix("is ").unwrap_or(&problem);
            wrong.push(format!("{origin}: {} is '{}', {form}", variable.name, shortened(&value)));
        }
        value
    };
    // One that is missing is told with where to put it.
    let project = layers.require(&GCP_PROJECT_ID).map(|_| read(&GCP_PROJECT_ID));
    let region = read(&GCP_REGION);
    let app = read(&GCP_APP_NAME);
    let registry = read(&GCP_REGISTRY_HOST);
    let keep = read(&GCP_SECRET_VERSIONS_TO_KEEP);
    let project = match project {
        Err(missing) => {
            let absent = file.as_ref().is_none_or(|file| !file.path().exists());
            let error = if absent { without_files(context, stage) } else { None };
            return Err(error.unwrap_or(missing).causes(wrong));
        }
        Ok(_) if !wrong.is_empty() => {
            return Err(Error::usage(format!("the settings of {stage} cannot be used"))
                .causes(wrong)
                .hint("cargo xtask env explain NAME says what a variable is for"));
        }
        Ok(project) => project,
    };
    let registry = if registry.is_empty() { format!("{region}-docker.pkg.dev") } else { registry };
    let names = Names::new(project, region, app, registry, stage);
    Ok(Settings { names, keep: keep.parse().unwrap_or(1) })
}

/// The error of a stage that has no `.gcp`, with every file that is missing: they are written together.
fn without_files(context: &Context, stage: Stage) -> Option<Error> {
    let target = Target::GoogleCloud(stage);
    let paths = target.place().files().iter().filter_map(|file| context.tree.path(target, *file));
    let (there, missing): (Vec<_>, Vec<_>) = paths.partition(|path| path.exists());
    let gcp = context.tree.path(target, HeldIn::Gcp)?;
    if !missing.contains(&gcp) {
        return None;
    }
    let message = if there.is_empty() {
        format!("{stage} has no files")
    } else {
        format!("{stage} has no file {}", gcp.display())
    };
    let error = Error::usage(message)
        .causes(missing.iter().map(|path| format!("missing: {}", path.display())))
        .cause(format!("{} is not set: {}", GCP_PROJECT_ID.name, GCP_PROJECT_ID.doc));
    Some(error.hint(format!("cargo xtask env init {stage}, then fill in what it names")))
}

/// The stage's own file, or production's: installations that exist keep one `.just` there for all stages.
fn gcp_file(context: &Context, stage: Stage) -> Result<Option<EnvFile>> {
    let target = Target::GoogleCloud(stage);
    if let Some(own) = context.tree.read(target, HeldIn::Gcp)? {
        return Ok(Some(own));
    }
    let shared = context.tree.read(Target::GoogleCloud(Stage::Prod), HeldIn::Gcp)?;
    match &shared {
        Some(file) => {
            context.printer.detail(|| format!("{stage} has no .gcp; reading {}", file.path().display()));
        }
        // An empty file in its place, so that messages name where to write.
        None => {
            return EnvFile::parse(&context.tree.path(target, HeldIn::Gcp).unwrap_or_default(), "").map(Some);
        }
    }
    Ok(shared)
}

/// A value in a message: the beginning of one that somebody has pasted a file into.
fn shortened(value: &str) -> String {
    const CHARS: usize = 100;
    if value.chars().count() <= CHARS {
        return value.to_owned();
    }
    value.chars().take(CHARS).chain(['…']).collect()
}
