//! The command line: clap types only. Their doc comments are the help that people read.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Deploy and operate Validibot MCP.
///
/// Exit codes: 0 done or nothing to do, 1 failed, 2 changes pending (`plan` only), 64 wrong command line or
/// configuration, 75 somebody else holds the lock, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub struct Cli {
    /// Folder of the environment files [default: envs; or set VALIDIBOT_ENVS_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub envs: Option<PathBuf>,

    /// Say which commands are run
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// What to do; nothing lists the tasks.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Run a whole stack on this machine
    #[command(subcommand)]
    Local(Local),

    /// Check everything: format, lints, tests, dependencies
    Test,

    /// Write the files that come from the table of variables
    Generate(Generate),
}

/// The local stack.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Start the stack, or bring the running one up to date
    ///
    /// Starts a stand-in Validibot on port 8000 and, with --pro and an open gate, the MCP server on port 8001.
    /// Typed again, it changes nothing. The first use writes envs/local/.mcp and envs/local/.test with fresh
    /// random secrets.
    ///
    /// The gate is ENABLE_MCP_SERVER: in the command line's environment, or in envs/local/.build.
    #[command(after_help = "Example:\n  ENABLE_MCP_SERVER=true cargo xtask local up --pro")]
    Up(Up),

    /// Stop the stack: exactly the processes that `up` started
    Down(StateDir),

    /// Show the stack's URLs, demo token and processes
    Info(Info),
}

/// Arguments of `local up`.
#[derive(Debug, Args)]
pub struct Up {
    /// With Pro's features, of which the MCP server is one
    #[arg(long)]
    pub pro: bool,

    /// How the programs run
    #[arg(long, value_enum, default_value_t = RunnerKind::Native)]
    pub runner: RunnerKind,

    /// Port of the web application
    #[arg(long, value_name = "PORT", default_value_t = WEB_PORT)]
    pub port: u16,

    /// Port of the MCP server
    #[arg(long, value_name = "PORT", default_value_t = MCP_PORT)]
    pub mcp_port: u16,

    /// Take the programs from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Arguments of `local info`.
#[derive(Debug, Args)]
pub struct Info {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Where a local stack keeps its state.
#[derive(Debug, Args)]
pub struct StateDir {
    /// Folder for process ids and logs; another one is another stack [default: target/local]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// How the programs of a local stack run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunnerKind {
    /// As processes of this machine, built by cargo
    Native,
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// Write nothing; fail when a file is not as it would be written
    #[arg(long)]
    pub check: bool,
}

/// Where Validibot's own recipes put the web application.
pub const WEB_PORT: u16 = 8000;

/// Where Validibot's own recipes put the MCP server: kept free of anything else.
pub const MCP_PORT: u16 = 8001;
