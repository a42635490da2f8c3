//! The command line of `self-hosted`.

use clap::{Args, Subcommand};

/// The MCP server beside a Validibot on one's own machine, with docker compose.
#[derive(Debug, Subcommand)]
pub enum SelfHosted {
    /// Start the server, or bring the running one up to its settings
    ///
    /// Reads .build (the gate) and .mcp in envs/production/self-hosted. Validibot itself must run already: the
    /// server joins its Docker network.
    Up(SelfHostedImage),

    /// Stop and remove the server
    Down(SelfHostedProject),

    /// Build the image of these sources; what runs goes on
    Build(SelfHostedImage),

    /// Replace the running server by a new image, once that has proved itself
    ///
    /// The new one is started beside the running one, without its port. Only when it is healthy does it take the
    /// port over; a broken one is thrown away and the running one never notices.
    Update(SelfHostedImage),

    /// List the containers
    Ps(SelfHostedProject),

    /// Show what the server wrote
    Logs(SelfHostedLogs),
}

/// Which installation.
#[derive(Debug, Args)]
pub struct SelfHostedProject {
    /// Name of the compose project; another one is another installation
    #[arg(long, value_name = "NAME", default_value = "validibot-mcp")]
    pub project: String,
}

/// Which installation, and from which image.
#[derive(Debug, Args)]
pub struct SelfHostedImage {
    /// Take this image instead of building one
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Which installation.
    #[command(flatten)]
    pub installation: SelfHostedProject,
}

/// Arguments of `self-hosted logs`.
#[derive(Debug, Args)]
pub struct SelfHostedLogs {
    /// Go on until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,

    /// Which installation.
    #[command(flatten)]
    pub installation: SelfHostedProject,
}
