//! `gcp emulator`: a project on loopback, to rehearse against.

use crate::cli::Emulator;
use crate::command::Command;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Runs the emulator until it is interrupted.
pub fn emulator(context: &Context, args: &Emulator) -> Result<()> {
    let mut command = Command::new(context.cargo())
        .args(["run", "--quiet", "--locked", "--package", "validibot-gcp-emulator", "--"])
        .args(["--port", &args.port.to_string(), "--project", &args.project])
        .dir(&context.root)
        .no_deadline();
    for rule in &args.fail {
        command = command.args(["--fail", rule]);
    }
    match context.runner.show(&command) {
        // Ctrl-C is how it is meant to end.
        Err(error) if error.exit() == Exit::Interrupted => {
            context.printer.note("the emulator has ended, and its project with it");
            Ok(())
        }
        ended => ended,
    }
}
