//! The command line: clap types only. Their doc comments are the help that people read.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

mod figures;
mod gcp;
mod live;
mod local;
mod self_hosted;

use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, Subcommand, ValueHint};

pub use figures::{Bench, BenchOther, BenchServer, Fuzz, Soak};
pub use gcp::{
    BenchGcp, Emulator, EmulatorEngine, Gcp, GcpBuild, GcpDeploy, GcpDeployAll, GcpGate, GcpGated, GcpHands,
    GcpLbAdd, GcpLock, GcpLocking, GcpLogs, GcpLook, GcpMaintenance, GcpMark, GcpPlan, GcpRelease, GcpReopen,
    GcpRollback, GcpStage, GcpStatus, GcpSwitch, GcpTag, Severity,
};
pub use live::{Contract, ContractCheck, Diagnose, Doctor, TestE2e, ValidibotVersion};
pub use local::{
    Clean, Info, Local, Logs, MCP_PORT, ProgramName, Ps, Restart, RunnerKind, StateDir, Up, WEB_PORT,
};
pub use self_hosted::{SelfHosted, SelfHostedImage, SelfHostedLogs, SelfHostedProject};

use crate::config::stage::Target;
use crate::core::output::ColorChoice;

/// The colours of help and usage errors: cargo's.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default().bold());

/// Where the options of every command stand in its help: below its own.
const GLOBAL: &str = "Global options";

/// Deploy and operate Validibot MCP.
///
/// Without a task, it lists the tasks.
///
/// Exit codes: 0 done or nothing to do, 1 failed, 2 changes pending (`plan`) or a contract broken (`contract check`), 64 wrong command line or
/// configuration, 75 another command holds the lock, 78 the gate is closed (`--require-open`), 130 interrupted. With
/// `gcp status --check`: 3 in maintenance, 4 partial, 5 not deployed.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100, styles = STYLES)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Folder of the environment files [default: envs; or set VALIDIBOT_ENVS_DIR]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = GLOBAL)]
    pub envs: Option<PathBuf>,

    /// Show the commands being run
    #[arg(long, short, global = true, help_heading = GLOBAL)]
    pub verbose: bool,

    /// Show only results, warnings, errors and questions
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub quiet: bool,

    /// When to use colours: auto, always or never [default: auto, which respects NO_COLOR and CLICOLOR_FORCE]
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, help_heading = GLOBAL)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub color: ColorChoice,

    /// The task; without one, the tasks are listed.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Run a whole stack on this machine
    #[command(subcommand)]
    Local(Local),

    /// Run the server beside your own Validibot, with docker compose
    #[command(subcommand, alias = "docker-compose")]
    SelfHosted(SelfHosted),

    /// Create, check and explain the environment files
    #[command(subcommand)]
    Env(Env),

    /// Set up and deploy on Google Cloud
    #[command(subcommand)]
    Gcp(Gcp),

    /// Check a stage's files, this machine and the cloud, and print fixes
    ///
    /// Checks the files, values that must be equal here and in the application's .django, programs, the container engine
    /// and ports; for a stage on Google Cloud, with gcloud, also the project, permissions, the secret, the service and its
    /// certificate. Changes nothing. Exit code 1 when it finds an error.
    #[command(after_help = "Example:\n  cargo xtask doctor self-hosted")]
    Doctor(Doctor),

    /// Check every hop between a client, the server and Validibot, and print fixes
    ///
    /// Checks from outside, as a client would, and changes nothing: name, certificate, metadata, registration, sign-in,
    /// and with --token a call that reaches Validibot. Exit code 1 when a hop fails.
    #[command(after_help = "Example:\n  cargo xtask diagnose https://mcp.example.com --token")]
    Diagnose(Diagnose),

    /// Check a Validibot against the contract that the server relies on
    #[command(subcommand)]
    Contract(Contract),

    /// Run a client's workflow against a live server: list, read, validate, wait, findings
    ///
    /// The server and its test user come from the stage's .test file, or from the running local stack. Writes
    /// target/e2e/junit.xml.
    #[command(name = "test-e2e", after_help = "Example:\n  cargo xtask test-e2e --stage staging")]
    TestE2e(TestE2e),

    /// Run all checks: format, lints, tests, dependencies
    ///
    /// Continues after a failure, and lists at the end what failed and what was skipped for a missing program. With
    /// VALIDIBOT_REQUIRE_ALL_TESTS=true a skip is a failure.
    Test,

    /// Measure the server: CPU and instructions per call, memory, start, sizes
    ///
    /// Runs a release build pinned to one processor, with the load generator and a fast stand-in for Validibot on another;
    /// in the same rounds it measures a bare proxy and a plain MCP server. Writes target/bench/report.md and report.json.
    /// Takes several minutes, and two release builds the first time. Linux only.
    #[command(after_help = "Example:\n  cargo xtask bench --rounds 3")]
    Bench(Bench),

    /// Soak-test two instances under mixed traffic with restarts, Validibot outages and key rotation
    ///
    /// Ends with a ledger: every call answered once and correctly, no login lost, memory and open files flat. Exit code 1
    /// if it is not clean. With --attack, every call and sign-in has to succeed, and no 99th percentile may be more than
    /// three times the one without an attack.
    #[command(after_help = "Examples:\n  cargo xtask soak 2\n  cargo xtask soak 2 --attack")]
    Soak(Soak),

    /// Fuzz the server's parsers until one panics or the time limit is reached
    ///
    /// Needs a nightly toolchain and cargo-fuzz. Earlier findings are kept in target/fuzz.
    #[command(after_help = "Example:\n  cargo xtask fuzz jwt --seconds 600")]
    Fuzz(Fuzz),

    /// Run the checks that are too slow for every change, and write docs/verification.md
    ///
    /// Runs the benchmarks, ten minutes of soak test, a minute of each fuzz target, a planted panic and payments on a real
    /// chain, and checks that the image's program is reproducible. Takes an hour or more.
    Verify,

    /// Write the files that are generated from the table of variables
    ///
    /// These are the templates (NAME.example) and docs/configuration.md.
    Generate(Generate),

    /// Print a completion script for a shell
    ///
    /// Shells complete programs, not cargo's aliases: the script is for `alias xtask='cargo xtask'`.
    #[command(
        after_help = "Example, for bash:\n  alias xtask='cargo xtask'\n  source <(cargo xtask completions bash)"
    )]
    Completions(Completions),

    /// Write a man page for each command
    Man(Man),

    /// List the tasks; with `all` each command in one line, with a command its help
    #[command(after_help = "Examples:\n  cargo xtask help all\n  cargo xtask help gcp deploy")]
    Help(Help),
}

