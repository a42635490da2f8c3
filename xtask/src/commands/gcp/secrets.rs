//! `gcp secrets`: uploads `.mcp` when it says something new, and removes versions that nobody uses.

pub(crate) mod difference;
pub(crate) mod uploaded;
mod used;
pub(crate) mod version;

use std::time::Duration;

use envs::HeldIn;

use super::plan::{Item, Plan, State};
use super::scope::Scope;
use super::settings::{self, Settings};
use super::state::observe::{Read, cannot_tell, observe};
use super::{apply, lock};
use crate::cli::GcpStage;
use crate::commands::env;
use crate::config::context::Context;
use crate::config::env::EnvFile;
use crate::config::stage::{Stage, Target};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::tools::gcloud::{self, Seen, Trouble};
use difference::Difference;
use version::{Version, to_destroy};

/// The largest secret, in bytes (Secret Manager's quota).
const LARGEST: usize = 64 * 1024;

/// The file as it stands here.
struct Local {
    file: EnvFile,
    content: Secret,
}

/// Uploads the stage's `.mcp`, and prunes.
pub(super) fn secrets(context: &Context, args: &GcpStage) -> Result<()> {
    let settings = settings::load(context, args.stage)?;
    let local = read_file(context, args.stage)?;
    let names = &settings.names;
    let reads = [Read::new("the secret's versions", gcloud::list_versions(names)), used::here(names)];
    let [versions, used] = observe(context, args.at_once, &reads)?;
    let versions = versions.understand("the secret's versions", Version::parse_list);
    let used = used::by_revisions(names, used);
    let mut troubles = Vec::new();
    let versions = match versions {
        Seen::Present(versions) => versions,
        Seen::Absent => {
            return Err(Error::failed(format!("the secret {} does not exist", names.secret()))
                .cause("nothing was changed")
                .hint(format!("cargo xtask gcp setup {}", args.stage)));
        }
        Seen::Unknown(trouble) => trouble_of(&mut troubles, trouble),
    };
    let mut used = used.take(&mut troubles).unwrap_or_default();
    if !troubles.is_empty() {
        return Err(cannot_tell(&troubles));
    }
    let live = content(context, &settings, &versions)?;
    let difference = Difference::between(live.as_ref(), &local.file)?;
    // Only what nothing here uses is looked for in the rest of the project.
    if !to_destroy(&versions, &used, settings.keep, !difference.is_empty()).is_empty() {
        used.extend(used::elsewhere(context, args.at_once, names)?);
    }
    let plan = plan(&settings, &local, &difference, &versions, &used);
    let destroys = plan.items.iter().any(|item| item.state == State::Remove);
    if !destroys {
        if let Some(done) = apply::carry_out(context, &plan, args)? {
            report(context, &plan, &done, args.json)?;
        }
        return Ok(());
    }
    // A deploy may be about to use what nothing uses now: not both at once.
    let mut done = None;
    if apply::offer(context, &plan, args)? {
        let command = format!("gcp secrets {}", args.stage);
        done = Some(lock::under(context, names, &command, Duration::ZERO, |_| {
            used::no_others(context, args.at_once, names, &used)?;
            apply::apply(context, &plan, args.at_once)
        })?);
    }
    if args.json {
        context.printer.json(&plan.json(done.is_some()));
    }
    done.map_or(Ok(()), |done| report(context, &plan, &done, args.json))
}

fn trouble_of<T: Default>(troubles: &mut Vec<Trouble>, trouble: Trouble) -> T {
    troubles.push(trouble);
    T::default()
}

/// Reads and checks the file; everything that is wrong with it is reported at once, values never.
fn read_file(context: &Context, stage: Stage) -> Result<Local> {
    let target = Target::GoogleCloud(stage);
    let path = context.tree.path(target, HeldIn::Mcp).unwrap_or_default();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::usage(format!("{} cannot be read", path.display()))
            .cause(error.to_string())
            .hint(format!("cargo xtask env init {stage}, then fill it in"))
    })?;
    if text.len() > LARGEST {
        return Err(Error::usage(format!("{} is {} bytes long", path.display(), text.len()))
            .cause("a secret holds at most 65536"));
    }
    let file = EnvFile::parse(&path, &text)?;
    let problems = env::file_problems(context, target, HeldIn::Mcp)?;
    if !problems.is_empty() {
        return Err(Error::usage(format!("{} cannot be uploaded as it is", path.display()))
            .causes(problems)
            .hint(format!("cargo xtask env check {stage} looks at all files of the stage")));
    }
    Ok(Local { file, content: Secret::new(text) })
}

/// What the newest readable version holds; `None` where there is none.
fn content(context: &Context, settings: &Settings, versions: &[Version]) -> Result<Option<Secret>> {
    let Some(newest) = versions.iter().filter(|version| version.enabled).map(|version| version.number).max()
    else {
        return Ok(None);
    };
    let what = format!("version {newest} of the secret");
    let [seen] =
        observe(context, 1, &[Read::new(what.clone(), gcloud::access_version(&settings.names, newest))])?;
    match seen {
        Seen::Present(text) => Ok(Some(Secret::new(text))),
        Seen::Absent => Err(Error::failed(format!("{what} has just gone")).cause("nothing was changed")),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}

fn plan(
    settings: &Settings,
    local: &Local,
    difference: &Difference,
    versions: &[Version],
    used: &[String],
) -> Plan {
    let names = &settings.names;
    let resource = format!("secret {}", names.secret());
    let upload = !difference.is_empty();
    let mut items = vec![if upload {
        let from = local.file.path().display().to_string();
        let step = gcloud::add_version(names, local.content.clone(), &from);
        let mut item = Item::step(resource, State::Change, step).note(format!("a new version from {from}"));
        item.notes.extend(difference.lines());
        item
    } else {
        Item::unchanged(resource)
    }];
    for version in to_destroy(versions, used, settings.keep, upload) {
        let step = gcloud::destroy_version(names, version);
        items.push(
            Item::step(format!("version {version} of secret {}", names.secret()), State::Remove, step)
                .wave(1)
                .note(
                    "destroyed for ever, after the delay that the secret is set to, where it is: no revision and no job of the project \
                     uses it, and it is not among the newest",
                ),
        );
    }
    Plan { command: "gcp secrets", place: Scope::of(names), items }
}

/// Says which version is the new one. A name in another form is suspicious: the upload may not be what it seems.
fn report(context: &Context, plan: &Plan, done: &apply::Done, json: bool) -> Result<()> {
    let upload = plan.items.first().filter(|item| item.step.is_some());
    let Some((_, printed)) = upload.and_then(|item| done.iter().find(|(name, _)| *name == item.resource))
    else {
        return Ok(());
    };
    let number = printed.trim().rsplit('/').next().unwrap_or_default();
    match number.parse::<u64>() {
        Ok(number) if number > 0 => {
            if !json {
                context.printer.data(&format!("version {number} is the newest; deploy puts it into use"));
            }
            Ok(())
        }
        _ => Err(Error::failed("the new version has no number that is known here")
            .cause(format!("gcloud said '{}'", printed.trim()))
            .hint("look at the versions: gcloud secrets versions list")),
    }
}
