//! Arguments of `gcp maintenance`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{GcpStage, duration};

/// The stage's two states.
#[derive(Debug, Subcommand)]
pub enum GcpMaintenance {
    /// Close it: nobody reaches it from outside, every tool says that it is not available, nothing calls the worker
    ///
    /// First the MCP server and the web service, then the scheduled jobs and the queue. A deploy while it is closed
    /// leaves it closed.
    On(GcpSwitch),

    /// Open it: web service and worker, the queue and the scheduled jobs, then the MCP server
    ///
    /// The MCP server waits until Validibot says that it is licensed, lets users in, and proves itself. Whatever fails
    /// of that, it is closed again, and the message says what failed.
    Off(GcpReopen),
}

/// What both need.
#[derive(Debug, Args)]
pub struct GcpSwitch {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// Only these steps of the fleet, such as mcp, or web,worker
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Wait so long for somebody else's lock, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// Arguments of `gcp maintenance off`.
#[derive(Debug, Args)]
pub struct GcpReopen {
    /// What both need.
    #[command(flatten)]
    pub switch: GcpSwitch,

    /// Wait so long for Validibot to say that it is licensed
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub license_wait: Duration,
}
