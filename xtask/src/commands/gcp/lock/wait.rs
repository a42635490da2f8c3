//! Waiting for somebody else's lock.

use std::time::{Duration, Instant};

use super::Holder;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};

/// How often a lock that is held is read: each reading starts gcloud, a second of processor.
const EVERY: Duration = Duration::from_secs(5);

/// How often a lock that has just gone is tried for although nobody waits: two losses in a row are a busy stage.
const MOMENTS: u32 = 3;

/// How long somebody waits, and how long they have.
pub(super) struct Waiting<'a> {
    context: &'a Context,
    names: &'a Names,
    patience: Duration,
    since: Instant,
    said: bool,
    moments: u32,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(context: &'a Context, names: &'a Names, patience: Duration) -> Self {
        Self { context, names, patience, since: Instant::now(), said: false, moments: 0 }
    }

    /// Waits a while for this holder, or ends with exit code 75.
    pub(super) fn for_holder(&mut self, holder: &Holder) -> Result<()> {
        let left = self.patience.saturating_sub(self.since.elapsed());
        if left.is_zero() {
            let stage = self.names.stage();
            let waited = self.patience.as_secs();
            let mut error =
                Error::locked(format!("{stage} is locked by {}", holder.who())).causes(holder.lines());
            if waited > 0 {
                error = error.cause(format!("waited for {waited} s"));
            }
            if holder.is_gone() {
                error = error.cause(
                    "its process ran on this machine and is gone; what it had started may still be writing",
                );
            }
            return Err(error
                .cause("nothing was changed")
                .hint("wait for it: add --lock-wait 15m")
                .hint(format!("if its holder is gone: cargo xtask gcp lock break {stage}")));
        }
        if !self.said {
            self.said = true;
            self.context.printer.note(&format!("  waiting for {}", holder.who()));
            for line in holder.lines() {
                self.context.printer.note(&format!("    {line}"));
            }
        }
        self.context.runner.interrupts().pause(left.min(EVERY))
    }

    /// The lock was somebody's and is nobody's: at once once more.
    pub(super) fn a_moment(&mut self) -> Result<()> {
        self.moments += 1;
        if self.moments > MOMENTS && self.since.elapsed() > self.patience {
            return Err(Error::locked(format!("{} is locked by one after another", self.names.stage()))
                .cause("nothing was changed")
                .hint("wait for them: add --lock-wait 15m"));
        }
        self.context.runner.interrupts().check()
    }
}
