//! `cargo xtask local`: a whole stack on this machine.

mod checkout;
mod clients;
mod docker;
mod files;
mod info;
mod launch;
mod logs;
mod programs;
mod restart;
mod stack;
mod state;
mod try_out;
mod up;

use std::path::PathBuf;

use crate::cli::{Clean, Local, RunnerKind, StateDir, Up, ValidibotVersion};
use crate::config::context::Context;
use crate::core::ask;
use crate::core::error::{Error, Result};
use crate::tools::engine;
pub use stack::{Ended, Stack, ended, in_containers, running};
use state::State;

/// Does what was asked of the local stack.
pub fn run(context: &Context, task: &Local) -> Result<()> {
    match task {
        Local::Up(args) => start(context, args, up::Restart::WhatChanged),
        Local::Rebuild(args) => start(context, args, up::Restart::Everything),
        Local::Try(args) => try_out::try_out(context, args),
        Local::Down(args) => down(context, args),
        Local::Restart(args) => restart::restart(context, args),
        Local::Info(args) => info::info(context, args),
        Local::Ps(args) => info::ps(context, args),
        Local::Logs(args) => logs::logs(context, args),
        Local::Clean(args) => clean(context, args),
    }
}

/// Starts the stack in the way that was asked for, or else in the one that suits this machine.
fn start(context: &Context, args: &Up, restart: up::Restart) -> Result<()> {
    // Mistakes in the arguments are reported before anything is read.
    up::distinct_ports(args)?;
    let gate = up::gate(context, args)?;
    let folder = state_folder(context, &args.state);
    let state = State::load(&folder)?;
    let running = if docker::Containers::load(&folder)?.is_some() {
        Some(RunnerKind::Docker)
    } else {
        [programs::WEB, programs::MCP].iter().find_map(|name| state.running(name)).map(|_| RunnerKind::Native)
    };
    let checkout = checkout::is_named(context);
    if checkout && args.validibot != ValidibotVersion::V015 {
        return Err(Error::usage("--validibot is for the stand-in")
            .cause(format!(
                "{} names a checkout, which is of its own version",
                envs::deploy::VALIDIBOT_DIR.name
            ))
            .hint("leave --validibot out, or unset the variable"));
    }
    let wanted = match args.runner {
        None if args.bin_dir.is_some() => Some(RunnerKind::Native),
        // A checkout runs only as containers.
        None if checkout && running.is_none() => Some(RunnerKind::Docker),
        wanted => wanted,
    };
    let native = wanted == Some(RunnerKind::Native) || running == Some(RunnerKind::Native);
    if checkout && (native || !engine::is_usable(context)) {
        return Err(Error::usage(format!(
            "{} names a checkout, which runs only in containers",
            envs::deploy::VALIDIBOT_DIR.name
        ))
        .cause(if native {
            "the stack runs natively, or --runner native was given"
        } else {
            "no Docker engine is running"
        })
        .hint("use --runner docker with an engine that answers, or unset it to run the stand-in"));
    }
    match (wanted, running) {
        (Some(wanted), Some(running)) if wanted != running => {
            return Err(Error::failed(format!("the stack is already running with --runner {running}"))
                .hint("stop it first: cargo xtask local down"));
        }
        _ => {}
    }
    // Reported before minutes of compiling, and not after them.
    if let Some(closed) = gate.as_ref().filter(|gate| !gate.open) {
        context.printer.note(&closed.skipped("mcp", up::OPENING));
    }
    match wanted.or(running).unwrap_or(RunnerKind::Native) {
        RunnerKind::Docker => docker::up(context, args, gate.as_ref(), restart),
        RunnerKind::Native => up::up(context, args, gate.as_ref(), restart),
    }
}

/// Stops what `up` started, the MCP server first: it would complain about a web application that is gone.
fn down(context: &Context, args: &StateDir) -> Result<()> {
    let folder = state_folder(context, args);
    let mut state = State::load(&folder)?;
    let mut stopped = usize::from(docker::down(context, &folder)?);
    for name in [programs::MCP, programs::WEB] {
        stopped += usize::from(launch::stop(context, &folder, &mut state, name)?);
    }
    if stopped == 0 {
        context.printer.note("nothing was running");
    }
    Ok(())
}

fn clean(context: &Context, args: &Clean) -> Result<()> {
    let folder = state_folder(context, &args.state);
    if !folder.exists() {
        context.printer.note("there is nothing to remove");
        return Ok(());
    }
    let question = format!("Stop the stack and remove {}?", folder.display());
    if !args.yes && !ask::confirm(&context.printer, &context.runner, &question)? {
        context.printer.note("nothing was changed");
        return Ok(());
    }
    down(context, &args.state)?;
    for file in ["state.json", "containers.json", "web.log", "mcp.log"] {
        let path = folder.join(file);
        // Named one by one: the folder may be one that somebody keeps other things in.
        if path.exists() {
            std::fs::remove_file(&path).map_err(|error| {
                Error::failed(format!("{} cannot be removed", path.display())).cause(error.to_string())
            })?;
        }
    }
    // Stays where it holds anything that is not ours.
    let _ = std::fs::remove_dir(&folder);
    context.printer.note(&format!("removed the logs and the state in {}", folder.display()));
    Ok(())
}

fn state_folder(context: &Context, args: &StateDir) -> PathBuf {
    args.state_dir.clone().unwrap_or_else(|| context.root.join("target/local"))
}
