//! `local up`: what should run, what does run, and the difference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use envs::HeldIn;

use super::programs::{Layout, MCP, Program, WEB};
use super::state::State;
use super::{clients, files, launch, state_folder};
use crate::artifact::program::{self, SANDBOX, SERVER};
use crate::cli::{MCP_PORT, Up};
use crate::config::context::Context;
use crate::config::gate::Gate;
use crate::config::stage::Target;
use crate::core::error::{Error, Result};
use crate::core::process::port_owner;

/// What a stack without the server does to one with it.
pub(super) const TAKEN_AWAY: &str =
    "this stops the running MCP server: it is part of a stack with --pro and an open gate";

/// The edition with the server.
pub(super) const PRO: &str = "pro";

/// How the gate of a local stack is opened.
pub(super) const OPENING: &str =
    "ENABLE_MCP_SERVER=true cargo xtask local up --pro, or that line in envs/local/.build";

/// What `up` restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    /// Programs whose file, arguments or settings are not as they were.
    WhatChanged,
    /// Every program.
    Everything,
}

/// Brings the stack to where it should be: starts what is missing, restarts what has changed, leaves the rest.
pub(super) fn up(context: &Context, args: &Up, gate: Option<&Gate>, restart: Restart) -> Result<()> {
    let with_mcp = gate.is_some_and(|gate| gate.open);
    let folder = state_folder(context, &args.state);
    let mut state = State::load(&folder)?;
    let ours =
        |port| [WEB, MCP].iter().any(|name| state.running(name).is_some_and(|running| running.port == port));
    free_ports(args, with_mcp, ours)?;

    files::ensure(context)?;
    let settings = files::read(context)?;
    let built = programs(context, args, with_mcp)?;
    let layout = Layout {
        sandbox: built.get(SANDBOX).cloned().unwrap_or_default(),
        server: built.get(SERVER).cloned().unwrap_or_default(),
        web_port: args.port,
        mcp_port: args.mcp_port,
        edition: edition(args),
        version: args.validibot,
        paid_access: args.cloud,
    };
    let mut wanted = vec![layout.web(&settings)];
    if with_mcp {
        wanted.push(layout.mcp(&settings));
    }
    layout.edition.clone_into(&mut state.edition);
    state.cloud = layout.paid_access;
    args.validibot.name().clone_into(&mut state.validibot);
    if restart == Restart::Everything {
        for name in [MCP, WEB] {
            launch::stop(context, &folder, &mut state, name)?;
        }
    }
    converge(context, &folder, &mut state, &wanted, &settings.mcp_file)?;
    context.printer.data(&summary(&layout, gate, Token::Demo(settings.api_token.expose())));
    Ok(())
}

/// Validibot's cloud is Pro with more on top.
fn pro(args: &Up) -> bool {
    args.pro || args.cloud
}

/// The name of the edition that was asked for.
pub(super) fn edition(args: &Up) -> &'static str {
    if pro(args) { PRO } else { "community" }
}

/// The MCP server's port is kept for it, whether it runs or not.
pub(super) fn distinct_ports(args: &Up) -> Result<()> {
    if args.port == MCP_PORT || args.port == args.mcp_port {
        return Err(Error::usage(format!("port {} is reserved for the MCP server", args.port))
            .hint("choose another port for the web application, such as --port 8000"));
    }
    Ok(())
}

/// Only Pro has the server at all, so only there the gate is asked.
pub(super) fn gate(context: &Context, args: &Up) -> Result<Option<Gate>> {
    if !pro(args) {
        return Ok(None);
    }
    let build = context.tree.read(Target::Local, HeldIn::Build)?;
    Gate::read(&context.environment, build.as_ref()).map(Some)
}

