//! Logs: for people on a terminal, Cloud Logging's JSON otherwise; always on standard error.

mod cloud;
pub(crate) mod hops;
pub mod metrics;
pub(crate) mod trace;

use std::fmt;
use std::io::{IsTerminal as _, Write as _};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt as layer};

use self::cloud::CloudFormat;

/// Installs the process's subscriber.
pub fn install(level: Level) {
    // rmcp logs three lines a request at INFO, and whole requests, files included, at DEBUG: never below WARN.
    // The HTTP crates log headers at TRACE.
    let filter = Targets::new()
        .with_default(level.min(Level::INFO))
        .with_target("validibot_mcp", level)
        .with_target("rmcp", Level::WARN.min(level));
    let stderr = std::io::stderr;
    if stderr().is_terminal() {
        let people = layer::layer().with_writer(stderr).with_target(false).with_filter(filter);
        tracing_subscriber::registry().with(people).init();
    } else {
        let cloud = layer::layer().with_writer(stderr).event_format(CloudFormat).with_filter(filter);
        tracing_subscriber::registry().with(cloud).init();
    }
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
    let _ = writeln!(std::io::stderr(), "validibot-mcp: {text}");
}
