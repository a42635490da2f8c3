//! What a stage is configured to be: the gate, then the project and the names that follow from it.

use envs::HeldIn;
use envs::deploy::{
    GCP_APP_NAME, GCP_PROJECT_ID, GCP_REGION, GCP_REGISTRY_HOST, GCP_SECRET_VERSIONS_TO_KEEP,
};

use crate::context::Context;
use crate::env::{EnvFile, Found, Layers};
use crate::error::{Error, Result};
use crate::gate::Gate;
use crate::stage::{Names, Stage, Target};

/// A stage's settings.
pub(crate) struct Settings {
    /// Every resource's name.
    pub(crate) names: Names,
    /// How many of the newest secret versions stay.
    pub(crate) keep: usize,
}

/// Asks the gate; where it is closed, says that `what` is skipped, and why.
pub(super) fn gate_is_open(context: &Context, stage: Stage, what: &str) -> Result<bool> {
    let target = Target::GoogleCloud(stage);
    let build = context.tree.read(target, HeldIn::Build)?;
    let gate = Gate::read(&context.environment, build.as_ref())?;
    if !gate.open {
        let file = context.tree.path(target, HeldIn::Build).unwrap_or_default();
        let how = format!("ENABLE_MCP_SERVER=true in {}, or on the command line", file.display());
        context.printer.note(&gate.skipped(&format!("{what} {stage}"), &how));
    }
    Ok(gate.open)
}

/// Reads a stage's settings; everything that is wrong is reported at once.
pub(crate) fn load(context: &Context, stage: Stage) -> Result<Settings> {
    let file = gcp_file(context, stage)?;
    let layers = Layers::new(&context.environment, &file);
    let project = layers.require(&GCP_PROJECT_ID)?;
    let text =
        |found: Option<Found>| found.map(|found| found.value.expose().trim().to_owned()).unwrap_or_default();
    let (region, app) = (text(layers.get(&GCP_REGION)), text(layers.get(&GCP_APP_NAME)));
    let registry = text(layers.get(&GCP_REGISTRY_HOST));
    let keep = text(layers.get(&GCP_SECRET_VERSIONS_TO_KEEP));
    let origin = project.origin.to_string();
    let project = project.value.expose().trim().to_owned();

    let mut wrong = Vec::new();
    let mut check = |name: &str, value: &str, good: bool, form: &str| {
        if !good {
            wrong.push(format!("{name}: '{value}' is not {form}"));
        }
    };
    check(
        GCP_PROJECT_ID.name,
        &project,
        is_name(&project, 6, 30),
        "a project id: 6 to 30 of a-z, 0-9 and '-'",
    );
    check(GCP_REGION.name, &region, is_region(&region), "a region, such as us-central1");
    // The longest name derived from it is a service account's id, `<app>-mcp-staging`, of at most 30 characters.
    check(GCP_APP_NAME.name, &app, is_name(&app, 1, 18), "a prefix: 1 to 18 of a-z, 0-9 and '-'");
    let keep_count = keep.parse::<usize>().ok().filter(|count| *count >= 1);
    check(GCP_SECRET_VERSIONS_TO_KEEP.name, &keep, keep_count.is_some(), "a number from 1");
    if !wrong.is_empty() {
        return Err(Error::usage(format!("the settings of {stage} cannot be used"))
            .causes(wrong)
            .origin(origin));
    }
    let registry = if registry.is_empty() { format!("{region}-docker.pkg.dev") } else { registry };
    let names = Names::new(project, region, app, registry, stage);
    Ok(Settings { names, keep: keep_count.unwrap_or(1) })
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

fn is_name(text: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// `us-central1`: words, a hyphen, a number at the end.
fn is_region(text: &str) -> bool {
    is_name(text, 6, 30) && text.contains('-') && text.ends_with(|last: char| last.is_ascii_digit())
}
