//! One at a time: the stage's lock, held while something is changed that two must not change at once.
//!
//! It is a Secret Manager secret with a time to live. Creation is atomic; a killed command's lock frees itself; whoever
//! breaks one stops its holder before the next write. What it does not give is fencing: a write that has begun when the
//! lock is lost goes through.

mod commands;
mod holder;
mod prestarted;
mod process;
mod wait;

pub(crate) use commands::{break_lock, status};
pub(crate) use holder::Holder;
use prestarted::Prestarted;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::Streams;
use crate::core::secret::random_hex;
use crate::tools::gcloud::{Advice, Seen, classify, lock};

/// How long the lock is taken for: longer than the longest single command (a roll-out, 10 minutes), so that it cannot
/// end in the middle of one; short enough that nobody waits long for a killed one.
const TTL: Duration = Duration::from_mins(15);

/// With less than this left it is renewed before the next write.
const NEEDED: Duration = Duration::from_mins(11);

/// A look counts for a write that begins so soon after it: a write that waits for gcloud to start is no nearer to its own.
const FRESH: Duration = Duration::from_secs(5);

/// The lock, held.
pub(crate) struct Lock<'a> {
    context: &'a Context,
    names: &'a Names,
    /// Who we are, as the lock says.
    id: String,
    /// Whether somebody else had to be waited for.
    waited: bool,
    held: Mutex<Held>,
    /// The gclouds that are started ahead while it is held.
    pub(crate) ahead: Prestarted<'a>,
}

/// What was true when the lock was last seen.
struct Held {
    etag: String,
    since: Instant,
    /// When it was looked at for the next write.
    looked: Option<Instant>,
}

