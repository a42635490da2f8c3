//! `local info`: where the stack is and whether it runs.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::docker::{self, Containers};
use super::programs::{MCP, WEB};
use super::state::State;
use super::{files, state_folder};
use crate::cli::{Info, MCP_PORT, Ps, WEB_PORT};
use crate::config::context::Context;
use crate::core::error::Result;

/// Version of the JSON below. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    runner: &'static str,
    edition: Option<String>,
    mcp_url: String,
    api_url: String,
    api_token: Option<String>,
    #[serde(skip)]
    real: bool,
    programs: Programs,
}

#[derive(Serialize)]
struct Programs {
    web: ProgramReport,
    mcp: ProgramReport,
}

#[derive(Serialize)]
struct ProgramReport {
    running: bool,
    pid: Option<u32>,
    port: u16,
    log: String,
}

/// Prints the stack's URLs, its demo token and its processes.
pub(super) fn info(context: &Context, args: &Info) -> Result<()> {
    let folder = state_folder(context, &args.state);
    let containers = Containers::load(&folder)?;
    let real = containers.as_ref().is_some_and(|containers| containers.real);
    let (runner, edition, Programs { web, mcp }) = if let Some(containers) = containers {
        ("docker", containers.edition.clone(), containers_as_programs(context, &containers)?)
    } else {
        let state = State::load(&folder)?;
        let programs = programs(&state, &folder);
        ("native", state.edition, programs)
    };
    let report = Report {
        schema_version: SCHEMA_VERSION,
        runner,
        edition: Some(edition).filter(|edition| !edition.is_empty()),
        mcp_url: format!("http://localhost:{}/mcp", mcp.port),
        api_url: format!("http://localhost:{}", web.port),
        // For a program on this machine that has to act as the demo user; it is a stand-in's token, which a real Validibot
        // does not know.
        api_token: files::api_token(context)?.filter(|_| !real).map(|token| token.expose().to_owned()),
        real,
        programs: Programs { web, mcp },
    };
    if args.json {
        context.printer.json(&report);
    } else {
        context.printer.data(&text(&report));
    }
    Ok(())
}

/// Lists the programs.
pub(super) fn ps(context: &Context, args: &Ps) -> Result<()> {
    let folder = state_folder(context, &args.state);
    let containers = Containers::load(&folder)?;
    let programs = match &containers {
        Some(containers) => containers_as_programs(context, containers)?,
        None => programs(&State::load(&folder)?, &folder),
    };
    if args.json {
        context.printer.json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "programs": programs }));
        return Ok(());
    }
    let mut text = format!("{:<6} {:<8} {:>8} {:>6}  LOG\n", "NAME", "STATE", "PID", "PORT");
    for (name, program) in [(WEB, &programs.web), (MCP, &programs.mcp)] {
        let state = if program.running { "running" } else { "stopped" };
        let pid = program.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let _ = writeln!(text, "{name:<6} {state:<8} {pid:>8} {:>6}  {}", program.port, program.log);
    }
    context.printer.data(&text);
    Ok(())
}

fn programs(state: &State, folder: &Path) -> Programs {
    let program = |name: &str, port| {
        let running = state.running(name);
        ProgramReport {
            running: running.is_some(),
            pid: running.map(|program| program.identity.pid),
            port: state.programs.get(name).map_or(port, |program| program.port),
            log: folder.join(format!("{name}.log")).display().to_string(),
        }
    };
    Programs { web: program(WEB, WEB_PORT), mcp: program(MCP, MCP_PORT) }
}

/// Containers have no process of ours and no log file: their log is a command.
fn containers_as_programs(context: &Context, containers: &Containers) -> Result<Programs> {
    let [web, mcp] = docker::states(context, containers)?;
    let report = |name: &str, running, port| ProgramReport {
        running,
        pid: None,
        port,
        log: format!("docker compose --project-name {} logs {name}", containers.project),
    };
    Ok(Programs { web: report(WEB, web, containers.web_port), mcp: report(MCP, mcp, containers.mcp_port) })
}

fn text(report: &Report) -> String {
    let line = |name: &str, url: &str, program: &ProgramReport| match program.pid {
        Some(pid) => format!("{name}:   {url} (pid {pid}, log {})\n", program.log),
        None if program.running => format!("{name}:   {url} (log: {})\n", program.log),
        None => format!("{name}:   not running\n"),
    };
    let web = line(WEB, &report.api_url, &report.programs.web);
    let mcp = line(MCP, &report.mcp_url, &report.programs.mcp);
    let none = if report.real {
        "one of yours, from your profile at Validibot"
    } else {
        "none yet: `local up` writes one"
    };
    let token = report.api_token.as_deref().unwrap_or(none);
    format!("{web}{mcp}token: {token}\n")
}
