//! Cloud Run services, whichever they are: looking, replacing, who may call them, what they wrote.

use std::time::Duration;

use super::{INVOKER, gcloud, read};
use crate::config::stage::Names;
use crate::core::command::Command;

/// The member of a policy that stands for every caller.
const EVERYBODY: &str = "allUsers";

/// Until a revision is up: pulling an image takes seconds, a startup probe at most 240 (Cloud Run's own bound), and
/// gcloud waits for the traffic to move, too.
const ROLLING: Duration = Duration::from_mins(10);

/// How far back a revision's last lines are looked for.
const FRESHNESS: &str = "--freshness=1h";

/// A service, whole.
pub fn describe(names: &Names, service: &str) -> Command {
    read(names, ["run", "services", "describe", service, "--region", names.region()], "json")
}

/// Makes a service what the manifest says, and makes it where it is not there; prints the service as it is then.
///
/// One write, in which everything is stated: no list that a comma breaks, no setting that stays because nobody has
/// mentioned it, and traffic with its tags. gcloud 528 puts the version that it has just read into the manifest: what
/// somebody changes between that read and the write, a second at most, is overwritten.
pub fn replace(names: &Names, manifest: &str) -> Command {
    gcloud(names, ["run", "services", "replace", "-", "--region", names.region(), "--format=json"])
        .stdin_text(manifest)
        .deadline(ROLLING)
}

/// Who may do what with a service.
pub fn policy(names: &Names, service: &str) -> Command {
    read(names, ["run", "services", "get-iam-policy", service, "--region", names.region()], "json")
}

/// Lets everybody call a service.
///
/// Not `run deploy --allow-unauthenticated`: that ends with 0 where it could not.
pub fn open_to_everybody(names: &Names, service: &str) -> Command {
    binding(names, "add-iam-policy-binding", service)
}

/// Takes away that everybody may call a service.
pub fn close_to_everybody(names: &Names, service: &str) -> Command {
    binding(names, "remove-iam-policy-binding", service)
}

/// Switches Cloud Run's IAM check of a service on or off; prints the service afterwards.
///
/// The way to a public service where an organization allows no policy to name everybody
/// (<https://cloud.google.com/run/docs/securing/managing-access#invoker_check>).
pub fn check_invokers(names: &Names, service: &str, check: bool) -> Command {
    let flag = if check { "--invoker-iam-check" } else { "--no-invoker-iam-check" };
    let args = ["run", "services", "update", service, "--region", names.region(), flag, "--format=json"];
    gcloud(names, args).deadline(ROLLING)
}

fn binding(names: &Names, verb: &str, service: &str) -> Command {
    let member = format!("--member={EVERYBODY}");
    let args = ["run", "services", verb, service, "--region", names.region(), &member, "--role", INVOKER];
    gcloud(names, args)
}

/// A service's revisions, whole.
pub fn revisions(names: &Names, service: &str) -> Command {
    read(names, ["run", "revisions", "list", "--service", service, "--region", names.region()], "json")
}

/// One revision, whole.
pub fn describe_revision(names: &Names, revision: &str) -> Command {
    read(names, ["run", "revisions", "describe", revision, "--region", names.region()], "json")
}

/// What a revision wrote last, newest first.
///
/// Not `run services logs read`: gcloud 528 crashes there on lines that are JSON.
pub fn last_lines(names: &Names, revision: &str, count: usize) -> Command {
    let filter = format!(
        "resource.type=\"cloud_run_revision\" AND resource.labels.revision_name=\"{revision}\" \
         AND resource.labels.location=\"{}\"",
        names.region()
    );
    let limit = format!("--limit={count}");
    read(names, ["logging", "read", &filter, &limit, FRESHNESS], "json(textPayload,jsonPayload,severity)")
}

/// The project's number, which is part of its services' addresses.
pub fn project_number(names: &Names) -> Command {
    read(names, ["projects", "describe", names.project()], "value(projectNumber)")
}
