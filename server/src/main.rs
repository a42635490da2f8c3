//! `validibot-mcp`: parse, configure, serve.

use std::process::ExitCode;

use clap::Parser;
use validibot_mcp::base::env::ProcessEnv;
use validibot_mcp::cli::{Cli, Command, EXIT_USAGE, ServeArgs};
use validibot_mcp::commands::{contract, diagnose, e2e, healthcheck, license, probe, validate};
use validibot_mcp::config::Settings;
use validibot_mcp::{serve, telemetry};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed output is no reason to fail differently.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve(&args),
        Command::Healthcheck(args) => healthcheck::run(&args, &ProcessEnv),
        Command::Diagnose(args) => diagnose::run(&args, &ProcessEnv),
        Command::Probe(args) => probe::run(&args, &ProcessEnv),
        Command::Contract(args) => contract::run(&args, &ProcessEnv),
        Command::License(args) => license::run(&args, &ProcessEnv),
        Command::E2e(args) => e2e::run(&args, &ProcessEnv),
        Command::Validate(args) => validate::run(&args, &ProcessEnv),
    }
}

fn serve(args: &ServeArgs) -> ExitCode {
    let loaded = match Settings::load(&ProcessEnv, &args.settings) {
        Ok(loaded) => loaded,
        Err(problems) => {
            telemetry::report(&problems);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let _log = telemetry::install(loaded.settings.log_level);
    telemetry::log_panics();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    serve::block_on(loaded.settings)
}
