//! The command line of `gcp`.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

mod balancer;
mod bench;
mod emulator;
mod gate;
mod hands;
mod logs;
mod maintenance;
mod release;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

pub use balancer::GcpLbAdd;
pub use bench::BenchGcp;
pub use emulator::{Emulator, EmulatorEngine};
pub use gate::{GcpGate, GcpGated};
pub use hands::GcpHands;
pub use logs::{GcpLogs, Severity};
pub use maintenance::{GcpMaintenance, GcpReopen, GcpSwitch};
pub use release::{GcpMark, GcpRelease, GcpTag};

use crate::config::stage::Stage;

/// Google Cloud.
#[derive(Debug, Subcommand)]
pub enum Gcp {
    /// Create what a first deploy needs: APIs, service account, image repository, secret, permissions, docker login
    ///
    /// Reads the current state, shows a plan, asks for confirmation and applies only the difference. If something cannot be
    /// read, nothing is changed.
    #[command(after_help = "Example:\n  cargo xtask gcp setup dev --dry-run")]
    Setup(GcpGated),

    /// Build the image of this commit, push it, and print its digest
    ///
    /// Skips the build if the registry already has an image of this commit.
    Build(GcpBuild),

    /// Upload the stage's .mcp if it has changed, and destroy unused versions
    ///
    /// Shows the difference by variable name and a one-time hash, never by value. Keeps the newest versions
    /// (GCP_SECRET_VERSIONS_TO_KEEP) and every one that a revision uses.
    Secrets(GcpGated),

    /// Show what a deploy of this commit would change, field by field; exit code 2 if anything differs
    ///
    /// Compares image, settings, secret version, scaling, probes, ingress, traffic and permissions with the current state,
    /// and the web application's settings with the server's. Changes nothing.
    #[command(
        after_help = "Example:\n  cargo xtask gcp plan prod --out plan.json && cargo xtask gcp deploy prod --plan plan.json"
    )]
    Plan(GcpPlan),

    /// Deploy this commit: candidate without traffic, checks, traffic switch, public check
    ///
    /// Shows the plan and asks for confirmation. If a phase fails, the traffic stays or is rolled back, and the error names
    /// the phase. The stage is locked during a deploy. If nothing differs, nothing is written, and the serving revision is
    /// verified again.
    Deploy(GcpDeploy),

    /// Deploy the whole fleet of envs/fleet.toml: migration, web, worker, scheduled jobs, MCP server
    ///
    /// Shows one plan, asks once, and runs the steps in order: each is verified before it gets traffic and before the next
    /// one begins. The first failure stops the deploy and reports which service is on which version; re-run the command to
    /// continue. Steps without changes are skipped. While ENABLE_MCP_SERVER is off, the MCP server is skipped with a notice.
    #[command(
        after_help = "Examples:\n  VALIDIBOT_DIR=../validibot cargo xtask gcp deploy-all dev --dry-run\n  cargo xtask gcp deploy-all prod --image us-central1-docker.pkg.dev/acme/validibot/validibot-web:1a2b3c4"
    )]
    DeployAll(GcpDeployAll),

    /// Send all traffic back to the revision that served before, or to a named one
    ///
    /// Without a name it skips revisions that are switched off, unverified, rolled back, or of the commit that serves. A
    /// revision that has never served is verified before it gets traffic; if the public address fails its check, the traffic
    /// returns. Afterwards the stage is held: deploying an older commit, or the one that was rolled back, requires
    /// --yes-older.
    Rollback(GcpRollback),

    /// List the release history: commit, secret, switch, time, author, order of service, outcome
    Releases(GcpLook),

    /// Mark a revision as bad or good, or remove a candidate's address
    #[command(subcommand)]
    Release(GcpRelease),

    /// Show the stage's status: LIVE, MAINTENANCE or PARTIAL, traffic, image, commit, secret, gate, lock, last deploys
    ///
    /// With --check the exit code reports the status: 0 live, 3 in maintenance, 4 partial, 5 not deployed, 1 if a part could
    /// not be read.
    Status(GcpStatus),

    /// Show or break the stage's deploy lock
    #[command(subcommand)]
    Lock(GcpLocking),

    /// Close the stage for maintenance, or open it again: MCP server, web service, scheduled jobs, queue
    ///
    /// Covers every service of the fleet that the stage has. One plan, one confirmation, one lock; re-run the command after
    /// an interruption. The database stays up.
    #[command(subcommand)]
    Maintenance(GcpMaintenance),

    /// Route a host name to the service through the load balancer: certificate, backend, host rule, ingress
    ///
    /// Requests a certificate for all existing names plus the new one, attaches it alongside the old one, and prints the DNS
    /// record to create. Once it is active and the name resolves to the load balancer, re-run the command: it creates the
    /// backend and the host rule, restricts the ingress to the load balancer, and removes the old certificate.
    #[command(after_help = "Example:\n  cargo xtask gcp lb-add prod mcp.example.com --dry-run")]
    LbAdd(GcpLbAdd),

    /// Show the service's logs, oldest first
    ///
    /// Reads Cloud Logging, which includes the last lines of a revision that failed to start. Times are UTC.
    #[command(
        after_help = "Examples:\n  cargo xtask gcp logs dev -f\n  cargo xtask gcp logs prod --since 1d --severity error"
    )]
    Logs(GcpLogs),

    /// Run a Google Cloud project on this machine, to rehearse against with the real gcloud
    ///
    /// Prints the environment variables that point gcloud at it: set them in another shell. Runs until Ctrl-C.
    Emulator(Emulator),
}

