//! Arguments of `gcp maintenance`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{GcpStage, duration};

/// The stage's two states.
#[derive(Debug, Subcommand)]
pub enum GcpMaintenance {
    /// Close it: no public access, every tool answers SERVICE_UNAVAILABLE, no calls to the worker
    ///
    /// Closes the MCP server and the web service first, then the scheduled jobs and the queue. A deploy meanwhile leaves the
    /// stage closed.
    On(GcpSwitch),

    /// Open it: web service and worker, the queue and the scheduled jobs, then the MCP server
    ///
    /// The MCP server waits until Validibot confirms the licence, is opened, and is verified. If one of these fails, it is
    /// closed again, and the error names what failed.
    Off(GcpReopen),
}

/// Arguments of both.
#[derive(Debug, Args)]
pub struct GcpSwitch {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// Only these steps of the fleet, such as mcp, or web,worker
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Maximum time to wait for a lock that another command holds, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// Arguments of `gcp maintenance off`.
#[derive(Debug, Args)]
pub struct GcpReopen {
    /// Arguments of both.
    #[command(flatten)]
    pub switch: GcpSwitch,

    /// Maximum time to wait for Validibot to confirm the licence
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub license_wait: Duration,
}
