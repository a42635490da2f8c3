//! `validibot-sandbox`: the stand-in deployment as a program.

mod cli;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

/// One thread serves a laptop's traffic; validations run on the blocking pool.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run(&environment).await {
        Ok(code) => code,
        Err(error) => {
            // With stderr gone there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the process environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
