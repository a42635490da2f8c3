//! A command that is started before its input is known, while something else is waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Mode, Outcome, Runner, Streams, process};
use crate::core::command::Command;
use crate::core::error::Result;

/// Where one command is started ahead; what has been started and is never run ends with this.
///
/// Only for a program that does nothing before it has read its input to the end, and that refuses an empty one: should we
/// be killed, that is what it reads.
#[derive(Debug, Default)]
pub struct Ahead {
    started: Mutex<Option<process::Started>>,
}

impl Ahead {
    /// Starts it, without its input, where it is not started already. One that cannot be started says so when it is run.
    pub fn start(&self, runner: &Runner, command: &Command) {
        let mut started = self.started();
        if started.is_none() && matches!(runner.mode, Mode::Real) {
            runner.printer.detail(|| format!("pre-spawning: {}", command.name()));
            *started = process::start(command, Streams::Captured).ok();
        }
    }

    /// As [`Runner::run`] with captured streams; one that has been started is given its input, which is all in which
    /// `command` may differ from what was started.
    pub fn run(&self, runner: &Runner, command: &Command) -> Result<Outcome> {
        let Some(started) = self.take() else { return runner.run(command, Streams::Captured) };
        runner.printer.detail(|| format!("running: {}", command.render()));
        process::finish(started, command, &runner.interrupts)
    }

    /// As [`Ahead::run`]; while it runs, something else is done, such as to start the next one.
    pub fn run_beside(
        &self,
        runner: &Runner,
        command: &Command,
        beside: impl FnOnce() + Send,
    ) -> Result<Outcome> {
        let this = Self { started: Mutex::new(self.take()) };
        std::thread::scope(|scope| {
            scope.spawn(beside);
            this.run(runner, command)
        })
    }

    /// Ends what was started and is not needed after all.
    pub fn abandon(&self) {
        if let Some(mut started) = self.started().take() {
            process::abandon(&mut started);
        }
    }

    /// What was started and still waits.
    fn take(&self) -> Option<process::Started> {
        self.started().take().and_then(|mut started| (!started.has_ended()).then_some(started))
    }

    fn started(&self) -> MutexGuard<'_, Option<process::Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::interrupt::Interrupts;
    use crate::core::output::Printer;

    fn real() -> Runner {
        Runner::real(Printer::captured(), Interrupts::none())
    }

    #[test]
    fn what_was_started_gets_the_input_that_is_known_later() {
        let folder = tempfile::tempdir().unwrap();
        let cat = |input: &str| {
            Command::new("sh").args(["-c", ": > began; cat"]).dir(folder.path()).stdin_text(input)
        };
        let ahead = Ahead::default();
        ahead.start(&real(), &cat(""));
        while !folder.path().join("began").exists() {
            std::thread::yield_now();
        }
        assert_eq!(ahead.run(&real(), &cat("now")).unwrap().stdout, "now");
    }

    #[test]
    fn the_next_one_starts_while_this_one_runs() {
        let folder = tempfile::tempdir().unwrap();
        let ahead = Ahead::default();
        // Each waits for the other's file: one after another, this would never end.
        let meet = |own: &str, other: &str, input: &str| {
            let script = format!(": > {own}; until [ -e {other} ]; do sleep 0.01; done; cat");
            Command::new("sh").args(["-c", &script]).dir(folder.path()).stdin_text(input)
        };
        let next = meet("next", "this", "2");
        let this = ahead.run_beside(&real(), &meet("this", "next", "1"), || ahead.start(&real(), &next));
        assert_eq!(this.unwrap().stdout, "1");
        assert_eq!(ahead.run(&real(), &next).unwrap().stdout, "2");
    }

    #[test]
    fn what_was_not_started_is_run_all_the_same() {
        let command = Command::new("cat").stdin_text("plainly");
        assert_eq!(Ahead::default().run(&real(), &command).unwrap().stdout, "plainly");
        let shown = Runner::dry_run(Printer::captured(), Interrupts::none());
        let ahead = Ahead::default();
        ahead.start(&shown, &command);
        assert!(ahead.started().is_none());
    }

    #[test]
    fn what_is_never_run_ends_and_does_not_read_an_empty_input() {
        let folder = tempfile::tempdir().unwrap();
        let ahead = Ahead::default();
        let command = Command::new("sh").args(["-c", "cat; : > went-on"]).dir(folder.path()).stdin_text("");
        ahead.start(&real(), &command);
        drop(ahead);
        assert!(!folder.path().join("went-on").exists());
    }

    #[test]
    fn nothing_is_given_to_it_after_an_interrupt() {
        let interrupts = Interrupts::none();
        let runner = Runner::real(Printer::captured(), interrupts.clone());
        let ahead = Ahead::default();
        let command = Command::new("cat").stdin_text("now");
        ahead.start(&runner, &command);
        interrupts.raise(signal_hook::consts::SIGINT);
        assert_eq!(ahead.run(&runner, &command).unwrap_err().exit().code(), 130);
    }

    #[test]
    fn what_has_ended_while_it_waited_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        // The first one ends at once; the second finds its trace.
        let script = "[ -e ended ] && exec cat; : > ended";
        let command = Command::new("sh").args(["-c", script]).dir(folder.path()).stdin_text("now");
        let ahead = Ahead::default();
        ahead.start(&real(), &command);
        while !ahead.started().as_mut().unwrap().has_ended() {
            std::thread::yield_now();
        }
        assert_eq!(ahead.run(&real(), &command).unwrap().stdout, "now");
    }
}
