//! `cargo xtask env`: what a variable is, what is wrong with a stage's files, and how to begin.

mod check;
mod explain;
mod fill;
pub mod init;
mod neighbour;
mod problem;

pub use check::{Checked, check, examine, file_problems};
pub use explain::explain;
pub use init::init;
pub(crate) use neighbour::read as neighbour_file;
pub use problem::{Fault, Problem};

use envs::{HeldIn, Reader, Variable};

use crate::config::context::Context;
use crate::config::env::{EnvFile, Environment, Layers};
use crate::config::stage::Target;
use crate::core::error::Result;

/// Every file of an environment that exists, in the order in which one beats the other.
fn files(context: &Context, target: Target) -> Result<Vec<(HeldIn, EnvFile)>> {
    let mut files = Vec::new();
    for held_in in target.place().files() {
        if let Some(file) = context.tree.read(target, *held_in)? {
            files.push((*held_in, file));
        }
    }
    Ok(files)
}

/// The layers of one variable: only the files that may hold it, and the process environment only where it
/// reaches the program that reads the variable.
fn layers<'a>(
    variable: &Variable,
    target: Target,
    environment: &'a Environment,
    files: &'a [(HeldIn, EnvFile)],
    nothing: &'a Environment,
) -> Layers<'a> {
    let ours = variable.readers.contains(&Reader::Xtask) || target == Target::Local;
    let held = files.iter().filter(|(held_in, _)| variable.held_in.contains(held_in)).map(|(_, file)| file);
    Layers::new(if ours { environment } else { nothing }, held)
}
