//! The runner: executes commands, shows them, or records them for tests.

mod ahead;
mod lines;
mod process;
mod tail;

pub use ahead::Ahead;

use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};

use crate::core::command::{Command, Effect};
use crate::core::error::{Error, Result};
use crate::core::interrupt::Interrupts;
use crate::core::output::Printer;

/// Executes commands, each in a process group of its own, so that it ends with all its children.
#[derive(Clone)]
pub struct Runner {
    mode: Mode,
    printer: Printer,
    interrupts: Interrupts,
}

/// Where a child's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// To us; both streams.
    Captured,
    /// To the terminal; both streams.
    Inherited,
    /// Standard output to us, standard error to the terminal: for programs that report progress there.
    StdoutCaptured,
}

/// A line that a command wrote while it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// To its standard output.
    Stdout(String),
    /// To its standard error; what it draws over is a line, too.
    Stderr(String),
}

/// How a command ended and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; 128 and the signal's number where a signal ended it, as a shell counts.
    pub code: i32,
    /// Captured standard output.
    pub stdout: String,
    /// The end of captured standard error.
    pub stderr: String,
}

/// A program that outlives this one.
#[derive(Debug)]
pub struct Detached {
    child: Child,
}

#[derive(Clone)]
enum Mode {
    Real,
    DryRun,
    Record(Arc<Recording>),
}

type Answer = Box<dyn Fn(&Command) -> Outcome + Send + Sync>;

struct Recording {
    commands: Mutex<Vec<Command>>,
    answer: Answer,
}

impl Runner {
    /// Executes every command.
    pub fn real(printer: Printer, interrupts: Interrupts) -> Self {
        Self { mode: Mode::Real, printer, interrupts }
    }

    /// Executes what only reads; shows the rest, ready to paste, and takes it as successful.
    pub fn dry_run(printer: Printer, interrupts: Interrupts) -> Self {
        Self { mode: Mode::DryRun, printer, interrupts }
    }

    /// Executes nothing: keeps each command and gives the answer that a test made up.
    pub fn record(printer: Printer, answer: impl Fn(&Command) -> Outcome + Send + Sync + 'static) -> Self {
        let recording = Recording { commands: Mutex::default(), answer: Box::new(answer) };
        Self { mode: Mode::Record(Arc::new(recording)), printer, interrupts: Interrupts::none() }
    }

    /// The same, interrupted by these.
    #[must_use]
    pub fn interrupted_by(mut self, interrupts: Interrupts) -> Self {
        self.interrupts = interrupts;
        self
    }

    /// Whether changes are only shown.
    pub fn is_dry_run(&self) -> bool {
        matches!(self.mode, Mode::DryRun)
    }

    /// The commands so far, of a recording runner.
    pub fn recorded(&self) -> Vec<Command> {
        match &self.mode {
            Mode::Record(recording) => {
                recording.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            Mode::Real | Mode::DryRun => Vec::new(),
        }
    }

    /// What interrupts the commands.
    pub fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// Runs to the end. An exit code other than 0 is no error here: the caller knows what it means.
    ///
    /// It is an error when the program cannot be started, does not end in time, or is interrupted.
    pub fn run(&self, command: &Command, streams: Streams) -> Result<Outcome> {
        match &self.mode {
            Mode::Record(recording) => {
                self.interrupts.check()?;
                recording.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
                let outcome = (recording.answer)(command);
                self.interrupts.check()?;
                Ok(outcome)
            }
            Mode::DryRun if command.effect() == Effect::Changes => {
                self.printer.data(&command.render());
                Ok(Outcome::success(""))
            }
            Mode::Real | Mode::DryRun => {
                self.printer.detail(|| format!("running: {}", command.render()));
                process::run(command, streams, &self.interrupts)
            }
        }
    }

    /// Runs to the end and hands each line on as it is written; of the outcome's streams only the end of standard error is kept.
    pub fn watch(&self, command: &Command, each: &mut dyn FnMut(Said)) -> Result<Outcome> {
        if matches!(self.mode, Mode::Real) || command.effect() == Effect::Reads && self.is_dry_run() {
            self.printer.detail(|| format!("running: {}", command.render()));
            return process::watch(command, &self.interrupts, each);
        }
        let outcome = self.run(command, Streams::Captured)?;
        outcome.stdout.lines().for_each(|line| each(Said::Stdout(line.to_owned())));
        outcome.stderr.lines().for_each(|line| each(Said::Stderr(line.to_owned())));
        Ok(outcome)
    }

    /// Runs to the end, captures both streams, and takes any exit code but 0 as an error.
    pub fn read(&self, command: &Command) -> Result<Outcome> {
        let outcome = self.run(command, Streams::Captured)?;
        outcome.success_of(command)
    }

    /// Runs to the end on the terminal, and takes any exit code but 0 as an error.
    pub fn show(&self, command: &Command) -> Result<()> {
        self.run(command, Streams::Inherited)?.success_of(command).map(|_| ())
    }

    /// Starts a program that outlives us, in its own process group, with both streams in `log`.
    pub fn detach(&self, command: &Command, log: &Path) -> Result<Detached> {
        self.printer.detail(|| format!("starting: {} >> {}", command.render(), log.display()));
        process::detach(command, log).map(|child| Detached { child })
    }
}

impl Outcome {
    /// A made-up success.
    pub fn success(stdout: impl Into<String>) -> Self {
        Self { code: 0, stdout: stdout.into(), stderr: String::new() }
    }

    /// A made-up failure.
    pub fn failure(code: i32, stderr: impl Into<String>) -> Self {
        Self { code, stdout: String::new(), stderr: stderr.into() }
    }

    /// An error where the exit code is not 0, with the last lines of what the program said.
    pub fn success_of(self, command: &Command) -> Result<Self> {
        if self.code == 0 {
            return Ok(self);
        }
        let error = Error::failed(format!("{} ended with exit code {}", command.name(), self.code))
            .cause(format!("command: {}", command.render()));
        let said = last_lines(if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr }, 20);
        Err(if said.is_empty() { error } else { error.cause(said) })
    }
}

impl Detached {
    /// The process, which leads its group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit code, once it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().ok().flatten().map(process::code_of)
    }
}

/// The last `count` lines of a text, without blank ones at its end.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests;
