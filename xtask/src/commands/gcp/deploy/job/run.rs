//! Running a job to its end, by asking for the execution: what becomes of it is never guessed.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::images::Built;
use super::super::job_manifest::manifest;
use super::super::place::Place;
use super::{End, Execution, fields};
use crate::commands::gcp::lock::Lock;
use crate::commands::gcp::state::State;
use crate::config::fleet::resolved::Job;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;
use crate::tools::gcloud::{Seen, Trouble, classify, fleet};

/// Until the container of a task is there: pulling a large image, and a place to run it.
const STARTING: Duration = Duration::from_mins(5);

/// How often an execution is asked for; gcloud itself takes a second.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// How many answers in a row may say nothing before the end is reported as unknown.
const MOST_SILENT: u32 = 5;

/// Enough to see why a migration failed, on one screen.
const LINES: usize = 30;

/// What is to do with a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::gcp) enum Step {
    /// This very thing has run and succeeded.
    Done(String),
    /// It is running: an earlier command began it.
    Await(String),
    /// It has to be run; the fields of the job that have to be written first.
    Run(Vec<String>),
}

/// Works out what is to do.
pub(in crate::commands::gcp) fn step(job: &Job, image: &Built, state: &State) -> Step {
    let wanted = manifest(job, image, state);
    let name = &job.container.name;
    let newest = state.executions.get(name).filter(|run| run.is_of(&wanted));
    match newest.map(|run| (&run.end, run.name.clone())) {
        Some((End::Succeeded, run)) => Step::Done(run),
        Some((End::Running, run)) => Step::Await(run),
        _ => Step::Run(difference(&wanted, state.jobs.get(name).map(super::LiveJob::fields))),
    }
}

fn difference(wanted: &Value, live: Option<std::collections::BTreeMap<String, String>>) -> Vec<String> {
    let wanted = fields(wanted);
    let Some(live) = live else {
        return wanted.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    };
    let none = || "(none)".to_owned();
    let names = wanted.keys().chain(live.keys().filter(|name| !wanted.contains_key(*name)));
    names
        .filter(|name| wanted.get(*name) != live.get(*name))
        .map(|name| {
            let [from, to] = [&live, &wanted].map(|fields| fields.get(name).cloned().unwrap_or_else(none));
            format!("{name}: {from} -> {to}")
        })
        .collect()
}

/// Does it; the name of the execution that succeeded.
pub(in crate::commands::gcp) fn run(
    place: &Place<'_>,
    job: &Job,
    image: &Built,
    state: &State,
    lock: &Lock<'_>,
) -> Result<String> {
    let (context, names) = (place.context, place.names());
    let name = &job.container.name;
    let execution = match step(job, image, state) {
        Step::Done(execution) => return Ok(execution),
        Step::Await(execution) => execution,
        Step::Run(changes) => {
            lock.verify()?;
            if !changes.is_empty() {
                let manifest = format!("{:#}\n", manifest(job, image, state));
                context.runner.read(&fleet::replace_job(names, &manifest))?;
            }
            let _progress = context.printer.progress(&format!("starting {name}"));
            let said = context.runner.read(&fleet::execute(names, name))?.stdout;
            let execution = said.trim();
            if execution.is_empty() || execution.contains(char::is_whitespace) {
                return Err(Error::failed(format!("gcloud did not say which execution of {name} it began"))
                    .hint("type the same command again: it finds the execution and waits for it"));
            }
            execution.to_owned()
        }
    };
    follow(place, &execution, Duration::from_secs(job.container.timeout.into()) + STARTING)?;
    Ok(execution)
}

/// Waits for the end.
fn follow(place: &Place<'_>, execution: &str, within: Duration) -> Result<()> {
    let context = place.context;
    let _progress = context.printer.progress(&format!("waiting for {execution}"));
    let deadline = Instant::now() + within;
    let mut silent = 0;
    loop {
        match look(place, execution)? {
            Seen::Present(Execution { end: End::Succeeded, .. }) => return Ok(()),
            Seen::Present(Execution { end: End::Failed(message), .. }) => {
                return Err(Error::failed(format!("{execution} failed: {message}"))
                    .causes(lines(place, execution))
                    .hint("correct what the lines say, then type the same command again: nothing else was touched"));
            }
            Seen::Present(Execution { end: End::Running, .. }) => silent = 0,
            Seen::Absent => return Err(Error::failed(format!("{execution} is gone"))),
            Seen::Unknown(trouble) => {
                silent += 1;
                if silent == MOST_SILENT {
                    return Err(unknown(execution, &trouble));
                }
            }
        }
        if Instant::now() > deadline {
            return Err(Error::failed(format!("{execution} has not ended within {} s", within.as_secs()))
                .cause("it may go on: it was not cancelled")
                .hint(format!(
                    "stop it: gcloud run jobs executions cancel {execution} --region {}",
                    place.names().region()
                ))
                .hint("or type the same command again: it waits for this execution"));
        }
        context.runner.interrupts().pause(ASK_EVERY)?;
    }
}

fn look(place: &Place<'_>, execution: &str) -> Result<Seen<Execution>> {
    let command = fleet::execution(place.names(), execution);
    let outcome = place.context.runner.run(&command, Streams::Captured)?;
    Ok(classify(execution, &command, &outcome).understand(execution, Execution::parse))
}

fn unknown(execution: &str, trouble: &Trouble) -> Error {
    Error::failed(format!("could not tell what became of {execution}; it may still be running"))
        .cause(trouble.said.clone())
        .hint(trouble.advice_text())
        .hint("then type the same command again: it waits for this execution")
}

/// The last lines, oldest first; that they cannot be read is a remark.
fn lines(place: &Place<'_>, execution: &str) -> Vec<String> {
    let command = fleet::execution_lines(place.names(), execution, LINES);
    let read = place.context.runner.run(&command, Streams::Captured);
    let entries = match &read {
        Ok(outcome) if outcome.code == 0 => serde_json::from_str::<Vec<Value>>(&outcome.stdout).ok(),
        _ => None,
    };
    let Some(entries) = entries else {
        return vec![format!("what it wrote could not be read: {}", command.render())];
    };
    let line = |entry: &Value| match entry["textPayload"].as_str() {
        Some(text) => format!("  {text}"),
        None => format!("  {}", entry["jsonPayload"]),
    };
    let mut lines = vec![if entries.is_empty() { "it wrote nothing" } else { "it wrote last:" }.to_owned()];
    lines.extend(entries.iter().rev().map(line));
    lines
}
