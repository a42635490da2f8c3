//! The gclouds that are started before it is known what they are told: half a second to a second of each command is its start.
//!
//! Of a deploy these are three: the next write, the look at the lock before it, and the one that gives the lock back. gcloud reads
//! what it is told to its end before it asks or changes anything, and refuses an empty or a torn input.

use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::runner::{Ahead, Outcome};
use crate::tools::gcloud::{lock, run};

/// What is started ahead; whatever is not run ends with it.
pub(crate) struct Prestarted<'a> {
    context: &'a Context,
    names: &'a Names,
    write: Ahead,
    look: Ahead,
    release: Ahead,
}

impl<'a> Prestarted<'a> {
    pub(super) fn new(context: &'a Context, names: &'a Names) -> Self {
        let (write, look, release) = (Ahead::default(), Ahead::default(), Ahead::default());
        Self { context, names, write, look, release }
    }

    /// Starts the next write.
    pub(crate) fn start_write(&self) {
        self.write.start(&self.context.runner, &run::replace(self.names, ""));
    }

    /// Starts the next write, and the look at the lock before it.
    pub(crate) fn start_another(&self) {
        self.look.start(&self.context.runner, &lock::look(self.names));
        self.start_write();
    }

    /// Starts what gives the lock back.
    pub(crate) fn start_release(&self) {
        self.release.start(&self.context.runner, &lock::release(self.names, ""));
    }

    /// Writes; what comes after it is started meanwhile.
    pub(crate) fn write(&self, command: &Command, next: impl FnOnce() + Send) -> Result<Outcome> {
        self.write.run_beside(&self.context.runner, command, next)
    }

    pub(super) fn look(&self, command: &Command) -> Result<Outcome> {
        self.look.run(&self.context.runner, command)
    }

    /// Gives the lock back; a write or a look that was started for nothing ends before that.
    pub(super) fn release(&self, command: &Command) -> Result<Outcome> {
        self.write.abandon();
        self.look.abandon();
        self.release.run(&self.context.runner, command)
    }
}