impl Task {
    /// Whether it runs until Ctrl-C, which is then the ordinary way to end it.
    pub fn runs_until_interrupted(&self) -> bool {
        match self {
            Self::Local(Local::Logs(args)) => args.follow,
            Self::SelfHosted(SelfHosted::Logs(args)) => args.follow,
            Self::Gcp(Gcp::Logs(args)) => args.follow,
            Self::Gcp(Gcp::Emulator(_)) => true,
            _ => false,
        }
    }
}

/// The environment files.
#[derive(Debug, Subcommand)]
pub enum Env {
    /// Explain a variable: its meaning, the value in force, and the line that sets it
    ///
    /// A secret is shown only as set or not set.
    #[command(after_help = "Example:\n  cargo xtask env explain ENABLE_MCP_SERVER --stage prod")]
    Explain(Explain),

    /// Report every mistake in a stage's files
    ///
    /// Finds lines that cannot be read, unknown and misplaced names, missing and malformed values, remaining placeholders,
    /// and values that differ from the application's .django where both must be equal. Changes nothing.
    Check(StageArg),

    /// Create a stage's files from their templates, with fresh secrets
    ///
    /// An existing file is left as it is. On a terminal it asks for each value that only you know; Enter leaves one for later.
    /// Lists the values that are left to fill in.
    #[command(after_help = "Example:\n  cargo xtask env init self-hosted")]
    Init(Init),
}

/// Arguments of `env explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The variable
    pub name: String,

    /// The stage: local, self-hosted, dev, staging or prod
    #[arg(long, value_name = "STAGE", default_value_t = Target::Local)]
    pub stage: Target,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}

/// A stage, for commands that work on its files.
#[derive(Debug, Args)]
pub struct StageArg {
    /// The stage: local, self-hosted, dev, staging or prod
    #[arg(value_name = "STAGE")]
    pub stage: Target,
}

/// Arguments of `env init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The stage: local, self-hosted, dev, staging or prod
    #[arg(value_name = "STAGE")]
    pub stage: Target,

    /// Ask for nothing
    #[arg(long, short)]
    pub yes: bool,
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// Write nothing; fail if a file is outdated
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `help`.
#[derive(Debug, Args)]
pub struct Help {
    /// A command, or `all`
    #[arg(value_name = "COMMAND")]
    pub words: Vec<String>,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Folder for the pages
    #[arg(value_name = "DIR", default_value = "target/man", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}
