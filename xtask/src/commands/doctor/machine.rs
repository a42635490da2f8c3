//! This machine: programs, the container engine, ports, and what became of the local stack.

use envs::{HeldIn, deploy};

use super::finding::{Finding, Severity};
use crate::cli::{MCP_PORT, WEB_PORT};
use crate::commands::env::Checked;
use crate::commands::local;
use crate::config::context::Context;
use crate::config::env::{Environment, Layers};
use crate::config::stage::Target;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::process::port_owner;
use crate::core::runner::Streams;
use crate::tools::engine::{self, EngineError};

/// Checks what the stage's commands need.
pub(super) fn examine(
    context: &Context,
    stage: Target,
    checked: &Checked,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    match stage {
        Target::Local => findings.extend(stack(context)?),
        Target::SelfHosted | Target::GoogleCloud(_) => {
            findings.extend(docker(context)?);
            findings.extend(git(context));
        }
    }
    // Without files nothing is about to be started.
    if stage == Target::SelfHosted && !checked.files.is_empty() {
        findings.extend(published(checked));
        // Without an engine nothing is known of its networks, and that is a finding already.
        if !findings.iter().any(|finding| ["no-docker", "no-engine"].contains(&finding.code)) {
            findings.extend(network(context, checked)?);
        }
    }
    Ok(())
}

/// Programs that have exited, and ports that another program uses.
fn stack(context: &Context) -> Result<Vec<Finding>> {
    let mut findings: Vec<_> = local::ended(context)?
        .into_iter()
        .map(|local::Ended { name, log }| Finding {
            code: "program-ended",
            severity: Severity::Error,
            what: format!("{name} was started and has exited"),
            why: "the MCP server exits when Validibot does not license it, or a setting is wrong; its log has the reason".to_owned(),
            place: log.into(),
            fix: format!("cargo xtask local logs {name}"),
        })
        .collect();
    // Without an engine nothing can be said of containers.
    if local::in_containers(context)? {
        findings.extend(docker(context)?);
    }
    // What runs on these ports is our own stack then.
    if local::running(context)?.is_none() {
        findings.extend(port(WEB_PORT, "the web application", |_| false));
        findings.extend(port(MCP_PORT, "the MCP server", |_| false));
    }
    Ok(findings)
}

/// The port of a self-hosted server, which docker may hold for us already.
fn published(checked: &Checked) -> Option<Finding> {
    let build = checked.files.iter().filter(|(file, _)| *file == HeldIn::Build).map(|(_, file)| file);
    let address = Layers::new(&Environment::default(), build).get(&deploy::PUBLISH)?;
    let number = address.value.expose().trim().rsplit(':').next()?.parse().ok()?;
    let ours = ["docker", "docker-proxy", "com.docker", "containerd"];
    let taken = port(number, "the MCP server", |owner| ours.iter().any(|name| owner.starts_with(name)))?;
    let fix =
        format!("stop that program, or publish elsewhere: {}=127.0.0.1:8002 in .build", deploy::PUBLISH.name);
    Some(Finding { fix, ..taken })
}

/// Validibot's network, which the server joins.
fn network(context: &Context, checked: &Checked) -> Result<Option<Finding>> {
    let build: Vec<_> =
        checked.files.iter().filter(|(file, _)| *file == HeldIn::Build).map(|(_, file)| file).collect();
    let empty = Environment::default();
    let Some(found) = Layers::new(&empty, build).get(&deploy::NETWORK) else { return Ok(None) };
    let name = found.value.expose().trim().to_owned();
    let inspect = Command::new("docker").args(["network", "inspect", &name]).reads();
    let outcome = context.runner.run(&inspect, Streams::Captured)?;
    if outcome.code == 0 || !outcome.stderr.to_lowercase().contains("not found") {
        return Ok(None);
    }
    Ok(Some(Finding::error(
        "no-network",
        format!("there is no Docker network '{name}'"),
        "the server reaches Validibot's web container over Validibot's own network: 'self-hosted up' fails without it",
        found.origin,
        format!(
            "start Validibot; if its network has another name (docker network ls), set {}=… in .build",
            deploy::NETWORK.name
        ),
    )))
}

fn port(number: u16, what_for: &str, is_ours: impl Fn(&str) -> bool) -> Option<Finding> {
    let owner = port_owner(number).filter(|owner| !is_ours(owner))?;
    Some(Finding {
        code: "port-taken",
        severity: Severity::Error,
        what: format!("port {number}, which {what_for} needs, is used by {owner}"),
        why: "the stack does not start".to_owned(),
        place: format!("port {number}").into(),
        fix: "stop that program, or use other ports: cargo xtask local up --port 9000 --mcp-port 9001"
            .to_owned(),
    })
}

/// docker, then its engine, then compose: each needs the one before it.
fn docker(context: &Context) -> Result<Option<Finding>> {
    let Err(trouble) = engine::examine(context)? else { return Ok(None) };
    let (code, what, fix) = match trouble {
        EngineError::NoDocker => (
            "no-docker",
            "docker is not installed".to_owned(),
            "install docker: https://docs.docker.com/engine/install/",
        ),
        EngineError::NoEngine(said) => {
            ("no-engine", format!("the docker engine does not answer: {said}"), "sudo systemctl start docker")
        }
        EngineError::TooOld(what) => {
            ("docker-too-old", what, "upgrade it: https://docs.docker.com/engine/install/")
        }
        EngineError::NoCompose => (
            "no-compose",
            "docker compose is not installed".to_owned(),
            "install the plugin docker-compose-v2",
        ),
    };
    Ok(Some(Finding::error(code, what, "docker builds the images and runs the containers", "docker", fix)))
}

/// The commit of an image comes from git.
fn git(context: &Context) -> Option<Finding> {
    let said = says(context, "git", &["rev-parse", "HEAD"]).err()?;
    Some(Finding::error(
        "no-commit",
        format!("the commit is unknown: {said}"),
        "an image is named after the commit that it was built from",
        context.root.display().to_string(),
        "clone the repository with git: an archive of its files has no commits",
    ))
}

/// What a program says, or why it says nothing.
fn says(context: &Context, program: &str, args: &[&str]) -> std::result::Result<String, String> {
    let command = Command::new(program).args(args).dir(&context.root).reads();
    match context.runner.run(&command, Streams::Captured) {
        Ok(outcome) if outcome.code == 0 => Ok(outcome.stdout),
        Ok(outcome) => Err(outcome.stderr.lines().last().unwrap_or("no reason given").to_owned()),
        Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}
