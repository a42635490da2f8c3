//! Arguments of commands that the gate lets through.

use clap::Args;

use super::GcpStage;

/// What a closed gate means.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct GcpGate {
    /// Fail with exit code 78 where ENABLE_MCP_SERVER is off or empty, or its file is missing, instead of skipping: for CI
    #[arg(long)]
    pub require_open: bool,
}

/// A stage that is changed only while the gate is open.
#[derive(Debug, Args)]
pub struct GcpGated {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// What a closed gate means.
    #[command(flatten)]
    pub gate: GcpGate,
}
