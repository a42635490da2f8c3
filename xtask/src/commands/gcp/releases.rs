//! `gcp releases`, `gcp rollback` and `gcp release`: the revisions that were, going back to one, and what is said of one.

mod choice;
mod mark;
mod revision;
mod rollback;

pub(crate) use mark::release;
pub(crate) use revision::{Fate, Revision};
pub(crate) use rollback::rollback;

use serde_json::json;

use super::service::Live;
use super::settings;
use super::state::observe::{Read, cannot_tell, observe};
use super::state::serving;
use crate::cli::GcpLook;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{Seen, Trouble, run};

/// Version of the JSON. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// Both gcloud calls of a look at a service and its revisions.
const AT_ONCE: usize = 2;

/// Lists the releases, newest first.
pub(crate) fn releases(context: &Context, args: &GcpLook) -> Result<()> {
    let names = settings::load(context, args.stage)?.names;
    let (live, revisions) = look(context, &names, &names.service())?;
    if args.json {
        context.printer.json(&json!({
            "schema_version": SCHEMA_VERSION,
            "stage": args.stage.name(),
            "service": names.service(),
            "held": live.history.held,
            "releases": revisions,
        }));
        return Ok(());
    }
    context.printer.data(&table(&revisions));
    if let Some(held) = &live.history.held {
        context.printer.data(&hold(held));
    }
    Ok(())
}

/// What it means that the stage is held.
pub(crate) fn hold(held: &str) -> String {
    format!(
        "held: somebody went back from {held}; a deploy of its commit, or of an older one, wants --yes-older"
    )
}

/// The service and its revisions, newest first. It is an error where it is not there.
pub(crate) fn look(context: &Context, names: &Names, service: &str) -> Result<(Live, Vec<Revision>)> {
    let reads = [
        Read::new(format!("the service {service}"), run::describe(names, service)),
        Read::new("its revisions", run::revisions(names, service)),
    ];
    let [live, revisions] = observe(context, AT_ONCE, &reads)?;
    let live = live.understand("the service", Live::parse);
    let absent = || {
        let all = if service == names.service() { "" } else { "-all" };
        Error::failed(format!("{service} is not deployed"))
            .hint(format!("cargo xtask gcp deploy{all} {}", names.stage()))
    };
    let live = match live {
        Seen::Present(live) => live,
        Seen::Absent => return Err(absent()),
        Seen::Unknown(trouble) => return Err(cannot_tell(&[trouble])),
    };
    let live = if let Seen::Present(text) = &revisions { serving::listed(text, live) } else { live };
    let parsed = revisions.understand("its revisions", |text| Revision::parse_list(text, &live));
    match parsed {
        Seen::Present(revisions) => Ok((live, revisions)),
        // A listing cannot be absent.
        Seen::Absent => Err(cannot_tell(&[unlisted(names, service)])),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}

fn unlisted(names: &Names, service: &str) -> Trouble {
    Trouble {
        what: "its revisions".to_owned(),
        advice: crate::tools::gcloud::Advice::Read,
        said: "gcloud says that there is no such list".to_owned(),
        command: run::revisions(names, service).render(),
    }
}

/// A line for each.
pub(crate) fn table(revisions: &[Revision]) -> String {
    let mut lines = vec![
        ["revision", "commit", "secret", "switch", "when", "who", "served (1 = latest)", "result"]
            .map(str::to_owned),
    ];
    lines.extend(revisions.iter().map(|revision| {
        [
            revision.name.clone(),
            short(revision.commit.as_deref().unwrap_or("unknown"), 7),
            short(revision.secret_version.as_deref().unwrap_or("none"), 6),
            if revision.enabled { "on" } else { "off" }.to_owned(),
            short(&revision.when, 16),
            short(revision.who.as_deref().unwrap_or("unknown"), 24),
            revision.served.map(|place| place.to_string()).unwrap_or_default(),
            revision.result().to_owned(),
        ]
    }));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let row = |line: &[String; 8]| {
        let cells: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    lines.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn short(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}