/// A stage on Google Cloud, with the options of every command that changes it.
#[derive(Debug, Args)]
pub struct GcpStage {
    /// The stage
    pub stage: Stage,

    /// Print the commands, ready to paste, without running any that changes anything
    #[arg(long)]
    pub dry_run: bool,

    /// Skip confirmation
    #[arg(long, short)]
    pub yes: bool,

    /// Output JSON
    #[arg(long)]
    pub json: bool,

    /// Maximum concurrent gcloud reads
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,
}

/// Arguments of `gcp plan`.
#[derive(Debug, Args)]
pub struct GcpPlan {
    /// The stage
    pub stage: Stage,

    /// Write the plan to a file, for `gcp deploy --plan`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// What to do with settings of other tools and people on the service
    #[command(flatten)]
    pub hands: GcpHands,

    /// Plan even if files differ from the commit: for the image that `gcp build --allow-dirty` built
    #[arg(long)]
    pub allow_dirty: bool,

    /// What to do while the gate is closed.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Output JSON
    #[arg(long)]
    pub json: bool,

    /// Maximum concurrent gcloud reads
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,
}

/// Arguments of `gcp deploy`.
#[derive(Debug, Args)]
pub struct GcpDeploy {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// Apply exactly this plan, or refuse if anything has changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    /// What to do with settings of other tools and people on the service
    #[command(flatten)]
    pub hands: GcpHands,

    /// Deploy a commit that is older than the serving one, or that was rolled back
    #[arg(long)]
    pub yes_older: bool,

    /// Deploy even if files differ from the commit: the image that `gcp build --allow-dirty` built
    #[arg(long)]
    pub allow_dirty: bool,

    /// What to do while the gate is closed.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Maximum time to wait for a lock that another command holds, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// Arguments of `gcp deploy-all`.
#[derive(Debug, Args)]
pub struct GcpDeployAll {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// What to do with settings of other tools and people on the services
    #[command(flatten)]
    pub hands: GcpHands,

    /// Deploy commits that are older than the serving ones, or that were rolled back
    #[arg(long)]
    pub yes_older: bool,

    /// Do not run the migration
    #[arg(long)]
    pub skip_migrate: bool,

    /// Only these steps, in the fleet's own order
    #[arg(long, value_name = "STEP", value_delimiter = ',', conflicts_with = "from")]
    pub only: Vec<String>,

    /// This step and those after it
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,

    /// Use an image from the registry instead of building one: the application's, or NAME=IMAGE
    #[arg(long, value_name = "[NAME=]IMAGE")]
    pub image: Vec<String>,

    /// Build even if files differ from the commit; the image's tag and label report it
    #[arg(long)]
    pub allow_dirty: bool,

    /// What to do while the gate is closed.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Maximum time to wait for a lock that another command holds, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// Arguments of `gcp rollback`.
#[derive(Debug, Args)]
pub struct GcpRollback {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// The revision, as `gcp releases` names it [default: the last one before it that served after verification]
    pub revision: Option<String>,

    /// Another service of envs/fleet.toml than the MCP server, such as web
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,

    /// Allow a revision that is switched off, was rolled back or is marked as bad, and allow it during maintenance
    #[arg(long, requires = "revision")]
    pub anyway: bool,

    /// Leave the traffic there even if the public address fails its check
    #[arg(long)]
    pub stay: bool,

    /// Maximum time to wait for a lock that another command holds, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// A stage on Google Cloud that is only read.
#[derive(Debug, Args)]
pub struct GcpLook {
    /// The stage
    pub stage: Stage,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gcp status`.
#[derive(Debug, Args)]
pub struct GcpStatus {
    /// The stage
    #[command(flatten)]
    pub look: GcpLook,

    /// Report the status as the exit code
    #[arg(long)]
    pub check: bool,
}

/// The deploy lock.
#[derive(Debug, Subcommand)]
pub enum GcpLocking {
    /// Show who holds the lock, with which command, since when, and when it expires
    Status(GcpLook),

    /// Break the lock, and print who held it
    ///
    /// A lock expires after 15 minutes. Its holder, if it is still running, stops before its next write.
    Break(GcpLock),
}

/// Arguments of `gcp lock break`.
#[derive(Debug, Args)]
pub struct GcpLock {
    /// The stage
    pub stage: Stage,

    /// Print the command, ready to paste, without running it
    #[arg(long)]
    pub dry_run: bool,

    /// Skip confirmation
    #[arg(long, short)]
    pub yes: bool,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}

/// gcloud is CPU-bound Python: on two cores two at a time halve the time, and four gain nothing more.
pub(super) const AT_ONCE: usize = 2;

/// No command makes more reads than this.
const MOST_AT_ONCE: usize = 16;

/// Reads `90s`, `15m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 90s, 15m or 1h".to_owned();
    let (number, unit) = text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

pub(super) fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_AT_ONCE).contains(&count) => Ok(count),
        _ => Err(format!("write a number from 1 to {MOST_AT_ONCE}")),
    }
}

/// Arguments of `gcp build`.
#[derive(Debug, Args)]
pub struct GcpBuild {
    /// The stage and the common options.
    #[command(flatten)]
    pub common: GcpStage,

    /// What to do while the gate is closed.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Build even if files differ from the commit; the image's tag and label report it
    #[arg(long)]
    pub allow_dirty: bool,

    /// Build even if the registry has an image of this commit
    #[arg(long)]
    pub rebuild: bool,

    /// Pass a build argument to docker, NAME=VALUE; never a secret
    #[arg(long, value_name = "NAME=VALUE")]
    pub build_arg: Vec<String>,
}
