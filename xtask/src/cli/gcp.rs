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
    /// Make what a first deploy needs: APIs, service account, image repository, secret, permissions, docker login
    ///
    /// Looks first, shows what is there and what will change, asks, and changes only that. What could not be read
    /// is never taken for absent: then nothing is changed.
    #[command(after_help = "Example:\n  cargo xtask gcp setup dev --dry-run")]
    Setup(GcpGated),

    /// Build the image of this commit, push it, and say its digest
    ///
    /// An image of this commit that the registry has already is not built again.
    Build(GcpBuild),

    /// Upload the stage's .mcp when it says something new, and destroy versions that nobody uses
    ///
    /// The difference is shown by name and by a hash that is good for this one look; values are never shown. Kept
    /// are the newest versions (GCP_SECRET_VERSIONS_TO_KEEP) and every one that a revision uses.
    Secrets(GcpGated),

    /// Show what a deploy of this commit would change, field by field; exit code 2 where anything differs
    ///
    /// Compares image, settings, secret version, scaling, probes, ingress, traffic and permissions with what is
    /// there, and what the web application is told about this server. Changes nothing.
    #[command(
        after_help = "Example:\n  cargo xtask gcp plan prod --out plan.json && cargo xtask gcp deploy prod --plan plan.json"
    )]
    Plan(GcpPlan),

    /// Bring this commit into service: a candidate without traffic, its proof, the traffic, the public address
    ///
    /// Shows the plan and asks. Whatever fails, the traffic stays where it was or goes back there, and the message
    /// says in which phase. One deploy at a time: the stage is locked meanwhile. Where nothing differs, nothing is
    /// written, and what serves is proven again.
    Deploy(GcpDeploy),

    /// Deploy the whole fleet of envs/fleet.toml: migration, web, worker, scheduled jobs, MCP server
    ///
    /// Shows one plan for all of it, asks once, and goes from step to step: each is proven before it gets traffic, and
    /// before the next begins. The first failure stops the line and says what is on which version; the same command
    /// goes on from there. Nothing that is as it should be is written. The MCP server is left out, and said to be,
    /// while ENABLE_MCP_SERVER is off.
    #[command(
        after_help = "Examples:\n  VALIDIBOT_DIR=../validibot cargo xtask gcp deploy-all dev --dry-run\n  cargo xtask gcp deploy-all prod --image us-central1-docker.pkg.dev/acme/validibot/validibot-web:1a2b3c4"
    )]
    DeployAll(GcpDeployAll),

    /// Send all traffic back to the revision that served before, or to the one that is named
    ///
    /// Without a revision's name it passes over those that are switched off, unproven, of the commit that serves, or that
    /// were gone back from. One that has not served is proven before it gets traffic; where the public address does not
    /// pass its proof, the traffic returns. The stage is held then: a deploy of an older commit, or of the one that was
    /// gone back from, has to be asked for.
    Rollback(GcpRollback),

    /// List the stage's releases: commit, secret, switch, when, who, order of service, and what became of each
    Releases(GcpLook),

    /// Mark a revision, so that nobody goes back to it, or take a candidate's address away
    #[command(subcommand)]
    Release(GcpRelease),

    /// Say how the stage is: LIVE, MAINTENANCE or PARTIAL, its traffic, image, commit, secret, gate, lock, last deploys
    ///
    /// With --check the exit code says it too: 0 live, 3 in maintenance, 4 partial, 5 not deployed, 1 where a part could
    /// not be read.
    Status(GcpStatus),

    /// The stage's deploy lock
    #[command(subcommand)]
    Lock(GcpLocking),

    /// Close the stage for maintenance, and open it again: MCP server, web service, scheduled jobs, queue
    ///
    /// Everything of the fleet that the stage has, or only the MCP server where that is all. One plan, one confirmation,
    /// one lock; the same command goes on after an interruption. The database stays up.
    #[command(subcommand)]
    Maintenance(GcpMaintenance),

    /// Lead a name to the service through the load balancer: certificate, then way, host rule, ingress
    ///
    /// The certificate is ordered for every name that the load balancer serves and the new one, and stands beside the
    /// old one until it is active. Says which DNS record to make. Once it is active and the name leads to the load
    /// balancer, the same command makes the way, lets only the load balancer in, and takes the old certificate off.
    #[command(after_help = "Example:\n  cargo xtask gcp lb-add prod mcp.example.com --dry-run")]
    LbAdd(GcpLbAdd),

    /// Show what the service has logged, oldest first
    ///
    /// Reads Cloud Logging, which has the last lines of a revision that did not start, too. Times are UTC.
    #[command(
        after_help = "Examples:\n  cargo xtask gcp logs dev -f\n  cargo xtask gcp logs prod --since 1d --severity error"
    )]
    Logs(GcpLogs),

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

