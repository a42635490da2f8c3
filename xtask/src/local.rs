//! `cargo xtask local`: a whole stack on this machine.

mod clients;
mod files;
mod info;
mod launch;
mod programs;
mod state;
mod up;

pub use info::info;
pub use up::up;

use std::path::PathBuf;

use crate::cli::StateDir;
use crate::context::Context;
use crate::error::Result;
use state::State;

/// Stops what `up` started, the MCP server first: it would complain about a web application that is gone.
pub fn down(context: &Context, args: &StateDir) -> Result<()> {
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

fn state_folder(context: &Context, args: &StateDir) -> PathBuf {
    args.state_dir.clone().unwrap_or_else(|| context.root.join("target/local"))
}
