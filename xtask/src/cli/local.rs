//! The command line of `local`.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::live::ValidibotVersion;

/// The web application's port in Validibot's own recipes.
pub const WEB_PORT: u16 = 8000;

/// The MCP server's port in Validibot's own recipes, reserved for it.
pub const MCP_PORT: u16 = 8001;

/// The local stack.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Start the stack, or update the running one
    ///
    /// Starts a stand-in Validibot on port 8000 and, with --pro and an open gate, the MCP server on port 8001. Running it
    /// again changes nothing. The first use writes envs/local/.mcp and envs/local/.test with fresh random secrets.
    ///
    /// Both run as processes of this machine, or with --runner docker in containers. If VALIDIBOT_DIR names a Validibot
    /// checkout, containers run that application instead of the stand-in.
    ///
    /// The gate is ENABLE_MCP_SERVER, in the command line's environment or in envs/local/.build.
    #[command(visible_alias = "start")]
    #[command(after_help = "Example:\n  ENABLE_MCP_SERVER=true cargo xtask local up --pro")]
    Up(Up),

    /// Validate a good and a bad sample file through the running stack, and print the findings
    #[command(after_help = "Example:\n  cargo xtask local try")]
    Try(StateDir),

    /// Stop the stack: only the processes or containers that `up` started
    #[command(visible_alias = "stop")]
    Down(StateDir),

    /// Restart every program of the running stack, as it was started
    Restart(Restart),

    /// Rebuild and restart every program, changed or not
    Rebuild(Up),

    /// Show the stack's URLs, demo token and processes
    #[command(visible_alias = "status")]
    Info(Info),

    /// List the stack's programs
    Ps(Ps),

    /// Show the programs' logs; on a terminal in a form for people, elsewhere as they were written
    #[command(after_help = "Example:\n  cargo xtask local logs -f mcp")]
    Logs(Logs),

    /// Stop the stack and remove its logs and state; asks first
    ///
    /// The environment files are kept.
    Clean(Clean),
}

/// Arguments of `local up` and `local rebuild`.
#[derive(Debug, Args)]
pub struct Up {
    /// Run the Pro edition, with the MCP server
    #[arg(long)]
    pub pro: bool,

    /// Run the cloud edition: as --pro, with paid access for agents
    #[arg(long)]
    pub cloud: bool,

    /// Version of Validibot that the stand-in plays: 0.15 with the helper API, 0.16 with the REST API alone
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = ValidibotVersion::V015, hide_possible_values = true)]
    pub validibot: ValidibotVersion,

    /// How to run the programs [default: as the stack runs now, else native; with VALIDIBOT_DIR, docker]
    #[arg(long, value_enum)]
    pub runner: Option<RunnerKind>,

    /// Rebuild the images (native programs are always built)
    #[arg(long)]
    pub build: bool,

    /// Port of the web application; 8001 is reserved for the MCP server
    #[arg(long, value_name = "PORT", default_value_t = WEB_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// Port of the MCP server
    #[arg(long, value_name = "PORT", default_value_t = MCP_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub mcp_port: u16,

    /// Run the programs in this folder natively instead of building them
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Arguments of `local restart`.
#[derive(Debug, Args)]
pub struct Restart {
    /// Run the programs in this folder natively instead of building them
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Arguments of `local info`.
#[derive(Debug, Args)]
pub struct Info {
    /// Output JSON
    #[arg(long)]
    pub json: bool,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Arguments of `local ps`.
#[derive(Debug, Args)]
pub struct Ps {
    /// Output JSON
    #[arg(long)]
    pub json: bool,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Arguments of `local logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Show only this program's log
    #[arg(value_enum)]
    pub program: Option<ProgramName>,

    /// Follow the log until Ctrl-C (exit code 130), or until no program runs
    #[arg(long, short)]
    pub follow: bool,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Arguments of `local clean`.
#[derive(Debug, Args)]
pub struct Clean {
    /// Skip confirmation
    #[arg(long, short)]
    pub yes: bool,

    /// Where the stack keeps its state.
    #[command(flatten)]
    pub state: StateDir,
}

/// Where a local stack keeps its state.
#[derive(Debug, Clone, Args)]
pub struct StateDir {
    /// Folder for process ids and logs; each folder is a separate stack [default: target/local]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
}

/// How the programs of a local stack run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunnerKind {
    /// As processes of this machine, built by cargo
    Native,
    /// As containers, with docker compose
    Docker,
}

/// A program of the local stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgramName {
    /// The web application
    Web,
    /// The MCP server
    Mcp,
}

impl std::fmt::Display for RunnerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Docker => "docker",
        })
    }
}
