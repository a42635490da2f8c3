//! The command line. Doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Wrong usage or configuration, as sysexits' `EX_USAGE`; clap is told the same code.
pub const EXIT_USAGE: u8 = 64;

/// The MCP server for Validibot.
///
/// Settings come from the process environment and, underneath it, from the settings file.
#[derive(Debug, Parser)]
#[command(name = "validibot-mcp", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The command; `serve` by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of `serve`, if no subcommand is given.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve MCP (the default).
    Serve(ServeArgs),
    /// Ask a running server on this machine whether it is ready; exit 0 when it is.
    Healthcheck(HealthcheckArgs),
    /// Check every hop between a client, a server and Validibot, and print fixes.
    ///
    /// Chain 1 is from the client to the MCP server, chain 2 from there to Validibot. Nothing is changed. Exit 0 when
    /// every hop passes, 1 when one fails.
    Diagnose(DiagnoseArgs),
    /// Check a running server from outside, as a deploy does before it moves traffic.
    ///
    /// Checks /version, /readyz, the 401 challenge, the metadata where OAuth is on and, with the token in
    /// `VALIDIBOT_E2E_TOKEN`, the handshake and the list of tools. Exit 0 when no check fails, else 1.
    Probe(ProbeArgs),
    /// Check that a running Validibot still has what this server uses of it; changes nothing.
    ///
    /// Exit 0 where nothing breaks this server, 2 where a difference does, 1 where it could not be told.
    Contract(ContractArgs),
    /// Ask Validibot whether it is licensed for MCP; exit 0 when it is, 1 when it is not.
    License(LicenseArgs),
    /// Run a client's workflow against a live server: list, read, validate, wait, findings.
    ///
    /// The token is `VALIDIBOT_E2E_TOKEN`'s. Exit 0 when every step passes, 1 when one fails.
    E2e(E2eArgs),
    /// Validate files through a running server, as an agent does, and print their findings.
    ///
    /// The token is `VALIDIBOT_E2E_TOKEN`'s. Exit 0 when every file passes, 2 when one does not, 1 when one could not be
    /// validated.
    Validate(ValidateArgs),
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The file of settings underneath the process environment; it may be missing.
    #[arg(long, value_name = "FILE", default_value = "/secrets/.env")]
    pub settings: PathBuf,
}

/// Arguments of `healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The port that the server listens on [default: PORT, else 8080].
    #[arg(long)]
    pub port: Option<u16>,
}

/// Arguments of `contract`.
#[derive(Debug, Args)]
pub struct ContractArgs {
    /// Validibot's own address.
    pub url: String,
    /// The expected contract: 0.15 for the helper API, 0.16 for the REST API alone.
    #[arg(long, value_name = "VERSION", default_value = "0.15", value_parser = ["0.15", "0.16"])]
    pub version: String,
    /// Also read, with the token in `VALIDIBOT_E2E_TOKEN`.
    #[arg(long)]
    pub token: bool,
    /// Output JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `license`.
#[derive(Debug, Args)]
pub struct LicenseArgs {
    /// Validibot's own address [default: `VALIDIBOT_API_BASE_URL`].
    #[arg(long, value_name = "URL")]
    pub api: Option<String>,
    /// Retry for this many seconds until it is licensed.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub wait: u64,
}

/// Arguments of `probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The server's address, with or without /mcp.
    pub url: String,
    /// The commit that /version has to name.
    #[arg(long, value_name = "SHA")]
    pub expect_commit: Option<String>,
    /// Output JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `diagnose`.
#[derive(Debug, Args)]
pub struct DiagnoseArgs {
    /// The server's public address, with or without /mcp.
    pub url: String,
    /// Also check the hops behind the sign-in, with the token in `VALIDIBOT_E2E_TOKEN`.
    #[arg(long)]
    pub token: bool,
    /// Also check the hops behind the sign-in, by signing in with a browser on this machine.
    #[arg(long, conflicts_with = "token")]
    pub login: bool,
    /// Validibot's own URL: the licence is then checked, too [default: `VALIDIBOT_API_BASE_URL`].
    #[arg(long, value_name = "URL")]
    pub api: Option<String>,
    /// Output JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `e2e`.
#[derive(Debug, Args)]
pub struct E2eArgs {
    /// The server's public address, with or without /mcp.
    pub url: String,
    /// The organisation whose workflow is used [default: the first].
    #[arg(long, value_name = "SLUG")]
    pub org: Option<String>,
    /// The workflow that is used [default: the first].
    #[arg(long, value_name = "SLUG")]
    pub workflow: Option<String>,
    /// A file that must pass [default: a few bytes of an accepted type, for which any verdict passes].
    #[arg(long, value_name = "FILE")]
    pub good: Option<PathBuf>,
    /// A file that must fail, with findings.
    #[arg(long, value_name = "FILE")]
    pub bad: Option<PathBuf>,
    /// Write an XML report of the steps, as CI systems read it.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The server's public address, with or without /mcp.
    pub url: String,
    /// The workflow's slug, or its reference.
    #[arg(long, value_name = "WORKFLOW")]
    pub workflow: String,
    /// The organization that the workflow belongs to, where the slug alone names several.
    #[arg(long, value_name = "SLUG")]
    pub org: Option<String>,
    /// The files, each of which starts a run.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}
