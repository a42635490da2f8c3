//! The command line of measurements.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

use clap::{Args, Subcommand};

use super::BenchGcp;

/// Measurements of the server, or of one of the tools.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "WHAT",
    subcommand_help_heading = "Others"
)]
pub struct Bench {
    /// Arguments for the server, which is measured by default.
    #[command(flatten)]
    pub server: BenchServer,

    /// Something else.
    #[command(subcommand)]
    pub other: Option<BenchOther>,
}

/// Arguments of `bench` itself.
#[derive(Debug, Args)]
pub struct BenchServer {
    /// Number of rounds
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,

    /// Calls in each round
    #[arg(long, value_name = "COUNT", default_value_t = 12_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub calls: u32,

    /// Also write the tables to docs/performance.md
    #[arg(long)]
    pub keep: bool,
}

/// Measurements of something else.
#[derive(Debug, Subcommand)]
pub enum BenchOther {
    /// Time `gcp setup` on an empty and on a complete project, and a repeat deploy against the recipe
    ///
    /// Runs against an emulated project with the gcloud of this machine; nothing leaves the machine.
    Gcp(BenchGcp),
}

/// Arguments of `soak`.
#[derive(Debug, Args)]
pub struct Soak {
    /// Duration in minutes
    #[arg(value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub minutes: u16,

    /// Measure what an attack costs authenticated users instead: MINUTES without one, then MINUTES with strangers that hold
    /// every resource they can, on one instance
    #[arg(long, conflicts_with = "bug")]
    pub attack: bool,

    /// Upgrade Validibot in place, and take it back, every few seconds instead: every call has to be answered correctly
    #[arg(long, conflicts_with = "attack")]
    pub upgrades: bool,

    /// Inject a bug, to check that it is found: dropped-answer or leaked-descriptor
    #[arg(long, value_name = "BUG", value_parser = ["dropped-answer", "leaked-descriptor"])]
    pub bug: Option<String>,
}

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// The target, a file of fuzz/fuzz_targets [default: all]
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,

    /// Seconds for each target
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,

    /// Plant a panic in the target, to check that it is found
    #[arg(long)]
    pub planted: bool,
}
