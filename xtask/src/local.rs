//! `cargo xtask local`: a whole stack on this machine.

mod clients;
mod files;
mod info;
mod launch;
mod logs;
mod programs;
mod stack;
mod state;
mod up;

use std::path::PathBuf;

use crate::ask;
use crate::cli::{Clean, Local, StateDir};
use crate::context::Context;
use crate::error::{Error, Result};
pub use stack::{Stack, ended, running};
use state::State;

/// Does what was asked of the local stack.
pub fn run(context: &Context, task: &Local) -> Result<()> {
    match task {
        Local::Up(args) => up::up(context, args, up::Restart::WhatChanged),
        Local::Rebuild(args) => up::up(context, args, up::Restart::Everything),
        Local::Down(args) => down(context, args),
        Local::Info(args) => info::info(context, args),
        Local::Ps(args) => info::ps(context, args),
        Local::Logs(args) => logs::logs(context, args),
        Local::Clean(args) => clean(context, args),
    }
}

/// Stops what `up` started, the MCP server first: it would complain about a web application that is gone.
fn down(context: &Context, args: &StateDir) -> Result<()> {
    let folder = state_folder(context, args);
    let mut state = State::load(&folder)?;
    let mut stopped = 0;
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
    if !args.yes && !ask::confirm(context, &question)? {
        context.printer.note("nothing was changed");
        return Ok(());
    }
    down(context, &args.state)?;
    for file in ["state.json", "web.log", "mcp.log"] {
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
