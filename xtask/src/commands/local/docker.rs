//! The local stack as containers.

use std::path::{Path, PathBuf};

use envs::{oauth, server};
use serde::{Deserialize, Serialize};

use super::checkout::{self, Checkout};
use super::programs::{Layout, MCP, WEB};
use super::{files, state_folder, up};
use crate::artifact::image::{self, Program, Purpose, Revision};
use crate::cli::Up;
use crate::commands::log_line;
use crate::config::context::Context;
use crate::config::env::EnvFile;
use crate::config::gate::Gate;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::{Streams, last_lines};
use crate::core::secret::hex;
use crate::tools::compose::Project;
use crate::tools::engine::{self, Compose};

/// The images of the local stack.
pub(super) const SERVER_IMAGE: &str = "validibot-mcp:local";
const SANDBOX_IMAGE: &str = "validibot-sandbox:local";

/// How long the containers may take until they are healthy. Ours need a second; a Validibot checkout migrates its
/// database first.
const HEALTHY_WITHIN_SECONDS: u64 = 300;

/// How much of the logs an error shows.
const LOG_LINES: u32 = 20;

/// The stack that was last started from a state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Containers {
    /// The compose project.
    pub(super) project: String,
    /// `community` or `pro`.
    pub(super) edition: String,
    /// Whether agents may pay, as in Validibot's cloud.
    #[serde(default)]
    pub(super) cloud: bool,
    /// The version that the stand-in plays, as it is typed; empty in a state of before there were several.
    #[serde(default)]
    pub(super) validibot: String,
    /// The web application's port on this machine.
    pub(super) web_port: u16,
    /// The MCP server's port on this machine.
    pub(super) mcp_port: u16,
    /// Whether the web application is a checkout's, which does not know the stand-in's token.
    #[serde(default)]
    pub(super) real: bool,
}

/// One container, as `compose ps` prints it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    /// `web` or `mcp`.
    pub(super) service: String,
    /// `running`, `exited` and so on.
    pub(super) state: String,
}

/// Brings the containers to where they should be.
pub(super) fn up(context: &Context, args: &Up, gate: Option<&Gate>, restart: up::Restart) -> Result<()> {
    let with_mcp = gate.is_some_and(|gate| gate.open);
    let compose = engine::examine(context)?.map_err(|trouble| {
        trouble.into_error().hint("or run the programs without docker: --runner native")
    })?;
    let folder = state_folder(context, &args.state);
    let running = running(context, compose, &folder)?;
    up::free_ports(args, with_mcp, |port| running.contains(&port))?;

    files::ensure(context)?;
    let settings = files::read(context)?;
    let layout = Layout {
        sandbox: PathBuf::new(),
        server: PathBuf::new(),
        web_port: args.port,
        mcp_port: args.mcp_port,
        edition: up::edition(args),
        version: args.validibot,
        paid_access: args.cloud,
    };
    let checkout = Checkout::find(context)?;
    let own = checkout.as_ref().map(|checkout| checkout.own(context, compose, args)).transpose()?;
    let anew = restart == up::Restart::Everything;
    if checkout.is_none() {
        images(context, Program::Sandbox, SANDBOX_IMAGE, args.build || anew)?;
    }
    if with_mcp {
        images(context, Program::Server, SERVER_IMAGE, args.build || anew)?;
    }
    let files = compose_files(context, args, checkout.as_ref());
    let name = project_name(args.state.state_dir.as_deref(), checkout.is_some());
    let mut project = project(Project { compose, name, files, variables: Vec::new() }, &layout, &settings)?;
    if let Some(own) = &own {
        agree(&mut project, own, &layout);
    }
    let containers = Containers {
        project: project.name.clone(),
        edition: layout.edition.to_owned(),
        cloud: layout.paid_access,
        validibot: args.validibot.name().to_owned(),
        web_port: args.port,
        mcp_port: args.mcp_port,
        real: checkout.is_some(),
    };
    // Before anything starts: whatever goes wrong afterwards, `down` and `logs` know of it.
    containers.save(&folder)?;
    if !with_mcp {
        if running.contains(&args.mcp_port) {
            context.printer.note(up::TAKEN_AWAY);
        }
        context.runner.read(&project.remove(MCP))?;
    }
    let there = running.contains(&args.port) && (!with_mcp || running.contains(&args.mcp_port));
    let progress = context.printer.progress(if there && !anew {
        "the containers are already running: restarting what has changed"
    } else {
        "starting the containers"
    });
    let outcome = context
        .runner
        .run(&project.up(with_mcp, anew, HEALTHY_WITHIN_SECONDS), Streams::Captured)
        .map_err(|error| match error.exit() {
            // Compose leaves what it has started.
            Exit::Interrupted => {
                error.hint("what was started keeps running; to stop it: cargo xtask local down")
            }
            _ => error,
        })?;
    drop(progress);
    if outcome.code != 0 {
        let logs = context.runner.run(&project.logs(None, false, Some(LOG_LINES)), Streams::Captured)?;
        return Err(not_started(&outcome.stderr, &logs.stdout, checkout.as_ref()));
    }
    let token = match checkout {
        None => up::Token::Demo(settings.api_token.expose()),
        Some(_) => up::Token::OneOfYours,
    };
    context.printer.data(&up::summary(&layout, gate, token));
    Ok(())
}

