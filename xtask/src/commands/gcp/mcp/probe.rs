//! The proof of a revision: the image's own `probe`, run here against the address that was given.

use envs::HeldIn;
use serde_json::Value;

use crate::commands::live;
use crate::config::context::Context;
use crate::config::env::Layers;
use crate::config::stage::{Stage, Target};
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::{Streams, last_lines};
use crate::core::secret::Secret;

/// How a server is asked.
pub(crate) struct Probe<'a> {
    context: &'a Context,
    stage: Stage,
    image: String,
    commit: String,
    token: Option<Secret>,
    tools_on: bool,
}

impl<'a> Probe<'a> {
    /// Asks with this image; `commit` is the one that `/version` has to name, empty where nobody knows.
    ///
    /// The token is the stage's own (`VALIDIBOT_E2E_TOKEN`); without one the proof ends at the 401.
    pub(crate) fn new(context: &'a Context, stage: Stage, image: &str, commit: &str) -> Result<Self> {
        let test = context.tree.read(Target::GoogleCloud(stage), HeldIn::Test)?;
        let layers = Layers::new(&context.environment, test.as_ref());
        let token = live::written(&layers, &envs::tests::E2E_TOKEN).map(|found| found.value);
        Ok(Self {
            context,
            stage,
            image: image.to_owned(),
            commit: commit.to_owned(),
            token,
            tools_on: false,
        })
    }

    /// The kill switch is expected to be on: a server whose tools all say that they are not available fails.
    #[must_use]
    pub(crate) fn with_tools_on(self) -> Self {
        Self { tools_on: true, ..self }
    }

    /// An error that names what failed, where anything did.
    pub(crate) fn prove(&self, url: &str) -> Result<()> {
        let command = self.command(url);
        let outcome = self.context.runner.run(&command, Streams::Captured)?;
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
        let checks = report["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
        match outcome.code {
            // An image from before the probe looked at the switch does not say.
            0 if self.tools_on && report["switch"] == "off" => Err(Error::failed(format!(
                "{url} is not fit for traffic"
            ))
            .cause("switch: VALIDIBOT_MCP_ENABLED is off there: every tool says that it is not available")),
            0 => {
                self.context.printer.note(&format!("  {url}: {}", proven(&report)));
                match signed_in(&report) {
                    Some(Ok(())) => {
                        self.context.printer.note("  a sign-in gets as far as Validibot's login page");
                    }
                    Some(Err(reason)) => self.context.printer.warn(&format!(
                        "users cannot sign in at {url}: {reason}; all of the way: cargo xtask diagnose --stage {}",
                        self.stage
                    )),
                    None => {}
                }
                Ok(())
            }
            1 if !checks.is_empty() => {
                let failed = checks.iter().filter(|check| check["status"] == "failed");
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let causes =
                    failed.map(|check| format!("{}: {}", word(&check["name"]), word(&check["detail"])));
                Err(Error::failed(format!("{url} is not fit for traffic")).causes(causes))
            }
            code => Err(Error::failed(format!(
                "{url} could not be proven: the image's probe ended with exit code {code}"
            ))
            .cause(format!("command: {}", command.render()))
            .cause(last_lines(&outcome.stderr, 12))),
        }
    }

    /// The command; the host's network, so that it sees what this machine sees.
    pub(crate) fn command(&self, url: &str) -> Command {
        let token = envs::tests::E2E_TOKEN.name;
        let mut command = Command::new("docker").args(["run", "--rm", "--network", "host", "--read-only"]);
        if let Some(secret) = &self.token {
            command = command.args(["--env", token]).env_secret(token, secret.clone());
        }
        command = command.args([&self.image, "probe", url, "--json"]);
        if !self.commit.is_empty() {
            command = command.args(["--expect-commit", &self.commit]);
        }
        command.reads()
    }
}

fn proven(report: &Value) -> &'static str {
    match report["proven"].as_str() {
        Some("tools") => "proven as far as the list of tools",
        _ => "not proven past 401 (VALIDIBOT_E2E_TOKEN is not set)",
    }
}

/// How a sign-in goes, where the probe has tried one: at the public address. That it does not is a warning and takes no traffic
/// away: it is Validibot's client row that has to be put right.
fn signed_in(report: &Value) -> Option<std::result::Result<(), String>> {
    let sign_in = &report["sign_in"];
    let works = sign_in["works"].as_bool()?;
    Some(if works { Ok(()) } else { Err(sign_in["detail"].as_str().unwrap_or_default().to_owned()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_a_sign_in_goes_is_read_where_one_was_tried() {
        assert_eq!(signed_in(&json!({ "ok": true })), None, "an image from before it was tried");
        assert_eq!(signed_in(&json!({ "sign_in": null })), None);
        assert_eq!(signed_in(&json!({ "sign_in": { "works": true, "detail": "known" } })), Some(Ok(())));
        let refused = json!({ "sign_in": { "works": false, "detail": "the client is not known" } });
        assert_eq!(signed_in(&refused), Some(Err("the client is not known".to_owned())));
    }
}
