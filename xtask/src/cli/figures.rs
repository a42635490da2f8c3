//! The command line of figures.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

use clap::{Args, Subcommand};

use super::BenchGcp;

/// Figures: of the server, or of one of the tools.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "WHAT",
    subcommand_help_heading = "Others"
)]
pub struct Bench {
    /// Of the server, where nothing else is named.
    #[command(flatten)]
    pub server: BenchServer,

    /// Something else.
    #[command(subcommand)]
    pub other: Option<BenchOther>,
}

/// Arguments of `bench` itself.
#[derive(Debug, Args)]
pub struct BenchServer {
    /// How often each figure is taken
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,

    /// Calls in each round
    #[arg(long, value_name = "COUNT", default_value_t = 12_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub calls: u32,

    /// Put the tables into docs/performance.md as well
    #[arg(long)]
    pub keep: bool,
}

/// Figures of something else.
#[derive(Debug, Subcommand)]
pub enum BenchOther {
    /// Time `gcp setup` on an empty and on a finished project, and a repeat deploy beside the recipe's
    ///
    /// Runs against an emulated project with the gcloud of this machine; nothing leaves the machine.
    Gcp(BenchGcp),
}

/// Arguments of `soak`.
#[derive(Debug, Args)]
pub struct Soak {
    /// How many minutes of traffic
    #[arg(value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub minutes: u16,

    /// Measure what an attack costs members instead: so many minutes in quiet, and as many beside all that strangers can
    /// hold on to at once, on one instance
    #[arg(long, conflicts_with = "bug")]
    pub attack: bool,

    /// Make a mistake on purpose, to see that it is found: dropped-answer or leaked-descriptor
    #[arg(long, value_name = "BUG", value_parser = ["dropped-answer", "leaked-descriptor"])]
    pub bug: Option<String>,
}

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// The target, a file of fuzz/fuzz_targets; all of them where none is named
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,

    /// How long, for each target
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,

    /// Plant a panic in the target, to see that it is found
    #[arg(long)]
    pub planted: bool,
}
