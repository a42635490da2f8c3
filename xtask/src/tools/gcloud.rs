//! gcloud's command lines, as pure functions that return data, and what its answers mean.

mod answer;
pub mod apis;
mod balancer;
pub mod fleet;
pub mod lock;
mod logging;
mod look;
pub mod run;
mod trouble;

pub use answer::{Advice, Seen, classify};
pub use balancer::{
    add_endpoint_group, add_host_rule, add_path_matcher, create_backend, create_certificate,
    create_endpoint_group, describe_backend, describe_url_map, list_certificates, lock_ingress,
    set_certificates,
};
pub use logging::{Since, read_logs};
pub use look::{
    configuration, describe_address, describe_certificate, describe_endpoint_group, describe_https_proxy,
    endpoint_group,
};
pub use trouble::{Trouble, plainly};

use std::time::Duration;

use crate::config::stage::Names;
use crate::core::command::Command;
use crate::core::secret::Secret;

/// The role that lets the server read its secret.
pub const ACCESSOR: &str = "roles/secretmanager.secretAccessor";

/// The role that lets the server call the web application.
pub const INVOKER: &str = "roles/run.invoker";

/// Enabling an API is a long-running operation on Google's side; minutes for the first one of a project.
const ENABLING: Duration = Duration::from_mins(5);

/// A gcloud command that asks nothing, enables nothing by itself, and prints no request.
///
/// Without the variable, some commands enable an API on their own, also where prompts are off. `--no-log-http`
/// matters where somebody's configuration logs requests: they carry tokens, and the upload carries the secret.
fn gcloud<'a>(names: &'a Names, args: impl IntoIterator<Item = &'a str>) -> Command {
    Command::new("gcloud")
        .args(args)
        .args(["--project", names.project(), "--quiet", "--verbosity=warning", "--no-log-http"])
        .env("CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API", "false")
}

fn read<'a>(names: &'a Names, args: impl IntoIterator<Item = &'a str>, format: &str) -> Command {
    gcloud(names, args).arg(format!("--format={format}")).reads()
}

/// Reads its last flags from standard input, so that gcloud can be started before they are known: it reads them before it
/// does anything, and refuses an empty text (`gcloud topic flags-file`).
fn last_flags(command: Command, flags: &serde_json::Value) -> Command {
    command.arg("--flags-file=-").stdin_text(flags.to_string())
}

/// The APIs that are on, one a line.
pub fn list_apis(names: &Names) -> Command {
    read(names, ["services", "list", "--enabled"], "value(config.name)")
}

/// Turns APIs on.
pub fn enable_apis(names: &Names, apis: &[&str]) -> Command {
    gcloud(names, ["services", "enable"].into_iter().chain(apis.iter().copied())).deadline(ENABLING)
}

/// The server's service account, if it is there: one line or none.
///
/// A listing, because `describe` asks with a wildcard project, where a missing account is answered 403 as well.
pub fn find_account(names: &Names) -> Command {
    let filter = format!("--filter=email={}", names.service_account());
    read(names, ["iam", "service-accounts", "list", &filter], "value(email)")
}

/// Makes the service account.
pub fn create_account(names: &Names) -> Command {
    let (id, display) =
        (names.service_account_id(), format!("--display-name=Validibot MCP ({})", names.stage()));
    gcloud(names, ["iam", "service-accounts", "create", &id, &display])
}

/// The image repository.
pub fn describe_repository(names: &Names) -> Command {
    let repository = names.repository();
    read(names, ["artifacts", "repositories", "describe", &repository, "--location", names.region()], "json")
}

/// Makes the image repository.
pub fn create_repository(names: &Names) -> Command {
    let repository = names.repository();
    let args = ["artifacts", "repositories", "create", &repository, "--repository-format=docker"];
    gcloud(names, args.into_iter().chain(["--location", names.region()]))
}

/// Who may read the secret. It says that the secret exists, too.
pub fn secret_policy(names: &Names) -> Command {
    read(names, ["secrets", "get-iam-policy", &names.secret()], "json")
}

/// Makes the secret, without any version, in the service's region only.
pub fn create_secret(names: &Names) -> Command {
    let (secret, locations) = (names.secret(), format!("--locations={}", names.region()));
    gcloud(names, ["secrets", "create", &secret, "--replication-policy=user-managed", &locations])
}

/// Lets the server read its secret.
pub fn bind_accessor(names: &Names) -> Command {
    let (secret, member) = (names.secret(), member(names));
    let args =
        ["secrets", "add-iam-policy-binding", &secret, &member, "--role", ACCESSOR, "--condition=None"];
    gcloud(names, args)
}

/// The project's roles.
pub fn project_policy(names: &Names) -> Command {
    read(names, ["projects", "get-iam-policy", names.project()], "json")
}

/// Takes the old permission to read every secret of the project away.
pub fn unbind_project_accessor(names: &Names) -> Command {
    let member = member(names);
    let args = ["projects", "remove-iam-policy-binding", names.project(), &member, "--role", ACCESSOR];
    // Without `--condition` gcloud refuses as soon as any binding of the project has one.
    gcloud(names, args.into_iter().chain(["--condition=None"]))
}