/// Does `work` while holding the stage's lock, and gives it back however that ends.
///
/// Where somebody else holds it, waits up to `patience`, then ends with exit code 75 and names the holder.
pub(crate) fn under<T>(
    context: &Context,
    names: &Names,
    command: &str,
    patience: Duration,
    work: impl FnOnce(&Lock<'_>) -> Result<T>,
) -> Result<T> {
    let lock = Lock::take(context, names, command, patience).map_err(|error| error.during("lock"))?;
    let done = work(&lock);
    if let Err(error) = &done {
        interrupted(context, error);
    }
    lock.release();
    done
}

/// Where there is nothing to do and somebody holds the lock all the same: a run that was killed at its end is not there to give
/// it back. Where its process ran on this machine and is gone, that is done here; else whose it is is said.
///
/// Only then: the gcloud that a killed run has started may still be writing while anything differs.
pub(crate) fn give_back_what_is_left(context: &Context, names: &Names) -> Result<()> {
    let Seen::Present(holder) = Holder::read(context, names)? else { return Ok(()) };
    let stage = names.stage();
    if holder.is_gone() {
        let command = lock::release(names, &holder.etag);
        if context.runner.run(&command, Streams::Captured)?.code == 0 {
            context.printer.note(&format!(
                "gave back the deploy lock of {}, which has ended without doing so ({})",
                holder.who(),
                holder.command
            ));
            return Ok(());
        }
    }
    context.printer.warn(&format!(
        "{stage} is locked all the same\n  {}\n  if its holder is gone: cargo xtask gcp lock break {stage}",
        holder.lines().join("\n  ")
    ));
    Ok(())
}

/// After an interrupt the lock can still be given back; a second signal interrupts that, too.
fn interrupted(context: &Context, error: &Error) {
    if error.exit() == Exit::Interrupted {
        context.runner.interrupts().acknowledge();
    }
}

impl<'a> Lock<'a> {
    fn take(context: &'a Context, names: &'a Names, command: &str, patience: Duration) -> Result<Self> {
        let id = random_hex(8)?;
        let who = holder::myself(context);
        let process = process::myself();
        let said = [("id", id.as_str()), ("holder", &who), ("command", command), ("process", &process)];
        let take = lock::take(names, TTL.as_secs(), &said);
        let _progress = context.printer.progress("taking the deploy lock");
        let mut waiting = wait::Waiting::new(context, names, patience);
        let mut waited = false;
        loop {
            // Before the request: the lock may live shorter than we think, never longer.
            let since = Instant::now();
            let outcome = context.runner.run(&take, Streams::Captured).map_err(|error| {
                // It may be ours all the same, and nobody would give it back.
                interrupted(context, &error);
                if let Ok(Seen::Present(holder)) = Holder::read(context, names)
                    && holder.id == id
                {
                    Self::held_by(context, names, id.clone(), waited, holder.etag, since).release();
                }
                error.cause("nothing was changed")
            })?;
            let etag = holder::etag(&outcome.stdout).filter(|_| outcome.code == 0);
            if let Some(etag) = etag {
                return Ok(Self::held_by(context, names, id, waited, etag, since));
            }
            // Refused, or unknown what became of it: whose is it?
            match Holder::read(context, names)? {
                Seen::Present(holder) if holder.id == id => {
                    return Ok(Self::held_by(context, names, id, waited, holder.etag, since));
                }
                Seen::Present(holder) => waiting.for_holder(&holder)?,
                // It was given back in between; anything but a conflict says what really is the matter.
                Seen::Absent if outcome.stderr.contains("already exists") => waiting.a_moment()?,
                Seen::Absent | Seen::Unknown(_) => {
                    let advice = Advice::of(&outcome.stderr);
                    let error = match outcome.success_of(&take) {
                        Err(error) => error,
                        Ok(_) => Error::failed("the deploy lock was made, but gcloud did not say how"),
                    };
                    return Err(error.cause("nothing was changed").hint(advice.text()));
                }
            }
            waited = true;
        }
    }

    /// Ours since then, which is as good as a look.
    fn held_by(
        context: &'a Context,
        names: &'a Names,
        id: String,
        waited: bool,
        etag: String,
        since: Instant,
    ) -> Self {
        let held = Mutex::new(Held { etag, since, looked: Some(since) });
        Self { context, names, id, waited, held, ahead: Prestarted::new(context, names) }
    }

    /// Whether somebody else held it before: what was read until then is old.
    pub(crate) fn was_waited_for(&self) -> bool {
        self.waited
    }

    /// Makes sure that the lock is still ours, and for long enough. Called before every write.
    pub(crate) fn verify(&self) -> Result<()> {
        let ahead = self.held().looked.take();
        if ahead.is_some_and(|looked| looked.elapsed() < FRESH) { Ok(()) } else { self.look() }
    }

    /// Looks for the next write already now, beside other work that takes its time: the look counts for that write alone,
    /// and only for a few seconds.
    pub(crate) fn look_ahead(&self) -> Result<()> {
        let now = Instant::now();
        self.look()?;
        self.held().looked = Some(now);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> Result<()> {
        let lost = |why: String| {
            Err(Error::failed(format!("the deploy lock is lost: {why}"))
                .cause("stopped before the next write")
                .hint("when the other one is done, type the same command again: it looks first, and does only what is missing"))
        };
        let command = lock::look(self.names);
        let outcome = self.ahead.look(&command)?;
        let mut holder = match Holder::understand(&command, &outcome) {
            Seen::Present(holder) if holder.id == self.id => holder,
            Seen::Present(holder) => return lost(format!("it is {}'s now", holder.who())),
            Seen::Absent => return lost("somebody broke it, or its time was over".to_owned()),
            Seen::Unknown(trouble) => {
                return Err(Error::failed("could not tell whether the deploy lock is still ours")
                    .cause(trouble.said.clone())
                    .cause("stopped before the next write")
                    .hint(trouble.advice_text()));
            }
        };
        let mut held = self.held();
        if TTL.saturating_sub(held.since.elapsed()) < NEEDED {
            let renew = lock::renew(self.names, TTL.as_secs(), &holder.etag);
            let since = Instant::now();
            let outcome = self.context.runner.read(&renew).map_err(|error| {
                error.during("the deploy lock could not be renewed").cause("stopped before the next write")
            })?;
            holder.etag = holder::etag(&outcome.stdout).unwrap_or(holder.etag);
            held.since = since;
        }
        held.etag = holder.etag;
        Ok(())
    }

    /// Gives it back. That it could not be given back is no failure of what was done: it frees itself.
    fn release(&self) {
        let etag = self.held().etag.clone();
        let command = lock::release(self.names, &etag);
        let stage = self.names.stage();
        let problem = match self.ahead.release(&command) {
            Ok(outcome) if outcome.code == 0 => return,
            Ok(outcome) => match classify("the deploy lock", &command, &outcome) {
                // Nothing to give back; whoever broke it knows.
                Seen::Absent => return,
                Seen::Present(said) => said,
                Seen::Unknown(trouble) => trouble.said,
            },
            Err(error) => error.to_string(),
        };
        self.context.printer.warn(&format!(
            "the deploy lock could not be given back: {problem}\n  it frees itself within {} minutes; sooner: \
             cargo xtask gcp lock break {stage}",
            TTL.as_secs() / 60
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::env::Environment;
    use crate::config::stage::Stage;
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    /// Holds a lock that was taken so long ago; the commands that took.
    fn holding(ago: Duration, work: impl Fn(&Lock<'_>)) -> Vec<String> {
        let printer = Printer::captured();
        let document = r#"{"createTime": "t", "etag": "\"2\"", "annotations": {"id": "me"}}"#;
        let runner = Runner::record(printer.clone(), move |_| Outcome::success(document));
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let context = Context::new(Environment::default(), None, printer, runner.clone(), here).unwrap();
        let names = Names::new("acme", "us-west1", "validibot", "r", Stage::Dev);
        let since = Instant::now().checked_sub(ago).unwrap();
        let lock = Lock::held_by(&context, &names, "me".into(), false, "\"1\"".into(), since);
        work(&lock);
        lock.release();
        let words =
            |command: &crate::core::command::Command| command.arguments()[1].to_string_lossy().into_owned();
        runner.recorded().iter().map(words).collect()
    }

    #[test]
    fn a_lock_is_renewed_once_when_little_is_left_and_given_back_as_it_was_last_seen() {
        let twice = |lock: &Lock<'_>| [(); 2].iter().for_each(|()| lock.verify().unwrap());
        // For the first write, to have taken it just now is a look.
        assert_eq!(holding(Duration::ZERO, twice), ["describe", "delete"]);
        assert_eq!(holding(FRESH, twice), ["describe", "describe", "delete"]);
        assert_eq!(holding(Duration::from_mins(5), twice), ["describe", "update", "describe", "delete"]);
    }

    #[test]
    fn a_look_ahead_counts_for_one_write_and_not_for_long() {
        let ahead = |lock: &Lock<'_>| {
            lock.look_ahead().unwrap();
            lock.verify().unwrap();
        };
        assert_eq!(holding(Duration::ZERO, ahead), ["describe", "delete"]);
        let two_writes = |lock: &Lock<'_>| {
            ahead(lock);
            lock.verify().unwrap();
        };
        assert_eq!(holding(Duration::ZERO, two_writes), ["describe", "describe", "delete"]);
        let slow = |lock: &Lock<'_>| {
            lock.look_ahead().unwrap();
            lock.held().looked = Instant::now().checked_sub(FRESH);
            lock.verify().unwrap();
        };
        assert_eq!(holding(Duration::ZERO, slow), ["describe", "describe", "delete"]);
    }
}
