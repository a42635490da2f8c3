//! `local restart`: the running stack once more, as it was started.

use clap::ValueEnum as _;

use super::docker::Containers;
use super::programs::{MCP, WEB};
use super::state::State;
use super::{start, state_folder, up};
use crate::cli::{MCP_PORT, Restart, RunnerKind, Up, ValidibotVersion, WEB_PORT};
use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// Restarts every program. Behind a closed gate a stack with the MCP server stays as it is: half of it is not what was started.
pub(super) fn restart(context: &Context, args: &Restart) -> Result<()> {
    let folder = state_folder(context, &args.state);
    let started = match Containers::load(&folder)? {
        Some(containers) => Some(of_containers(&containers, args)),
        None => of_programs(&State::load(&folder)?, args),
    };
    let started = started.ok_or_else(|| {
        Error::failed("no stack is running")
            .hint("start one: ENABLE_MCP_SERVER=true cargo xtask local up --pro")
    })?;
    if let Some(closed) = up::gate(context, &started)?.filter(|gate| !gate.open) {
        context.printer.note(&closed.skipped("local restart", up::OPENING));
        context.printer.note("the running stack was left as it is");
        return Ok(());
    }
    start(context, &started, up::Restart::Everything)
}

fn of_containers(containers: &Containers, args: &Restart) -> Up {
    Up {
        pro: containers.edition == up::PRO,
        cloud: containers.cloud,
        validibot: version(&containers.validibot),
        runner: Some(RunnerKind::Docker),
        build: false,
        port: containers.web_port,
        mcp_port: containers.mcp_port,
        bin_dir: None,
        state: args.state.clone(),
    }
}

fn version(name: &str) -> ValidibotVersion {
    ValidibotVersion::from_str(name, false).unwrap_or(ValidibotVersion::V015)
}

/// `None` where no program runs.
fn of_programs(state: &State, args: &Restart) -> Option<Up> {
    let port = |name: &str, usual| state.programs.get(name).map_or(usual, |program| program.port);
    let runs = [WEB, MCP].iter().any(|name| state.running(name).is_some());
    runs.then(|| Up {
        pro: state.edition == up::PRO,
        cloud: state.cloud,
        validibot: version(&state.validibot),
        runner: Some(RunnerKind::Native),
        build: false,
        port: port(WEB, WEB_PORT),
        mcp_port: port(MCP, MCP_PORT),
        bin_dir: args.bin_dir.clone(),
        state: args.state.clone(),
    })
}