/// Who may call the web application.
pub fn web_policy(names: &Names) -> Command {
    let web = names.web_service();
    read(names, ["run", "services", "get-iam-policy", &web, "--region", names.region()], "json")
}

/// Lets the server call the web application.
pub fn bind_invoker(names: &Names) -> Command {
    let (web, member) = (names.web_service(), member(names));
    let args = ["run", "services", "add-iam-policy-binding", &web, "--region", names.region(), &member];
    gcloud(names, args.into_iter().chain(["--role", INVOKER]))
}

/// Lets docker push with gcloud's login. Writes docker's own configuration; calls nothing.
pub fn configure_docker(names: &Names) -> Command {
    gcloud(names, ["auth", "configure-docker", names.registry()])
}

/// The secret's versions, newest first.
pub fn list_versions(names: &Names) -> Command {
    read(names, ["secrets", "versions", "list", &names.secret()], "json(name,state,scheduledDestroyTime)")
}

/// The content of one version. What it prints is secret.
pub fn access_version(names: &Names, version: u64) -> Command {
    let (secret, version) = (format!("--secret={}", names.secret()), version.to_string());
    gcloud(names, ["secrets", "versions", "access", &version, &secret]).reads()
}

/// Adds a version, from standard input; `from` is what a plan shows as its source. Prints the version's name.
pub fn add_version(names: &Names, content: Secret, from: &str) -> Command {
    gcloud(names, ["secrets", "versions", "add", &names.secret(), "--data-file=-"])
        .arg("--format=value(name)")
        .stdin_secret(content, from)
}

/// Destroys the content of one version, for ever.
pub fn destroy_version(names: &Names, version: u64) -> Command {
    let (secret, version) = (format!("--secret={}", names.secret()), version.to_string());
    gcloud(names, ["secrets", "versions", "destroy", &version, &secret])
}

/// Which secrets every revision of a region uses. Only the fields that matter: whole revisions are long.
pub fn list_revision_secrets(names: &Names, region: &str) -> Command {
    let format = "json(metadata.name,spec.volumes,spec.containers)";
    read(names, ["run", "revisions", "list", "--region", region], format)
}

/// Every service of the project, with its region and the secrets that it uses: without a region, gcloud asks for all of them.
pub fn list_service_secrets(names: &Names) -> Command {
    let spec = "spec.template.spec";
    let format = format!("json(metadata.name,metadata.labels,{spec}.volumes,{spec}.containers)");
    read(names, ["run", "services", "list"], &format)
}

/// Which secrets every job of the project uses, wherever it is.
pub fn list_job_secrets(names: &Names) -> Command {
    let spec = "spec.template.spec.template.spec";
    let format = format!("json(metadata.name,{spec}.volumes,{spec}.containers)");
    read(names, ["run", "jobs", "list"], &format)
}

fn member(names: &Names) -> String {
    format!("--member=serviceAccount:{}", names.service_account())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::stage::Stage;
    use crate::core::command::Effect;

    fn names() -> Names {
        Names::new("acme", "us-west1", "validibot", "us-west1-docker.pkg.dev", Stage::Dev)
    }

    #[test]
    fn every_command_is_quiet_and_names_its_project() {
        let names = names();
        expect_test::expect![[r"
            CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API=false gcloud secrets versions add mcp-env-dev --data-file=- --project acme --quiet --verbosity=warning --no-log-http '--format=value(name)' < envs/dev/google-cloud/.mcp"]]
        .assert_eq(&add_version(&names, Secret::new("K=v"), "envs/dev/google-cloud/.mcp").render());
        expect_test::expect![[r"
            CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API=false gcloud projects remove-iam-policy-binding acme --member=serviceAccount:validibot-mcp-dev@acme.iam.gserviceaccount.com --role roles/secretmanager.secretAccessor --condition=None --project acme --quiet --verbosity=warning --no-log-http"]]
        .assert_eq(&unbind_project_accessor(&names).render());
    }

    #[test]
    fn only_what_looks_is_run_in_a_dry_run() {
        let names = names();
        let reads = [
            list_apis(&names),
            find_account(&names),
            describe_repository(&names),
            secret_policy(&names),
            project_policy(&names),
            web_policy(&names),
            list_versions(&names),
            access_version(&names, 1),
            list_revision_secrets(&names, "us-west1"),
            list_service_secrets(&names),
            list_job_secrets(&names),
        ];
        assert!(reads.iter().all(|command| command.effect() == Effect::Reads));
        let changes = [
            enable_apis(&names, &["run.googleapis.com"]),
            create_account(&names),
            create_repository(&names),
            create_secret(&names),
            bind_accessor(&names),
            unbind_project_accessor(&names),
            bind_invoker(&names),
            configure_docker(&names),
            add_version(&names, Secret::new(""), ""),
            destroy_version(&names, 1),
        ];
        assert!(changes.iter().all(|command| command.effect() == Effect::Changes));
    }
}
