//! The command lines of the commands that check a running server.
#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are shown on terminals, where backticks only disturb"
)]

use clap::{Args, Subcommand, ValueEnum};

use super::gcp::{AT_ONCE, at_once};
use crate::config::stage::Target;
use crate::core::error::{Error, Result};

/// Arguments of `diagnose`.
#[derive(Debug, Args)]
pub struct Diagnose {
    /// The server's public address [default: the stage's]
    pub url: Option<String>,

    /// The stage with the server's settings: local, self-hosted, dev, staging or prod
    #[arg(long, value_name = "STAGE", default_value_t = Target::Local)]
    pub stage: Target,

    /// Also check the hops behind the sign-in, with the stage's VALIDIBOT_E2E_TOKEN
    #[arg(long)]
    pub token: bool,

    /// Also check the hops behind the sign-in, by signing in with a browser on this machine
    #[arg(long, conflicts_with = "token")]
    pub login: bool,

    /// Validibot's own URL: the licence is then checked, too [default: the stage's]
    #[arg(long, value_name = "URL")]
    pub api: Option<String>,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `test-e2e`.
#[derive(Debug, Args)]
pub struct TestE2e {
    /// The stage: local, self-hosted, dev, staging or prod
    #[arg(long, value_name = "STAGE", default_value_t = Target::Local)]
    pub stage: Target,
}

/// The contract with Validibot.
#[derive(Debug, Subcommand)]
pub enum Contract {
    /// Check that a Validibot still has the endpoints, fields and limits that the server uses
    ///
    /// A checkout is read as text: routes, serializers, settings. A running site is probed, and with --token read. Nothing is
    /// changed. Exit code 2 when a difference breaks the server, 1 when it could not be told.
    #[command(
        after_help = "Examples:\n  cargo xtask contract check ../validibot\n  cargo xtask contract check https://validibot.example.com --version 0.16"
    )]
    Check(ContractCheck),
}

/// Arguments of `contract check`.
#[derive(Debug, Args)]
pub struct ContractCheck {
    /// A checkout of Validibot, or the address of a running site
    #[arg(value_name = "DIR_OR_URL")]
    pub place: String,

    /// The expected contract: 0.15 for the helper API, 0.16 for the REST API alone
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = ValidibotVersion::V015, hide_possible_values = true)]
    pub version: ValidibotVersion,

    /// Also read from the site, with the stage's VALIDIBOT_E2E_TOKEN
    #[arg(long)]
    pub token: bool,

    /// The stage with the token: local, self-hosted, dev, staging or prod
    #[arg(long, value_name = "STAGE", default_value_t = Target::Local)]
    pub stage: Target,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}

/// Versions of Validibot, as far as they differ for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValidibotVersion {
    /// 0.14 and 0.15: the helper API
    #[value(name = "0.15")]
    V015,
    /// 0.16 and later: the REST API alone
    #[value(name = "0.16")]
    V016,
}

impl ValidibotVersion {
    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V015 => "0.15",
            Self::V016 => "0.16",
        }
    }
}

impl std::fmt::Display for ValidibotVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The stage: local, self-hosted, dev, staging or prod; one on Google Cloud may follow the word `gcp`
    #[arg(value_name = "STAGE", default_value = "local", num_args = 1..=2)]
    pub stage: Vec<String>,

    /// Check only the files and this machine, not the cloud
    #[arg(long)]
    pub offline: bool,

    /// Maximum concurrent gcloud reads
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    pub at_once: usize,

    /// Output JSON
    #[arg(long)]
    pub json: bool,
}

impl Doctor {
    /// The stage of the command line, as one word or as `gcp` and a stage.
    pub fn target(&self) -> Result<Target> {
        let words: Vec<&str> = self.stage.iter().map(String::as_str).collect();
        let (word, cloud) = match words[..] {
            ["gcp", word] => (word, true),
            [word] => (word, false),
            _ => ("", false),
        };
        match word.parse::<Target>() {
            Ok(target) if !cloud || matches!(target, Target::GoogleCloud(_)) => Ok(target),
            Ok(_) => Err(Error::usage(format!("'{word}' is not a stage on Google Cloud"))
                .hint("write dev, staging or prod")),
            Err(hint) => Err(Error::usage(format!("'{}' is not a stage", words.join(" "))).hint(hint)),
        }
    }
}
