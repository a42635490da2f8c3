//! `gcp build`: the image of this commit, in the registry, by digest.

use std::path::Path;

use super::apply;
use super::plan::{Item, Plan, State};
use super::scope::Scope;
use super::settings;
use super::state::observe::{Read, cannot_tell};
use crate::artifact::image::{Order, Program, Purpose, Revision};
use crate::artifact::reference::{self, ImageRef};
use crate::cli::GcpBuild;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::{Outcome, Streams, last_lines};
use crate::tools::docker;
use crate::tools::gcloud::{Advice, Seen, Trouble};
use crate::tools::git;

/// Cloud Run runs this.
pub(super) const PLATFORM: &str = "linux/amd64";

/// What is built: a commit, perhaps with changes that are not in it.
pub(super) struct Source {
    /// The commit in full, with `-dirty` where files differ from it; the image's `/version` says the same.
    pub(super) commit: String,
    /// The image's tag: the same, short.
    pub(super) tag: String,
    /// Whether files differ from the commit.
    pub(super) dirty: bool,
}

/// Builds and pushes, unless the registry has this commit's image; says the digest either way.
pub(super) fn build(context: &Context, args: &GcpBuild) -> Result<()> {
    let names = settings::load(context, args.common.stage)?.names;
    let source = source(context, args.allow_dirty)?;
    let tagged = format!("{}:{}", names.image(), source.tag);
    let latest = format!("{}:latest", names.image());
    let there = find(context, &tagged)?;
    let reuse = there.as_ref().filter(|_| !source.dirty && !args.rebuild);
    let applied = match reuse {
        Some(image) => {
            let plan = known(context, &names, &tagged, &latest, image)?;
            apply::carry_out(context, &plan, &args.common)?.is_some()
        }
        None => make(context, &names, args, &source, &[tagged.clone(), latest])?,
    };
    let image = if applied && reuse.is_none() { find(context, &tagged)? } else { reuse.cloned() };
    match image {
        // JSON says it among the notes where nothing was built, and the next call does where something was.
        Some(image) if !args.common.json => context.printer.data(&image.to_string()),
        None if applied => {
            return Err(Error::failed(format!("{tagged} was pushed, but the registry does not have it"))
                .hint("type the same command again"));
        }
        _ => {}
    }
    Ok(())
}

/// The commit, and whether the tree is as it says.
pub(super) fn source(context: &Context, allow_dirty: bool) -> Result<Source> {
    source_in(context, &context.root, allow_dirty)
}

/// As [`source`], of another checkout.
pub(super) fn source_in(context: &Context, root: &Path, allow_dirty: bool) -> Result<Source> {
    let read = |command: &Command| {
        let outcome = context.runner.read(command).map_err(git::explained)?;
        Ok::<_, Error>(outcome.stdout.trim().to_owned())
    };
    let commit = read(&git::commit(root))?;
    let short = read(&git::short_commit(root))?;
    let changed = read(&git::status(root))?;
    let dirty = !changed.is_empty();
    if dirty && !allow_dirty {
        return Err(Error::failed(
            "files differ from the commit, so the image would not be what its tag says",
        )
        .cause(last_lines(&changed, 20))
        .hint("commit them, or add --allow-dirty: the tag then ends in '-dirty'"));
    }
    let mark = if dirty { "-dirty" } else { "" };
    Ok(Source { commit: format!("{commit}{mark}"), tag: format!("{short}{mark}"), dirty })
}

/// The plan where the image is there: at most `latest` has to follow.
fn known(context: &Context, names: &Names, tagged: &str, latest: &str, image: &ImageRef) -> Result<Plan> {
    let mut items = vec![Item::unchanged(format!("image {tagged}")).note(&image.digest)];
    let moved = find(context, latest)?.as_ref() != Some(image);
    items.push(if moved {
        Item::step(format!("tag {latest}"), State::Change, docker::tag(latest, &image.to_string()))
    } else {
        Item::unchanged(format!("tag {latest}"))
    });
    Ok(plan(names, items))
}

/// Builds the image and pushes it, where that is confirmed; whether it was done.
fn make(context: &Context, names: &Names, args: &GcpBuild, source: &Source, tags: &[String]) -> Result<bool> {
    let revision = revision(context, &source.commit)?;
    let (program, purpose) = (Program::Server, Purpose::Cloud);
    let order = Order { program, purpose, revision: &revision, tags, args: &args.build_arg };
    let plan = fresh(context, names, source, &order);
    let done = apply::offer(context, &plan, &args.common)?;
    if done {
        order.build(context)?;
        apply::apply(context, &Plan { items: pushes(tags), ..plan.clone() }, args.common.at_once)?;
    }
    if args.common.json {
        context.printer.json(&plan.json(done));
    }
    Ok(done)
}

