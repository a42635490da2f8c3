//! Starts and stops one program of the stack.

use std::path::Path;
use std::time::{Duration, Instant};

use super::programs::Program;
use super::state::{Running, State};
use crate::config::context::Context;
use crate::core::error::{Error, Result};
use crate::core::process::Identity;
use crate::core::runner::{Detached, Streams, last_lines};

/// How long a program may take until it is healthy. Both need well below a second; a laptop that is busy
/// compiling may need many.
const HEALTHY_WITHIN: Duration = Duration::from_mins(1);

/// How often health is asked for while a program starts.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How much of a log an error shows.
const LOG_LINES: usize = 20;

/// Starts a program and waits until it is healthy. It is in `state` as soon as it runs, so that whatever goes
/// wrong afterwards, `down` knows of it.
pub(super) fn start(
    context: &Context,
    folder: &Path,
    state: &mut State,
    program: &Program,
    fingerprint: String,
) -> Result<()> {
    let log = folder.join(format!("{}.log", program.name));
    std::fs::create_dir_all(folder)
        // The last run's lines would be taken for this one's.
        .and_then(|()| std::fs::write(&log, ""))
        .map_err(|error| {
            Error::failed(format!("{} cannot be written", log.display())).cause(error.to_string())
        })?;
    let mut process = context.runner.detach(&program.serve, &log)?;
    let Some(identity) = Identity::of(process.pid()) else {
        return Err(ended_early(program.name, process.ended().unwrap_or_default(), &log));
    };
    let running = Running { identity, port: program.port, log: log.clone(), fingerprint };
    state.programs.insert(program.name.to_owned(), running);
    state.save(folder)?;
    let _progress = context.printer.progress(&format!("starting {} on port {}", program.name, program.port));
    await_health(context, program, &mut process, &log)
}

/// Stops a program if it runs; `true` if it did.
pub(super) fn stop(context: &Context, folder: &Path, state: &mut State, name: &str) -> Result<bool> {
    let Some(running) = state.programs.get(name).cloned() else { return Ok(false) };
    let was_alive = running.identity.alive();
    running.identity.end(context.runner.interrupts())?;
    state.programs.remove(name);
    state.save(folder)?;
    if was_alive {
        context.printer.note(&format!("stopped {name} (pid {})", running.identity.pid));
    }
    Ok(was_alive)
}

fn await_health(context: &Context, program: &Program, process: &mut Detached, log: &Path) -> Result<()> {
    let deadline = Instant::now() + HEALTHY_WITHIN;
    loop {
        if let Some(code) = process.ended() {
            return Err(ended_early(program.name, code, log));
        }
        if context.runner.run(&program.health, Streams::Captured).is_ok_and(|outcome| outcome.code == 0) {
            return Ok(());
        }
        context.runner.interrupts().pause(ASK_EVERY)?;
        if Instant::now() > deadline {
            let seconds = HEALTHY_WITHIN.as_secs();
            return Err(Error::failed(format!("{} is not healthy after {seconds} s", program.name))
                .causes(log_end(log))
                .origin(log.display().to_string()));
        }
    }
}

fn ended_early(name: &str, code: i32, log: &Path) -> Error {
    Error::failed(format!("{name} exited with code {code} during its start"))
        .causes(log_end(log))
        .origin(log.display().to_string())
}

fn log_end(log: &Path) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    last_lines(&String::from_utf8_lossy(&text), LOG_LINES).lines().map(str::to_owned).collect()
}
