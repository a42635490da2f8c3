//! Arguments of `gcp release`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{GcpStage, duration};

/// What is said of a revision.
#[derive(Debug, Subcommand)]
pub enum GcpRelease {
    /// Mark a revision as bad: a rollback passes over it, and a deploy of its commit has to be asked for
    ///
    /// The traffic stays where it is.
    Bad(GcpMark),

    /// Take such a mark away
    Good(GcpMark),

    /// Take the candidate's address away, of a deploy that has failed or was given up
    ///
    /// The revision stays; nobody reaches it any more.
    Drop(GcpTag),
}

/// A revision.
#[derive(Debug, Args)]
pub struct GcpMark {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub tag: GcpTag,

    /// The revision, as `gcp releases` names it
    pub revision: String,
}

/// A service's candidate.
#[derive(Debug, Args)]
pub struct GcpTag {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// Another service of envs/fleet.toml than the MCP server, such as web
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,

    /// Wait so long for somebody else's lock, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}
