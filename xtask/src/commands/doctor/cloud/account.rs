//! gcloud: whether it is here, who is logged in, and which project it means by itself.

use serde::Deserialize;

use super::super::finding::Finding;
use crate::commands::gcp::settings;
use crate::config::context::Context;
use crate::config::stage::Stage;
use crate::core::error::Result;
use crate::core::runner::Streams;
use crate::tools::engine::on_path;
use crate::tools::gcloud;

/// With one of these, gcloud needs no account of its own.
const LOGINS: [&str; 3] = [
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
];

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    core: Core,
}

#[derive(Default, Deserialize)]
struct Core {
    account: Option<String>,
    project: Option<String>,
}

pub(super) fn examine(context: &Context, stage: Stage) -> Result<Vec<Finding>> {
    let broken = |code, what: String, fix: &str| {
        Ok(vec![Finding::error(code, what, "all commands for Google Cloud use gcloud", "gcloud", fix)])
    };
    if !on_path(&context.environment, "gcloud") {
        let fix = "install it: https://cloud.google.com/sdk/docs/install";
        return broken("no-gcloud", "gcloud is not installed".to_owned(), fix);
    }
    let outcome = context.runner.run(&gcloud::configuration(), Streams::Captured)?;
    if outcome.code != 0 {
        let said = outcome.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        return broken("gcloud-broken", format!("gcloud does not work: {}", said.trim()), "gcloud info");
    }
    // `null` is what gcloud prints where nothing is set.
    let found: Option<Configuration> = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    let core = found.unwrap_or_default().core;
    let set = |name: &&str| context.environment.get(name).is_some_and(|value| !value.is_empty());
    if core.account.is_none() && !LOGINS.iter().any(set) {
        return broken("no-account", "gcloud has no account".to_owned(), "gcloud auth login");
    }
    Ok(other_project(context, stage, core.project).into_iter().collect())
}

/// The tool names its project in every command; what a person types beside it goes to gcloud's own.
fn other_project(context: &Context, stage: Stage, gclouds: Option<String>) -> Option<Finding> {
    let ours = settings::load(context, stage).ok()?.names.project().to_owned();
    let gclouds = gclouds.filter(|project| *project != ours)?;
    let finding = Finding::error(
        "project-differs",
        format!("gcloud's default project is {gclouds}, and {stage} is in {ours}"),
        "this tool passes its project explicitly, but a gcloud command that you type uses the default one",
        "gcloud config get project",
        format!("gcloud config set project {ours}"),
    );
    Some(finding.into_warning())
}
