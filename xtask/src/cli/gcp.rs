//! The command line of `gcp`.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

use clap::{Args, Subcommand};

use crate::stage::Stage;

/// Google Cloud.
#[derive(Debug, Subcommand)]
pub enum Gcp {
    /// Make what a first deploy needs: APIs, service account, image repository, secret, permissions, docker login
    ///
    /// Looks first, shows what is there and what will change, asks, and changes only that. What could not be read
    /// is never taken for absent: then nothing is changed.
    #[command(after_help = "Example:\n  cargo xtask gcp setup dev --dry-run")]
    Setup(GcpStage),

    /// Build the image of this commit, push it, and say its digest
    ///
    /// An image of this commit that the registry has already is not built again.
    Build(GcpBuild),

    /// Upload the stage's .mcp when it says something new, and destroy versions that nobody uses
    ///
    /// The difference is shown by name and by a hash that is good for this one look; values are never shown. Kept
    /// are the newest versions (GCP_SECRET_VERSIONS_TO_KEEP) and every one that a revision uses.
    Secrets(GcpStage),

    /// Run a Google Cloud project on this machine, to rehearse against with the real gcloud
    ///
    /// Prints the environment that leads gcloud there: set it in another shell. Ends with Ctrl-C.
    Emulator(Emulator),
}

/// A stage on Google Cloud, and how to go about changing it.
#[derive(Debug, Args)]
pub struct GcpStage {
    /// The stage
    pub stage: Stage,

    /// Show the commands, ready to paste, and run none that changes anything
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,

    /// How many questions are asked at a time
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,
}

/// gcloud is Python, all processor: on a small machine two at a time take half the time, four no less.
pub(super) const AT_ONCE: usize = 2;

/// More than this only heats the machine: no command asks more questions.
const MOST_AT_ONCE: usize = 16;

pub(super) fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_AT_ONCE).contains(&count) => Ok(count),
        _ => Err(format!("write a number from 1 to {MOST_AT_ONCE}")),
    }
}

/// Arguments of `gcp build`.
#[derive(Debug, Args)]
pub struct GcpBuild {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// Build although files differ from the commit; the image's tag and label say so
    #[arg(long)]
    pub allow_dirty: bool,

    /// Build although the registry has an image of this commit
    #[arg(long)]
    pub rebuild: bool,

    /// Give docker a build argument, NAME=VALUE; never a secret
    #[arg(long, value_name = "NAME=VALUE")]
    pub build_arg: Vec<String>,
}

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
}

/// Figures.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Time `gcp setup` on an empty and on a finished project, beside the same commands one after another
    ///
    /// Runs against an emulated project with the gcloud of this machine; nothing leaves the machine.
    Gcp(BenchGcp),
}

/// Arguments of `bench gcp`.
#[derive(Debug, Args)]
pub struct BenchGcp {
    /// How many questions are asked at a time
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}
