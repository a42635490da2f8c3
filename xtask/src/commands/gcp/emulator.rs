//! `gcp emulator`: a project on loopback, to rehearse against.

use crate::cli::{Emulator, EmulatorEngine};
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::exit::Exit;

/// Runs the emulator until it is interrupted.
pub(super) fn emulator(context: &Context, args: &Emulator) -> Result<()> {
    let mut command = command(context, args.port, &args.project);
    if args.engine == EmulatorEngine::Docker {
        command = command.args(["--engine", "docker"]);
    }
    if args.application {
        command = command.arg("--application");
    }
    let built = context.root.join("target/debug/validibot-gcp-emulator").exists();
    let compiled = if built { "" } else { "it is compiled first, which takes minutes; " };
    context.printer.note(&format!("starting the emulator: {compiled}then its environment follows"));
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

/// The program that emulates a project; prints the environment that leads gcloud there, then a remark.
pub(crate) fn command(context: &Context, port: u16, project: &str) -> Command {
    Command::new(context.cargo())
        .args(["run", "--quiet", "--locked", "--package", "validibot-gcp-emulator", "--"])
        .args(["--port", &port.to_string(), "--project", project])
        .dir(&context.root)
        .no_deadline()
}
