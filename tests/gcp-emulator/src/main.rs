//! Runs the emulator until it is interrupted, and prints the environment that leads gcloud to it.

use std::error::Error;
use std::io::{self, Write};

use clap::Parser;
use gcp_emulator::{Emulator, Fault, Options};

/// A Google Cloud project on loopback, for the unmodified gcloud.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The project's id.
    #[arg(long, default_value = "demo-proj")]
    project: String,
    /// A call that fails: `[METHOD] HOST/PATH KIND [xTIMES]`, for example 'POST *:addVersion 503 x1'.
    #[arg(long, value_name = "RULE")]
    fail: Vec<Fault>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let emulator = Emulator::start_with(Options {
        project: arguments.project,
        port: arguments.port,
        ..Options::default()
    })?;
    for fault in arguments.fail {
        emulator.fail(fault);
    }
    let mut out = io::stdout().lock();
    // The home folder stays the operator's own: gcloud and docker have folders of the emulator's by other variables.
    for (name, value) in emulator.env().into_iter().filter(|(name, _)| name != "HOME") {
        // Every value is ours: no quote can stand in one.
        writeln!(out, "export {name}='{value}'")?;
    }
    writeln!(
        out,
        "# Set these in another shell. State: curl http://{}/state - ends with Ctrl-C.",
        emulator.address()
    )?;
    out.flush()?;
    drop(out);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stop_signal())?;
    Ok(())
}

async fn stop_signal() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
