//! The command line of `self-hosted`.

use clap::{Args, Subcommand};

/// The MCP server beside your own Validibot, with docker compose.
#[derive(Debug, Subcommand)]
pub enum SelfHosted {
    /// Start the server, or apply changed settings to the running one
    ///
    /// Reads .build (the gate) and .mcp in envs/production/self-hosted. Validibot itself must already be running: the
    /// server joins its Docker network.
    #[command(visible_alias = "start")]
    Up(SelfHostedImage),

    /// Stop and remove the server
    #[command(visible_alias = "stop")]
    Down(SelfHostedProject),

    /// Restart the server with the image that it has and the settings as they are now
    Restart(SelfHostedProject),

    /// Build the image of these sources; the running server is not affected
    Build(SelfHostedImage),

    /// Start a new image next to the running server, and swap once it is healthy
    ///
    /// The new image is started without the server's port. Once it is healthy, it takes over the port. If it does not
    /// become healthy, it is removed and the running server is left alone.
    Update(SelfHostedImage),

    /// List the containers
    #[command(visible_alias = "status")]
    Ps(SelfHostedProject),

    /// Show the server's log
    Logs(SelfHostedLogs),
}

/// Which installation.
#[derive(Debug, Args)]
pub struct SelfHostedProject {
    /// Name of the compose project; each name is a separate installation
    #[arg(long, value_name = "NAME", default_value = "validibot-mcp")]
    pub project: String,
}

/// Which installation, and from which image.
#[derive(Debug, Args)]
pub struct SelfHostedImage {
    /// Use this image instead of building one; it is pulled if it is not on this machine
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Which installation.
    #[command(flatten)]
    pub installation: SelfHostedProject,
}

/// Arguments of `self-hosted logs`.
#[derive(Debug, Args)]
pub struct SelfHostedLogs {
    /// Follow the log until Ctrl-C (exit code 130)
    #[arg(long, short)]
    pub follow: bool,

    /// Which installation.
    #[command(flatten)]
    pub installation: SelfHostedProject,
}
