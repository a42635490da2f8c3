//! `gcp logs`: what the server's revisions have logged, and with `-f` what they go on to log.

mod entry;

use std::collections::BTreeSet;
use std::time::Duration;

use super::settings;
use super::state::observe::cannot_tell;
use crate::cli::GcpLogs;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::Result;
use crate::core::runner::Streams;
use crate::tools::gcloud::{self, Advice, Seen, Since, Trouble, classify};
use entry::Entry;

/// Between two looks with `-f`. gcloud itself needs a second of processor time for each.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How many looks in a row may fail for a reason that may pass, before `-f` gives up.
const FAILURES: u32 = 5;

/// How many entries one look of `-f` takes: more than a person can read in the time.
const AT_A_LOOK: u32 = 1000;

/// Prints the entries, oldest first.
pub(super) fn logs(context: &Context, args: &GcpLogs) -> Result<()> {
    let names = settings::load(context, args.stage)?.names;
    let severity = args.severity.map(|least| format!("severity>={}", least.name()));
    let look = |since: &Since, limit| look(context, &names, since, severity.as_deref(), limit);
    let mut shown = Shown::default();
    match look(&args.since, args.limit)? {
        Ok(entries) => {
            if entries.len() == usize::try_from(args.limit).unwrap_or(usize::MAX) {
                let limit = args.limit;
                context.printer.note(&format!("only the newest {limit} are shown: --limit takes more"));
            } else if entries.is_empty() && !args.follow {
                context.printer.note(&format!(
                    "{} has logged nothing in that time: --since goes further back",
                    names.service()
                ));
            }
            shown.print(context, entries, args.json);
        }
        Err(trouble) => return Err(cannot_tell(&[trouble])),
    }
    if !args.follow {
        return Ok(());
    }
    let mut failures = 0;
    loop {
        context.runner.interrupts().pause(LOOK_EVERY)?;
        // Nothing so far: the same question again.
        let since = shown.newest.clone().map_or_else(|| args.since.clone(), Since::Received);
        match look(&since, AT_A_LOOK)? {
            Ok(entries) => {
                failures = 0;
                shown.print(context, entries, args.json);
            }
            Err(trouble) => {
                failures += 1;
                if failures == FAILURES || !may_pass(trouble.advice) {
                    return Err(cannot_tell(&[trouble]));
                }
                context.printer.warn(&format!("{}; trying again", trouble.advice.text()));
            }
        }
    }
}

/// One question; the entries oldest first, or why there is no answer.
fn look(
    context: &Context,
    names: &Names,
    since: &Since,
    severity: Option<&str>,
    limit: u32,
) -> Result<std::result::Result<Vec<Entry>, Trouble>> {
    let what = format!("the log of {}", names.service());
    let command = gcloud::read_logs(names, since, severity, limit);
    let outcome = context.runner.run(&command, Streams::Captured)?;
    Ok(match classify(&what, &command, &outcome).understand(&what, Entry::read_all) {
        Seen::Present(mut entries) => {
            // As they were written: Cloud Logging lists some in the order in which it received them.
            entries.sort_by(|a, b| a.written().cmp(b.written()));
            Ok(entries)
        }
        Seen::Unknown(trouble) => Err(trouble),
        // A log without entries is an empty list: what cannot be found is the project.
        Seen::Absent => Err(Trouble {
            what,
            advice: Advice::Read,
            said: "gcloud says that it does not exist: is GCP_PROJECT_ID right?".to_owned(),
            command: command.render(),
        }),
    })
}

/// Whether trying again can help without anybody doing anything.
fn may_pass(advice: Advice) -> bool {
    matches!(advice, Advice::WaitForQuota | Advice::CheckNetwork | Advice::TryLater)
}

/// What was printed, so that an entry that a later look finds again is not printed again.
#[derive(Default)]
struct Shown {
    /// The ids of what was received at `newest` or in the looks since: a look begins at that very moment.
    ids: BTreeSet<String>,
    newest: Option<String>,
}

impl Shown {
    fn print(&mut self, context: &Context, entries: Vec<Entry>, json: bool) {
        let mut seen = BTreeSet::new();
        for entry in entries {
            seen.insert(entry.id().to_owned());
            if self.ids.contains(entry.id()) {
                continue;
            }
            context.printer.data(&if json { entry.json() } else { entry.line() });
            if let Some(received) = entry.received()
                && self.newest.as_deref().is_none_or(|newest| newest < received)
            {
                self.newest = Some(received.to_owned());
            }
        }
        // Whatever the next look can find again, this one has found: it reaches further back.
        if !seen.is_empty() {
            self.ids = seen;
        }
    }
}
