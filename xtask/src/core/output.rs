//! The printer: the one place that writes to the terminal.
//!
//! Standard output carries what a program may read: results, plans, JSON. Standard error carries what people
//! read: steps, warnings, errors. Nothing else in this crate prints.

use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::core::environment::Environment;
use crate::core::error::Error;

/// Writes for programs and for people. Clones write to the same place.
#[derive(Clone)]
pub struct Printer {
    sinks: Arc<Mutex<Sinks>>,
    style: Style,
    /// A line for each thing that goes on, below whatever else is written.
    bars: MultiProgress,
}

/// A line that moves while something goes on, on a terminal, and stays there with the time that it took; elsewhere it is written
/// once, when it begins.
#[must_use]
pub struct Progress {
    live: Option<(ProgressBar, Printer)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Style {
    colour: bool,
    live: bool,
    verbose: bool,
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

/// A text without what a terminal would obey or would not show: much of what is written comes from other programs and
/// servers. Line ends and tabs stay, and colours where there may be any.
fn clean(text: &str, colour: bool) -> String {
    let foul = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(foul) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        // `ESC [ 1 ; 31 m` and `ESC [ 0 m`: only the look of what follows (ECMA-48, 8.3.117).
        let style =
            found.strip_prefix("\x1b[").and_then(|style| style.find(|c: char| !matches!(c, '0'..='9' | ';')));
        let style = style.map(|end| end + 2).filter(|end| colour && found[*end..].starts_with('m'));
        let length = style.map_or_else(|| found.chars().next().map_or(0, char::len_utf8), |end| end + 1);
        out.push_str(if style.is_some() { &found[..length] } else { "\u{fffd}" });
        rest = &found[length..];
    }
    out + rest
}

impl Printer {
    /// Writes to the terminal. `NO_COLOR` (no-color.org) and `TERM=dumb` are respected; `CI` means plain lines.
    pub fn terminal(environment: &Environment, verbose: bool) -> Self {
        let set = |name| environment.get(name).is_some_and(|value| !value.is_empty());
        let terminal = std::io::stderr().is_terminal() && environment.get("TERM") != Some("dumb");
        let style =
            Style { colour: terminal && !set("NO_COLOR"), live: terminal && !set("CI") && !verbose, verbose };
        Self::new(Sinks::Terminal, style)
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

    /// A result: one or more lines on standard output.
    pub fn data(&self, text: &str) {
        self.write(Stream::Stdout, text);
    }

    /// A result as JSON. The value carries a `schema_version`: scripts depend on it from the first day.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(&text),
            Err(error) => self.error(&Error::failed("the result has no JSON form").cause(error.to_string())),
        }
    }

    /// A message for people.
    pub fn note(&self, text: &str) {
        self.write(Stream::Stderr, text);
    }

    /// Something that is wrong but did not stop the command, with what to do.
    pub fn warn(&self, text: &str) {
        self.note(&format!("{} {text}", self.paint("33", "warning:")));
    }

    /// The error that ends the program.
    pub fn error(&self, error: &Error) {
        let text = error.to_string();
        let text = text.replace("\nhint:", &format!("\n{}", self.paint("36", "hint:")));
        self.note(&format!("{} {text}", self.paint("31", "error:")));
    }

    /// Something for `--verbose` only.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.style.verbose {
            self.note(&text());
        }
    }

    /// Shows what the program waits for until the returned value is finished or dropped.
    pub fn progress(&self, text: &str) -> Progress {
        if !self.style.live {
            self.note(text);
            return Progress { live: None };
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(clean(text, false));
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress { live: Some((bar, self.clone())) }
    }

    /// The same, for what takes a moment: a line that only a person at a terminal sees, while it lasts.
    pub fn glance(&self, text: &str) -> Progress {
        if self.style.live { self.progress(text) } else { Progress { live: None } }
    }

    /// What was captured from standard output.
    pub fn stdout(&self) -> String {
        self.text(Stream::Stdout)
    }

    /// What was captured from standard error.
    pub fn stderr(&self) -> String {
        self.text(Stream::Stderr)
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.style.colour { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn text(&self, stream: Stream) -> String {
        match (&*self.sinks.lock().unwrap_or_else(PoisonError::into_inner), stream) {
            (Sinks::Captured { stdout, .. }, Stream::Stdout) => String::from_utf8_lossy(stdout).into_owned(),
            (Sinks::Captured { stderr, .. }, Stream::Stderr) => String::from_utf8_lossy(stderr).into_owned(),
            (Sinks::Terminal, _) => String::new(),
        }
    }

    fn write(&self, stream: Stream, text: &str) {
        let mut line = clean(text, self.style.colour);
        if !line.ends_with('\n') {
            line.push('\n');
        }
        if self.style.live {
            self.bars.suspend(|| self.put(stream, &line));
        } else {
            self.put(stream, &line);
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

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((bar, printer)) = self.live.take() {
            bar.finish_and_clear();
            printer.note(&format!("{}  {} s", bar.message(), bar.elapsed().as_secs()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_say_cannot_drive_the_terminal() {
        let printer = Printer::captured();
        printer.note("a\u{1b}]52;c;AAAA\u{7}b\u{1b}[2Jc\u{9b}d\u{202e}e\r\n\tf\u{1b}[1;31mg");
        let seen = "a\u{fffd}]52;c;AAAA\u{fffd}b\u{fffd}[2Jc\u{fffd}d\u{fffd}e\n\tf\u{fffd}[1;31mg\n";
        assert_eq!(printer.stderr(), seen);
        assert_eq!(
            clean("\u{1b}[1;31merror:\u{1b}[0m \u{1b}[2J", true),
            "\u{1b}[1;31merror:\u{1b}[0m \u{fffd}[2J"
        );
    }

    #[test]
    fn a_terminal_keeps_what_was_done() {
        let sinks = Sinks::Captured { stdout: Vec::new(), stderr: Vec::new() };
        let printer = Printer::new(sinks, Style { live: true, ..Style::default() });
        let progress = printer.progress("web: moving the traffic");
        assert_eq!(printer.stderr(), "", "it moves in place meanwhile");
        drop(progress);
        assert_eq!(printer.stderr(), "web: moving the traffic  0 s\n");
    }

    #[test]
    fn results_and_remarks_go_their_own_ways_and_plain_text_has_no_escapes() {
        let printer = Printer::captured();
        printer.data("result");
        printer.json(&serde_json::json!({"schema_version": 1}));
        printer.warn("careful");
        printer.error(&Error::failed("broken").hint("mend it"));
        drop(printer.progress("waiting for web"));
        printer.detail(|| "only when verbose".to_owned());
        assert_eq!(printer.stdout(), "result\n{\n  \"schema_version\": 1\n}\n");
        assert_eq!(printer.stderr(), "warning: careful\nerror: broken\nhint: mend it\nwaiting for web\n");
    }
}
