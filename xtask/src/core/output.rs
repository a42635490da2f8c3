//! The printer: the one place that writes to the terminal.
//!
//! Standard output carries what a program may read: results, plans, JSON. Standard error carries what people
//! read: steps, warnings, errors. Nothing else in this crate prints.

mod colour;
mod progress;
mod text;
mod tone;

use std::io::{IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::MultiProgress;
use serde::Serialize;

use crate::core::environment::Environment;
use crate::core::error::Error;
pub use colour::ColorChoice;
pub use progress::Progress;
pub use text::{columns, plain, wrap};
pub use tone::Tone;

/// Text for people is wrapped at this width on a wider terminal: longer lines are hard to read.
pub const WIDEST: usize = 100;

/// Writes for programs and for people. Clones write to the same place.
#[derive(Clone)]
pub struct Printer {
    sinks: Arc<Mutex<Sinks>>,
    style: Style,
    /// A line for each thing that goes on, below whatever else is written.
    bars: MultiProgress,
}

/// What the command line says about messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Colours or none.
    pub color: ColorChoice,
    /// Say more.
    pub verbose: bool,
    /// Say only what is wrong.
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Style {
    stdout: Look,
    stderr: Look,
    live: bool,
    verbose: bool,
    quiet: bool,
}

/// How one stream shows a text.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    colour: bool,
    /// In columns; none where it is no terminal.
    width: Option<usize>,
}

enum Sinks {
    Terminal,
    Captured { stdout: Vec<u8>, stderr: Vec<u8> },
}

#[derive(Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

impl Printer {
    /// Writes to the terminal. `CI` means lines that stay, in the place of one that moves.
    pub fn terminal(environment: &Environment, wishes: Wishes) -> Self {
        let Wishes { color, verbose, quiet } = wishes;
        let set = |name| environment.get(name).is_some_and(|value| !value.is_empty());
        let moves = std::io::stderr().is_terminal() && environment.get("TERM") != Some("dumb");
        let look = |terminal: bool, stream: std::io::Result<std::os::fd::OwnedFd>| Look {
            colour: color.decide(environment, terminal),
            width: terminal.then(|| width(stream)).flatten(),
        };
        let stdout = look(std::io::stdout().is_terminal(), std::io::stdout().as_fd().try_clone_to_owned());
        let stderr = look(std::io::stderr().is_terminal(), std::io::stderr().as_fd().try_clone_to_owned());
        let live = moves && !set("CI") && !verbose && !quiet;
        Self::new(Sinks::Terminal, Style { stdout, stderr, live, verbose, quiet })
    }

    /// Keeps everything, for tests.
    pub fn captured() -> Self {
        let sinks = Sinks::Captured { stdout: Vec::new(), stderr: Vec::new() };
        Self::new(sinks, Style::default())
    }

    fn new(sinks: Sinks, style: Style) -> Self {
        Self { sinks: Arc::new(Mutex::new(sinks)), style, bars: MultiProgress::new() }
    }

    /// Whether a person reads the results: otherwise another program does, or they go into a file.
    pub fn results_are_on_a_terminal(&self) -> bool {
        let terminal = matches!(*self.sinks.lock().unwrap_or_else(PoisonError::into_inner), Sinks::Terminal);
        terminal && std::io::stdout().is_terminal()
    }