/// Why the containers do not run, by what compose said and what they wrote.
fn not_started(said: &str, logs: &str, checkout: Option<&Checkout>) -> Error {
    let said = last_lines(said, 5);
    let pulls =
        ["failed to resolve", "pull access denied", "manifest unknown", "TLS handshake", "no such host"];
    let error = if pulls.iter().any(|words| said.contains(words)) {
        Error::failed("an image that the stack needs cannot be pulled")
    } else if said.contains("env file") && said.contains("not found") {
        let folder = checkout.map(|checkout| checkout.folder().display().to_string()).unwrap_or_default();
        Error::failed("an environment file of the checkout is missing")
            .hint(format!("copy it from {folder}/.envs.example to {folder}/.envs and fill it in"))
    } else {
        Error::failed("the containers did not become healthy")
    };
    error
        .cause(said)
        .cause(logs.trim())
        .hint("the whole log: cargo xtask local logs; to clean up: cargo xtask local down")
}

/// Stops the containers; `true` where there were any.
pub(super) fn down(context: &Context, folder: &Path) -> Result<bool> {
    let Some(containers) = Containers::load(folder)? else { return Ok(false) };
    let project = containers.project(engine::require(context)?);
    context.runner.read(&project.down())?;
    Containers::forget(folder)?;
    context.printer.note(&format!("stopped the containers of {}", containers.project));
    Ok(true)
}

impl Containers {
    /// What was started from here; `None` where nothing was.
    pub(super) fn load(folder: &Path) -> Result<Option<Self>> {
        let path = path(folder);
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Error::failed(format!("{} cannot be read", path.display()))
                .cause(error.to_string())
                .hint("remove the containers by hand (docker compose ls shows them), then the file")
        })
    }

    /// Its containers, stopped ones too.
    pub(super) fn list(&self, context: &Context, compose: Compose) -> Result<Vec<Container>> {
        let outcome = context.runner.read(&self.project(compose).ps())?;
        Ok(outcome.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The project by its name alone.
    pub(super) fn project(&self, compose: Compose) -> Project {
        Project { compose, name: self.project.clone(), files: Vec::new(), variables: Vec::new() }
    }

    fn save(&self, folder: &Path) -> Result<()> {
        let path = path(folder);
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text)).map_err(|error| {
            Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
        })
    }

    fn forget(folder: &Path) -> Result<()> {
        std::fs::remove_file(path(folder)).map_err(|error| {
            Error::failed(format!("{} cannot be removed", path(folder).display())).cause(error.to_string())
        })
    }
}