/// Every port that a program needs and another program uses, reported before anything is built or started.
pub(super) fn free_ports(args: &Up, with_mcp: bool, ours: impl Fn(u16) -> bool) -> Result<()> {
    let wanted = [(WEB, args.port), (MCP, args.mcp_port)];
    let wanted = &wanted[..=usize::from(with_mcp)];
    let taken: Vec<_> = wanted
        .iter()
        .filter(|(_, port)| !ours(*port))
        .filter_map(|(name, port)| {
            port_owner(*port).map(|owner| format!("port {port}, needed by {name}, is used by {owner}"))
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(Error::failed("the stack cannot start")
        .causes(taken)
        .hint("stop that program, or use other ports: --port for the web application, --mcp-port for MCP"))
}

/// Builds the programs, or finds them; by name.
fn programs(context: &Context, args: &Up, with_mcp: bool) -> Result<BTreeMap<String, PathBuf>> {
    let names = if with_mcp { vec![SANDBOX, SERVER] } else { vec![SANDBOX] };
    if let Some(folder) = &args.bin_dir {
        return Ok(names.into_iter().map(|name| (name.to_owned(), folder.join(name))).collect());
    }
    program::build(context, &names)
}

/// Stops what should not run or has changed, the last first; then starts what is missing, the first first.
fn converge(
    context: &Context,
    folder: &Path,
    state: &mut State,
    wanted: &[Program],
    settings: &Path,
) -> Result<()> {
    let fingerprints: Vec<_> = wanted.iter().map(|program| program.fingerprint(settings)).collect();
    let kept = |state: &State, name: &str| {
        let index = wanted.iter().position(|program| program.name == name);
        index.is_some_and(|index| {
            state.running(name).is_some_and(|running| running.fingerprint == fingerprints[index])
        })
    };
    let wants_mcp = wanted.iter().any(|program| program.name == MCP);
    if !wants_mcp && state.running(MCP).is_some() {
        context.printer.note(TAKEN_AWAY);
    }
    for name in [MCP, WEB] {
        if !kept(state, name) {
            launch::stop(context, folder, state, name)?;
        }
    }
    let mut started = Vec::new();
    for (program, fingerprint) in wanted.iter().zip(&fingerprints) {
        if kept(state, program.name) {
            context.printer.note(&format!("{} is already running", program.name));
            continue;
        }
        started.push(program.name);
        if let Err(error) = launch::start(context, folder, state, program, fingerprint.clone()) {
            // What was interrupted or failed leaves nothing behind; a second Ctrl-C still ends us.
            context.runner.interrupts().acknowledge();
            for name in started.iter().rev() {
                launch::stop(context, folder, state, name)?;
            }
            return Err(error);
        }
    }
    state.save(folder)
}

/// The API token that clients use.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    /// The stand-in's demo user's.
    Demo(&'a str),
    /// Of a user of a real Validibot, whom only that knows.
    OneOfYours,
}

pub(super) fn summary(layout: &Layout, gate: Option<&Gate>, token: Token<'_>) -> String {
    let web = layout.web_url();
    let stand_in = matches!(token, Token::Demo(_));
    let (token, how_to_get) = match token {
        Token::Demo(token) => (token, token),
        Token::OneOfYours => {
            ("<your API token>", "one of yours: sign in to Validibot and create it in your profile")
        }
    };
    match gate {
        Some(gate) if gate.open => {
            let url = format!("{}/mcp", layout.mcp_url());
            let clients = clients::configurations(&url, token);
            let samples = "\nSee it work, with a good and a bad sample of tests/sandbox/samples:\n  cargo xtask local try\n";
            let next = if stand_in { samples } else { "" };
            format!("web:   {web}\nmcp:   {url}\ntoken: {how_to_get}\n\n{clients}{next}")
        }
        Some(gate) => {
            format!("web:   {web}\ntoken: {how_to_get}\n\n{}\n", gate.skipped("mcp", OPENING))
        }
        None => format!(
            "web:   {web}\ntoken: {how_to_get}\n\nThis is a community stack, which has no MCP server. \
             To include it:\n  ENABLE_MCP_SERVER=true cargo xtask local up --pro\n"
        ),
    }
}
