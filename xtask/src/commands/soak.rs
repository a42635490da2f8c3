//! `cargo xtask soak`: the program `validibot-soak`, which speaks HTTP.

use crate::cli::Soak;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// Soaks; an error where the ledger is not clean, or an attack costs members too much.
pub fn soak(context: &Context, args: &Soak) -> Result<()> {
    let seconds = u32::from(args.minutes) * 60;
    let mut command = Command::new(context.cargo())
        .args(["run", "--quiet", "--locked", "--package", "validibot-soak"])
        // What an attack costs is a matter of speed: it is measured on what ships.
        .args(args.attack.then_some("--release"))
        .args(["--", "--seconds", &seconds.to_string()])
        .dir(&context.root)
        .no_deadline();
    if let Some(bug) = &args.bug {
        command = command.args(["--bug", bug]);
    }
    if args.attack {
        command = command.arg("--attack");
    }
    if args.upgrades {
        command = command.arg("--upgrades");
    }
    let outcome = context.runner.run(&command, Streams::Inherited)?;
    if outcome.code == 0 {
        Ok(())
    } else if args.attack {
        Err(Error::failed("the attack slowed down authenticated users: see the table"))
    } else {
        Err(Error::failed("the soak test found faults: see its ledger"))
    }
}
