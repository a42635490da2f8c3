//! Who holds the lock.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::runner::{Outcome, Streams};
use crate::tools::gcloud::{Seen, classify, lock};

/// Whoever holds the lock, as the lock says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Holder {
    /// A random id: the same person may try twice.
    #[serde(skip)]
    pub(super) id: String,
    /// The person and the machine, or the CI run.
    #[serde(rename = "holder")]
    pub(crate) name: String,
    /// What is being done, such as `gcp deploy dev`.
    pub(crate) command: String,
    /// Since when, in RFC 3339.
    pub(crate) since: String,
    /// When it frees itself, in RFC 3339.
    pub(crate) until: String,
    /// The process, as its own machine knows it.
    #[serde(skip)]
    process: String,
    /// The secret's version, for a change that must not meet another.
    #[serde(skip)]
    pub(super) etag: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    create_time: String,
    #[serde(default)]
    expire_time: String,
    etag: String,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(default)]
    id: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    command: String,
    #[serde(default)]
    process: String,
}

impl Holder {
    /// Looks who holds the stage's lock.
    pub(crate) fn read(context: &Context, names: &Names) -> Result<Seen<Self>> {
        let command = lock::describe(names);
        let outcome = context.runner.run(&command, Streams::Captured)?;
        Ok(Self::understand(&command, &outcome))
    }

    /// What the answer to a look says.
    pub(super) fn understand(command: &Command, outcome: &Outcome) -> Seen<Self> {
        let what = "the deploy lock";
        classify(what, command, outcome).understand(what, Self::parse)
    }

    /// Reads the secret's document.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(text).ok()?;
        let said = |text: String| if text.is_empty() { "somebody unnamed".to_owned() } else { text };
        Some(Self {
            id: document.annotations.id,
            name: said(document.annotations.holder),
            command: document.annotations.command,
            process: document.annotations.process,
            since: document.create_time,
            until: document.expire_time,
            etag: document.etag,
        })
    }

    /// In a sentence: `ada on build-1`.
    pub(crate) fn who(&self) -> &str {
        &self.name
    }

    /// Whether its process ran on this machine and is gone.
    pub(super) fn is_gone(&self) -> bool {
        super::process::is_gone(&self.process)
    }

    /// A line for each thing to know.
    pub(crate) fn lines(&self) -> Vec<String> {
        vec![
            format!("holder: {}", self.name),
            format!("doing: {}", self.command),
            format!("since: {}", to_the_second(&self.since)),
            format!("frees itself: {}", to_the_second(&self.until)),
        ]
    }
}

/// RFC 3339 without the fraction that Google writes.
fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(whole, _)| format!("{whole}Z"))
}

/// The etag of a secret that gcloud has just printed.
pub(super) fn etag(stdout: &str) -> Option<String> {
    let document: Value = serde_json::from_str(stdout).ok()?;
    document["etag"].as_str().map(str::to_owned)
}

/// Who runs this command: the CI run where there is one, else the person and the machine.
pub(super) fn myself(context: &Context) -> String {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    let run = (variable("GITHUB_SERVER_URL"), variable("GITHUB_REPOSITORY"), variable("GITHUB_RUN_ID"));
    if let (Some(server), Some(repository), Some(run)) = run {
        return format!("{server}/{repository}/actions/runs/{run}");
    }
    if let Some(job) = variable("CI_JOB_URL") {
        return job.to_owned();
    }
    let person = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or("somebody");
    let machine = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    format!("{person} on {}, process {}", machine.as_deref().unwrap_or("a machine"), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_somebody_made_by_hand_has_a_holder_too() {
        let holder = Holder::parse(r#"{"createTime": "t", "etag": "\"1\"", "name": "x"}"#).unwrap();
        assert_eq!((holder.who(), holder.etag.as_str()), ("somebody unnamed", "\"1\""));
        assert!(Holder::parse("{}").is_none());
        assert_eq!(to_the_second("2026-12-01T16:11:22.123456789Z"), "2026-12-01T16:11:22Z");
        assert_eq!(to_the_second("2026-12-01T16:11:22Z"), "2026-12-01T16:11:22Z");
    }
}
