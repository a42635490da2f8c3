//! Arguments of `gcp emulator`.

use clap::{Args, ValueEnum};

/// Arguments of `gcp emulator`.
#[derive(Debug, Args)]
pub struct Emulator {
    /// Port on loopback; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,

    /// The project's id
    #[arg(long, default_value = "demo-proj")]
    pub project: String,

    /// A call that fails: [METHOD] HOST/PATH KIND [xTIMES], such as 'POST *:addVersion 503 x1'
    #[arg(long, value_name = "RULE")]
    pub fail: Vec<String>,

    /// What runs the deployed revisions
    #[arg(long, value_enum, default_value_t = EmulatorEngine::None)]
    pub engine: EmulatorEngine,

    /// Create what the application needs before its first deploy (database, queue, secret), for dev in us-west1
    #[arg(long)]
    pub application: bool,
}

/// What runs the emulated Cloud Run's revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmulatorEngine {
    /// Nothing: every revision is ready at once
    None,
    /// Containers on this machine, from a registry on loopback, beside a stand-in Validibot
    Docker,
}