/// What an image of the server is labelled with.
pub(super) fn revision(context: &Context, commit: &str) -> Result<Revision> {
    let created = context.runner.read(&git::committed(&context.root)).map_err(git::explained)?.stdout;
    Ok(Revision { commit: commit.to_owned(), created: created.trim().to_owned() })
}

/// The plan where it has to be built.
fn fresh(context: &Context, names: &Names, source: &Source, order: &Order<'_>) -> Plan {
    let resource = format!("image of commit {}", source.tag);
    let mut build = Item::step(resource, State::Create, order.shown(context))
        .note("its program is compiled first, and its bill of materials written");
    if source.dirty {
        build = build.note("with changes that are in no commit");
    }
    plan(names, [vec![build], pushes(order.tags)].concat())
}

/// The moving tag comes last: it never leads to an image whose own tag is not there.
fn pushes(tags: &[String]) -> Vec<Item> {
    let push = |(tag, wave): (&String, u8)| {
        Item::step(format!("tag {tag}"), State::Change, docker::push(tag)).wave(wave)
    };
    tags.iter().zip(1..).map(push).collect()
}

fn plan(names: &Names, items: Vec<Item>) -> Plan {
    Plan { command: "gcp build", place: Scope::of(names).registry(names.registry()), items }
}

/// The image that a tag leads to; `None` where the registry does not have the tag.
pub(super) fn find(context: &Context, reference: &str) -> Result<Option<ImageRef>> {
    let read = Read::new(format!("the tag {reference}"), docker::inspect(reference));
    let _progress = context.printer.progress("asking the registry");
    let outcome = context.runner.run(&read.command, Streams::Captured)?;
    match seen(&read, reference, &outcome) {
        Seen::Present(digest) => {
            Ok(Some(ImageRef { repository: reference::split(reference).0.to_owned(), digest }))
        }
        Seen::Absent => Ok(None),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}

/// Absent only in the registry's own words for this very reference.
fn seen(read: &Read, reference: &str, outcome: &Outcome) -> Seen<String> {
    let missing = format!("ERROR: {reference}: not found");
    if outcome.code == 1 && outcome.stderr.lines().any(|line| line.trim_end() == missing) {
        return Seen::Absent;
    }
    let manifest: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    match manifest["digest"].as_str() {
        Some(digest) if outcome.code == 0 && digest.starts_with("sha256:") => {
            Seen::Present(digest.to_owned())
        }
        _ => {
            let said = last_lines(&outcome.stderr, 12);
            let advice = if said.contains("401 Unauthorized") || said.contains("403 Forbidden") {
                Advice::LogIn
            } else if said.contains("failed to do request") {
                Advice::CheckNetwork
            } else {
                Advice::of(&said)
            };
            Seen::Unknown(Trouble { what: read.what.clone(), advice, said, command: read.command.render() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: i32, stdout: &str, stderr: &str) -> Seen<String> {
        let read = Read::new("the tag", docker::inspect("r/p/a:1"));
        let outcome = Outcome { code, stdout: stdout.into(), stderr: stderr.into() };
        seen(&read, "r/p/a:1", &outcome)
    }

    #[test]
    fn a_registry_that_cannot_be_asked_is_not_an_empty_one() {
        let manifest = r#"{"mediaType": "x", "digest": "sha256:966c", "size": 526}"#;
        assert_eq!(answer(0, manifest, ""), Seen::Present("sha256:966c".into()));
        assert_eq!(answer(1, "", "ERROR: r/p/a:1: not found\n"), Seen::Absent);
        for stderr in [
            "ERROR: failed to do request: Head \"http://r/v2/p/a/manifests/1\": connection refused",
            "ERROR: unexpected status from HEAD request to http://r: 401 Unauthorized",
            "ERROR: r/p/b:1: not found",
            "docker-credential-gcloud: not found",
        ] {
            assert!(matches!(answer(1, "", stderr), Seen::Unknown(_)), "{stderr}");
        }
        assert!(matches!(answer(0, "sha256:966c", ""), Seen::Unknown(_)));
        let Seen::Unknown(trouble) = answer(1, "", "docker: 'buildx' is not a docker command.\n") else {
            panic!("it is no answer")
        };
        assert!(trouble.advice_text().contains("install docker's buildx"), "{}", trouble.advice_text());
    }
}
