//! `validibot-mcp e2e URL`: a client's journey against a live server, one line for each step.

mod journey;
mod junit;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use self::journey::{Files, Journey};
use crate::base::clean::Clean;
use crate::base::env::Env;
use crate::cli::{E2eArgs, EXIT_USAGE};
use crate::commands::client::{Connection, File, connect};
use crate::telemetry;

/// One step of the journey, once it is over.
struct Step {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// How a step ended.
enum Outcome {
    /// With what was seen.
    Passed(String),
    /// With what is wrong.
    Failed(String),
    /// Not taken, and why.
    Skipped(String),
}

/// Exit 0 when every step passes, 1 when one fails, 64 when something that it needs is not given.
pub fn run(args: &E2eArgs, env: &dyn Env) -> ExitCode {
    let (journey, junit) = match prepare(args, env) {
        Ok(journey) => (journey, args.junit.as_deref()),
        Err(sentence) => {
            telemetry::report(&sentence);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match block_on(journey, junit) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            telemetry::report(&sentence);
            ExitCode::FAILURE
        }
    }
}

fn prepare(args: &E2eArgs, env: &dyn Env) -> Result<Journey, String> {
    let Connection { http, base, token } = connect(&args.url, env)?;
    let file = |path: &Option<PathBuf>| path.as_deref().map(File::read).transpose();
    let files = Files { good: file(&args.good)?, bad: file(&args.bad)? };
    Ok(Journey::new(http, base, token, args.org.clone(), args.workflow.clone(), files))
}

fn block_on(mut journey: Journey, junit: Option<&Path>) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the runtime could not start: {error}"))?;
    let started = Instant::now();
    let steps = runtime.block_on(journey.take(&mut say));
    let failed = steps.iter().filter(|step| matches!(step.outcome, Outcome::Failed(_))).count();
    let seconds = started.elapsed().as_secs_f64();
    write(&format!("{} steps, {failed} failed, {seconds:.1} s\n", steps.len()));
    if let Some(path) = junit {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(path, junit::report(&steps)))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    Ok(failed == 0)
}

/// One line for a step that is over.
fn say(step: &Step) {
    let (word, text) = match &step.outcome {
        Outcome::Passed(seen) => ("ok", seen),
        Outcome::Failed(problem) => ("FAILED", problem),
        Outcome::Skipped(why) => ("skipped", why),
    };
    write(&format!("{word:<8} {:>6.2} s  {}: {text}\n", step.took.as_secs_f64(), step.name));
}

fn write(text: &str) {
    // A closed pipe is the reader's choice; the exit code still says how it went.
    let _ = std::io::stdout().write_all(Clean(text).to_string().as_bytes());
}