/// Arguments of `gcp plan`.
#[derive(Debug, Args)]
pub struct GcpPlan {
    /// The stage
    pub stage: Stage,

    /// Write the plan down, for `gcp deploy --plan`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// What becomes of settings that somebody else has made on the service
    #[command(flatten)]
    pub hands: GcpHands,

    /// Plan although files differ from the commit: for the image that `gcp build --allow-dirty` made
    #[arg(long)]
    pub allow_dirty: bool,

    /// What a closed gate means.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,

    /// How many questions are asked at a time
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,
}

/// Arguments of `gcp deploy`.
#[derive(Debug, Args)]
pub struct GcpDeploy {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// Apply just what this plan says, and nothing where anything has changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    /// What becomes of settings that somebody else has made on the service
    #[command(flatten)]
    pub hands: GcpHands,

    /// Deploy a commit that is older than what serves, or that was gone back from
    #[arg(long)]
    pub yes_older: bool,

    /// Deploy although files differ from the commit: the image that `gcp build --allow-dirty` made
    #[arg(long)]
    pub allow_dirty: bool,

    /// What a closed gate means.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Wait so long for somebody else's lock, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// Arguments of `gcp deploy-all`.
#[derive(Debug, Args)]
pub struct GcpDeployAll {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// What becomes of settings that somebody else has made on the services
    #[command(flatten)]
    pub hands: GcpHands,

    /// Deploy commits that are older than what serves, or that were gone back from
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

    /// An image that is in the registry, instead of building one: the application's, or NAME=IMAGE
    #[arg(long, value_name = "[NAME=]IMAGE")]
    pub image: Vec<String>,

    /// Build although files differ from the commit; the image's tag and label say so
    #[arg(long)]
    pub allow_dirty: bool,

    /// What a closed gate means.
    #[command(flatten)]
    pub gate: GcpGate,

    /// Wait so long for somebody else's lock, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// Arguments of `gcp rollback`.
#[derive(Debug, Args)]
pub struct GcpRollback {
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// The revision, as `gcp releases` names it [default: the last one before that served after a proof]
    pub revision: Option<String>,

    /// Another service of envs/fleet.toml than the MCP server, such as web
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,

    /// Go to a revision that is switched off, was gone back from or is marked as bad
    #[arg(long, requires = "revision")]
    pub anyway: bool,

    /// Leave the traffic there, whatever the proof of the public address says
    #[arg(long)]
    pub stay: bool,

    /// Wait so long for somebody else's lock, such as 90s or 15m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, hide_default_value = true)]
    pub lock_wait: Duration,
}

/// A stage on Google Cloud that is only looked at.
#[derive(Debug, Args)]
pub struct GcpLook {
    /// The stage
    pub stage: Stage,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gcp status`.
#[derive(Debug, Args)]
pub struct GcpStatus {
    /// The stage
    #[command(flatten)]
    pub look: GcpLook,

    /// End with an exit code that says how the stage is
    #[arg(long)]
    pub check: bool,
}

/// The deploy lock.
#[derive(Debug, Subcommand)]
pub enum GcpLocking {
    /// Say who holds the lock, what they are doing, since when, and when it frees itself
    Status(GcpLook),

    /// Take the lock away from whoever holds it, and say whose it was
    ///
    /// A lock frees itself after 15 minutes. Its holder, if it is alive, stops before its next write.
    Break(GcpLock),
}

/// Arguments of `gcp lock break`.
#[derive(Debug, Args)]
pub struct GcpLock {
    /// The stage
    pub stage: Stage,

    /// Show the command, ready to paste, and do not run it
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// gcloud is Python, all processor: on a small machine two at a time take half the time, four no less.
pub(super) const AT_ONCE: usize = 2;

/// More than this only heats the machine: no command asks more questions.
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
    /// The stage and the usual switches.
    #[command(flatten)]
    pub common: GcpStage,

    /// What a closed gate means.
    #[command(flatten)]
    pub gate: GcpGate,

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
