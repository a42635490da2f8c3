//! Arguments of commands that run only while the gate is open.

use clap::Args;

use super::GcpStage;

/// What to do while the gate is closed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct GcpGate {
    /// Fail with exit code 78 instead of skipping if ENABLE_MCP_SERVER is off or empty, or its file is missing: for CI
    #[arg(long)]
    pub require_open: bool,
}

/// A stage that is changed only while the gate is open.
#[derive(Debug, Args)]
pub struct GcpGated {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// What to do while the gate is closed.
    #[command(flatten)]
    pub gate: GcpGate,
}
