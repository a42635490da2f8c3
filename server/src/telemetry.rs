//! Logs: for people on a terminal, Cloud Logging's JSON otherwise; always on standard error.

mod cloud;
pub(crate) mod hops;
mod lines;
pub mod metrics;
pub(crate) mod trace;

use std::fmt;
use std::io::{IsTerminal as _, Stderr, Write as _};

use tracing::Level;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt as layer};

use self::cloud::CloudFormat;
use self::lines::Lines;
use crate::base::clean::{Clean, short_debug};

/// No field of a line is longer: some of them quote what was sent.
const MAX_FIELD_BYTES: usize = 1024;

/// Lets the last lines of log out when it is dropped.
#[must_use = "the log ends with it"]
pub struct Log(Lines<Stderr>);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Installs the process's subscriber.
pub fn install(level: Level) -> Log {
    // rmcp logs three lines a request at INFO, and whole requests, files included, at DEBUG: never below WARN. Its service
    // quotes at WARN what was asked for: names of methods, and references of workflows and runs.
    // The HTTP crates log headers at TRACE.
    let filter = Targets::new()
        .with_default(level.min(Level::INFO))
        .with_target("validibot_mcp", level)
        .with_target("rmcp", Level::WARN.min(level))
        .with_target("rmcp::service", Level::ERROR);
    let stderr = std::io::stderr();
    if stderr.is_terminal() {
        let lines =
            Lines::new(stderr, |missing| format!("{missing} lines of log were dropped: nobody read them\n"));
        let people = layer::layer().with_writer(lines.clone()).with_target(false).fmt_fields(for_people());
        tracing_subscriber::registry().with(people.with_filter(filter)).init();
        Log(lines)
    } else {
        let lines = Lines::new(stderr, cloud::missing);
        let cloud = layer::layer().with_writer(lines.clone()).event_format(CloudFormat).with_filter(filter);
        tracing_subscriber::registry().with(cloud).init();
        Log(lines)
    }
}

/// The sentence, then each field with its name.
fn for_people() -> impl for<'a> FormatFields<'a> {
    let write = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let text = short_debug(value, MAX_FIELD_BYTES);
        match field.name() {
            "message" => write!(writer, "{}", Clean(text)),
            name => write!(writer, "{name}={}", Clean(text)),
        }
    };
    debug_fn(write).delimited(" ")
}

/// Logs panics as one line like everything else. They end the request that they happen in, not the process.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // Not the message: it may quote what was being handled.
        tracing::error!(place, "a panic");
    }));
}

/// Writes sentences to standard error before there is a subscriber, or without one.
pub fn report(text: &dyn fmt::Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "validibot-mcp: {}", Clean(text));
}