    /// Whether a person reads the messages.
    pub fn messages_are_on_a_terminal(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Whether messages for people have colours.
    pub fn messages_have_colours(&self) -> bool {
        self.style.stderr.colour
    }

    /// How wide a result may be: the terminal's width, and [`WIDEST`] at most and where there is none.
    pub fn width(&self) -> usize {
        self.style.stdout.width.unwrap_or(WIDEST).min(WIDEST)
    }

    /// A result: one or more lines on standard output, as they are.
    pub fn data(&self, text: &str) {
        self.write(Stream::Stdout, text);
    }

    /// A result for people, wrapped where it is on a terminal.
    pub fn report(&self, text: &str) {
        self.write(Stream::Stdout, &wrapped(text, self.style.stdout));
    }

    /// A result as JSON. The value carries a `schema_version`: scripts depend on it from the first day.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(&text),
            Err(error) => self.error(&Error::failed("the result has no JSON form").cause(error.to_string())),
        }
    }

    /// A message for people; `--quiet` leaves it out.
    pub fn note(&self, text: &str) {
        if !self.style.quiet {
            self.message(text);
        }
    }

    /// A question: it is asked however quiet the program is, and the answer stands behind it.
    pub fn question(&self, text: &str) {
        let text = text::clean(&wrapped(text, self.style.stderr), self.style.stderr.colour);
        self.put_beside_bars(Stream::Stderr, &format!("{text} "));
    }

    /// Something that is wrong but did not stop the command, with what to do.
    pub fn warn(&self, text: &str) {
        self.message(&format!("{} {text}", Tone::Careful.paint("warning:")));
    }

    /// The error that ends the program.
    pub fn error(&self, error: &Error) {
        let text = error.to_string();
        let text = text.replace("\nhint:", &format!("\n{}", Tone::Hint.paint("hint:")));
        self.message(&format!("{} {text}", Tone::Bad.paint("error:")));
    }

    /// What another program says is wrong: a text that it has wrapped itself.
    pub fn as_said(&self, text: &str) {
        self.write(Stream::Stderr, text);
    }

    /// What is wrong with a command line, as clap says it, and what may be meant.
    pub fn usage_error(&self, text: &str, hints: &[String]) {
        self.as_said(text);
        for hint in hints {
            self.message(&format!("{} {hint}", Tone::Hint.paint("hint:")));
        }
    }

    /// Something for `--verbose` only.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.style.verbose {
            self.message(&text());
        }
    }

    /// Shows what the program waits for until the returned value is dropped.
    pub fn progress(&self, text: &str) -> Progress {
        if self.style.quiet {
            Progress::hidden(self, text)
        } else if self.style.live {
            Progress::moving(self, &self.bars, text)
        } else {
            Progress::lines(self, text, progress::SIGN_OF_LIFE)
        }
    }

    /// The same, for what takes a moment: a line that only a person at a terminal sees, while it lasts.
    pub fn glance(&self, text: &str) -> Progress {
        if self.style.live { self.progress(text) } else { Progress::hidden(self, text) }
    }

    /// What was captured from standard output.
    pub fn stdout(&self) -> String {
        self.text(Stream::Stdout)
    }

    /// What was captured from standard error.
    pub fn stderr(&self) -> String {
        self.text(Stream::Stderr)
    }

    fn message(&self, text: &str) {
        self.write(Stream::Stderr, &wrapped(text, self.style.stderr));
    }

    fn text(&self, stream: Stream) -> String {
        match (&*self.sinks.lock().unwrap_or_else(PoisonError::into_inner), stream) {
            (Sinks::Captured { stdout, .. }, Stream::Stdout) => String::from_utf8_lossy(stdout).into_owned(),
            (Sinks::Captured { stderr, .. }, Stream::Stderr) => String::from_utf8_lossy(stderr).into_owned(),
            (Sinks::Terminal, _) => String::new(),
        }
    }

    fn write(&self, stream: Stream, text: &str) {
        let look = match stream {
            Stream::Stdout => self.style.stdout,
            Stream::Stderr => self.style.stderr,
        };
        let mut line = text::clean(text, look.colour);
        if !line.ends_with('\n') {
            line.push('\n');
        }
        self.put_beside_bars(stream, &line);
    }

    fn put_beside_bars(&self, stream: Stream, text: &str) {
        if self.style.live {
            self.bars.suspend(|| self.put(stream, text));
        } else {
            self.put(stream, text);
        }
    }

    fn put(&self, stream: Stream, line: &str) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe (`… | head`) is the reader's choice, not our failure.
        let _ = match (&mut *sinks, stream) {
            (Sinks::Terminal, Stream::Stdout) => std::io::stdout().lock().write_all(line.as_bytes()),
            (Sinks::Terminal, Stream::Stderr) => std::io::stderr().lock().write_all(line.as_bytes()),
            (Sinks::Captured { stdout, .. }, Stream::Stdout) => stdout.write_all(line.as_bytes()),
            (Sinks::Captured { stderr, .. }, Stream::Stderr) => stderr.write_all(line.as_bytes()),
        };
    }
}

fn width(stream: std::io::Result<std::os::fd::OwnedFd>) -> Option<usize> {
    terminal_size::terminal_size_of(stream.ok()?).map(|(width, _)| usize::from(width.0))
}

fn wrapped(text: &str, look: Look) -> String {
    look.width.map_or_else(|| text.to_owned(), |width| wrap(text, width.min(WIDEST)))
}

#[cfg(test)]
mod tests;