impl Container {
    /// Whether it runs.
    pub(super) fn is_running(&self) -> bool {
        self.state == "running"
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("containers.json")
}

/// The ports of our own containers that run.
fn running(context: &Context, compose: Compose, folder: &Path) -> Result<Vec<u16>> {
    let Some(containers) = Containers::load(folder)? else { return Ok(Vec::new()) };
    let port = |name: &str| if name == MCP { containers.mcp_port } else { containers.web_port };
    let list = containers.list(context, compose)?;
    Ok(list.iter().filter(|container| container.is_running()).map(|c| port(&c.service)).collect())
}

/// The compose files, the base first.
fn compose_files(context: &Context, args: &Up, checkout: Option<&Checkout>) -> Vec<PathBuf> {
    // Ours stand in the workspace, wherever the environment files are.
    let ours = |name: &str| context.root.join("envs/local").join(name);
    if let Some(checkout) = checkout {
        return checkout.files(args).into_iter().chain([ours("compose.validibot.yaml")]).collect();
    }
    let pro = args.pro || args.cloud;
    let mut files = vec![
        (true, ours("compose.yaml")),
        (pro, ours("compose.pro.yaml")),
        (args.cloud, ours("compose.cloud.yaml")),
    ];
    files.retain(|(wanted, _)| *wanted);
    files.into_iter().map(|(_, file)| file).collect()
}

/// An image that is there is used, as compose does it; one of another commit is not used silently.
fn images(context: &Context, program: Program, tag: &str, anew: bool) -> Result<()> {
    let there = if anew { None } else { image::commit_of(context, tag)? };
    let Some(commit) = there else {
        return image::build(context, program, Purpose::Local, &[tag.to_owned()]);
    };
    let ours = Revision::of(context)?.commit;
    if commit != ours {
        context
            .printer
            .warn(&format!("{tag} was built from {commit}, this tree is {ours}: --build rebuilds it"));
    }
    Ok(())
}

fn project(mut project: Project, layout: &Layout, settings: &files::Settings) -> Result<Project> {
    if let Some(file) = EnvFile::read(&settings.mcp_file)? {
        project.hand_over(&file);
    }
    project.set("VALIDIBOT_WEB_PORT", layout.web_port.to_string());
    project.set("VALIDIBOT_MCP_PORT", layout.mcp_port.to_string());
    project.set("VALIDIBOT_WEB_URL", layout.web_url());
    project.set("VALIDIBOT_WEB_VERSION", layout.version.name());
    project.set(server::MCP_BASE_URL.name, layout.mcp_base_url(settings));
    project.set_secret(server::SERVICE_KEY.name, settings.service_key.clone());
    project.set_secret(envs::sandbox::API_TOKEN.name, settings.api_token.clone());
    if let Some(secret) = &settings.client_secret {
        project.set_secret(oauth::CLIENT_SECRET.name, secret.clone());
        project.set_secret(envs::sandbox::CLIENT_SECRET.name, secret.clone());
    }
    Ok(project)
}

/// The server and a checkout's web application are told the same: where that has a value of its own, the server takes it.
fn agree(project: &mut Project, own: &checkout::Own, layout: &Layout) {
    project.set("VALIDIBOT_WEB_ISSUER", own.site_url.clone().unwrap_or_else(|| layout.web_url()));
    if let Some(key) = &own.service_key {
        project.set_secret(server::SERVICE_KEY.name, key.clone());
    }
    if let Some(secret) = &own.client_secret {
        project.set_secret(oauth::CLIENT_SECRET.name, secret.clone());
        project.set_secret(envs::sandbox::CLIENT_SECRET.name, secret.clone());
    }
}

/// Another state folder is another stack.
fn project_name(state_dir: Option<&Path>, real: bool) -> String {
    let Some(folder) = state_dir else {
        return if real { checkout::PROJECT } else { "validibot-mcp-local" }.to_owned();
    };
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let digest = hmac_sha256::Hash::hash(folder.as_os_str().as_encoded_bytes());
    format!("validibot-mcp-local-{}", hex(&digest[..4]))
}

/// Shows the containers' logs.
pub(super) fn logs(
    context: &Context,
    containers: &Containers,
    only: Option<&str>,
    follow: bool,
) -> Result<()> {
    let project = containers.project(engine::require(context)?);
    match only.filter(|_| !context.printer.results_are_on_a_terminal()) {
        Some(service) => context.runner.show(&project.raw_logs(service, follow)),
        None => log_line::show(context, &project.logs(only, follow, None)),
    }
}

/// Whether `web` and `mcp` run.
pub(super) fn states(context: &Context, containers: &Containers) -> Result<[bool; 2]> {
    let list = containers.list(context, engine::require(context)?)?;
    Ok([WEB, MCP]
        .map(|name| list.iter().any(|container| container.service == name && container.is_running())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_s_stack_has_the_name_of_its_own_recipes() {
        assert_eq!(project_name(None, true), "validibot");
        assert_eq!(project_name(None, false), "validibot-mcp-local");
        let other = project_name(Some(Path::new("/elsewhere")), true);
        assert!(other.starts_with("validibot-mcp-local-"), "{other}");
    }

    #[test]
    fn why_a_stack_does_not_start_is_told_apart() {
        let first = |said: &str| not_started(said, "", None).to_string().lines().next().unwrap().to_owned();
        assert_eq!(
            first("Error response from daemon: failed to resolve reference \"docker.io/library/redis:7\""),
            "an image that the stack needs cannot be pulled"
        );
        assert_eq!(
            first("env file /x/.envs/.local/.django not found: stat /x/.envs/.local/.django: no such file"),
            "an environment file of the checkout is missing"
        );
        assert_eq!(first("container web is unhealthy"), "the containers did not become healthy");
    }
}
