//! Where a name leads to, as this machine resolves it.

use std::time::Duration;

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::exit::Exit;
use crate::core::runner::Streams;

/// A resolver tries two servers twice, five seconds each (resolv.conf(5)).
const PATIENCE: Duration = Duration::from_secs(25);

/// What the resolver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// To the load balancer.
    There,
    /// Somewhere else, or nowhere.
    Elsewhere(Vec<String>),
    /// It could not be asked.
    Unknown,
}

/// Asks `getent`, which asks as every program of this machine does.
pub(super) fn leads(context: &Context, domain: &str, address: &str) -> Result<Leads> {
    let _progress = context.printer.progress(&format!("resolving {domain}"));
    let command = Command::new("getent").args(["ahosts", domain]).deadline(PATIENCE).reads();
    let outcome = match context.runner.run(&command, Streams::Captured) {
        Ok(outcome) => outcome,
        Err(error) if error.exit() == Exit::Interrupted => return Err(error),
        // A system without it.
        Err(_) => return Ok(Leads::Unknown),
    };
    let mut found: Vec<String> =
        outcome.stdout.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    found.dedup();
    Ok(match outcome.code {
        0 if found.iter().any(|found| found == address) => Leads::There,
        // 2: the name is not found (getent(1)).
        0 | 2 => Leads::Elsewhere(found),
        _ => Leads::Unknown,
    })
}
