//! The command line. Doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The MCP server for Validibot.
///
/// Settings come from the process environment and, underneath it, from the settings file.
#[derive(Debug, Parser)]
#[command(name = "validibot-mcp", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `serve` where nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of `serve`, where no subcommand is named.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve MCP (the default).
    Serve(ServeArgs),
    /// Ask a running server on this machine whether it is ready; exit 0 when it is.
    Healthcheck(HealthcheckArgs),
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The file of settings underneath the process environment; it may be missing.
    #[arg(long, value_name = "FILE", default_value = "/secrets/.env")]
    pub settings: PathBuf,
}

/// Arguments of `healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The port that the server listens on [default: PORT, else 8080].
    #[arg(long)]
    pub port: Option<u16>,
}
