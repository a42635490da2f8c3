//! Arguments of `gcp release`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{GcpStage, duration};

/// Marks and tags of a revision.
#[derive(Debug, Subcommand)]
pub enum GcpRelease {
    /// Mark a revision as bad: rollbacks skip it, and deploying its commit requires --yes-older
    ///
    /// The traffic stays where it is.
    Bad(GcpMark),

    /// Remove that mark
    Good(GcpMark),

    /// Remove the address of a failed deploy's candidate
    ///
    /// The revision stays, without a public address.
    Drop(GcpTag),
}

/// A revision.
#[derive(Debug, Args)]
pub struct GcpMark {
    /// The stage and the common options.
    #[command(flatten)]
    pub tag: GcpTag,

    /// The revision, as `gcp releases` names it
    pub revision: String,
}

/// A service's candidate.
#[derive(Debug, Args)]
pub struct GcpTag {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// Another service of envs/fleet.toml than the MCP server, such as web
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,

    /// Maximum time to wait for a lock that another command holds, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}
