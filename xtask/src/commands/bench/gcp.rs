//! `bench gcp`: how long a set-up takes, on an empty and on a finished project, and a repeat deploy with its proof.
//!
//! The tool itself is run, with the gcloud of this machine, against an emulated project; beside it the same commands
//! one after another. The difference is what running reads side by side is worth on this machine.

mod deploy;
mod fleet;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::Serialize;

use crate::cli::BenchGcp;
use crate::commands::gcp::emulator;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::process::Identity;
use crate::core::runner::{Outcome, Streams, last_lines};

/// The first start compiles the emulator, on a busy machine too.
const STARTED_WITHIN: Duration = Duration::from_mins(10);

/// How often the emulator's log is read while it starts.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Version of the JSON below. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    rows: Vec<Row>,
}

/// One measurement.
#[derive(Serialize)]
struct Row {
    /// What was timed: `gcp setup` on such a project, or a deploy.
    project: &'static str,
    at_once: usize,
    /// How many programs were started, gcloud's among them.
    programs: usize,
    /// How often gcloud was started.
    gclouds: usize,
    /// Seconds of processor that the tool and its programs took; docker's engine is not among them.
    processor: f64,
    /// Seconds on the clock.
    seconds: f64,
}

/// An emulated project that ends with this value.
struct Project<'a> {
    context: &'a Context,
    identity: Identity,
    environment: Vec<(String, String)>,
}

/// Measures, and prints a table or JSON.
pub fn gcp(context: &Context, args: &BenchGcp) -> Result<()> {
    let folder = context.root.join("target/bench/gcp");
    let files = stage_files(&folder)?;
    let mut report = Report { schema_version: SCHEMA_VERSION, rows: Vec::new() };
    for at_once in [1, args.at_once] {
        let project = Project::start(context, &folder, &[])?;
        for name in ["gcp setup, empty", "gcp setup, finished"] {
            report.rows.push(project.set_up(&files, name, at_once)?);
        }
    }
    if args.deploy {
        report.rows.extend(deploy::rows(context, args.at_once, &folder)?);
    }
    if args.fleet {
        report.rows.extend(fleet::rows(context, args.at_once, &folder)?);
    }
    if args.json {
        context.printer.json(&report);
        return Ok(());
    }
    context.printer.data("                        at once  programs  gcloud  processor  seconds");
    for row in &report.rows {
        let Row { project, at_once, programs, gclouds, processor, seconds } = row;
        context.printer.data(&format!(
            "{project:<22}  {at_once:>7}  {programs:>8}  {gclouds:>6}  {processor:>9.1}  {seconds:>7.1}"
        ));
    }
    Ok(())
}

impl<'a> Project<'a> {
    fn start(context: &'a Context, folder: &Path, options: &[&str]) -> Result<Self> {
        let log = folder.join("emulator.log");
        write(&log, "")?;
        let _progress = context.printer.progress("starting an emulated project");
        let mut process =
            context.runner.detach(&emulator::command(context, 0, "demo-proj").args(options), &log)?;
        let deadline = Instant::now() + STARTED_WITHIN;
        let identity = Identity::of(process.pid());
        loop {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let environment = said.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
            // The last line of what it says when it is ready is a remark.
            if let (Some(identity), true) =
                (&identity, said.lines().any(|line| line.starts_with("# Set these")))
            {
                let environment =
                    environment.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
                return Ok(Self { context, identity: identity.clone(), environment: environment.collect() });
            }
            if process.ended().is_some() || Instant::now() > deadline {
                return Err(Error::failed("the emulator did not start").cause(last_lines(&said, 20)));
            }
            context.runner.interrupts().pause(LOOK_EVERY)?;
        }
    }

    /// Runs `gcp setup` of this very program.
    fn set_up(&self, files: &Path, project: &'static str, at_once: usize) -> Result<Row> {
        let jobs = at_once.to_string();
        self.timed(project, at_once, self.own(files, &["setup", "dev", "--yes", "--at-once", &jobs])?)
    }

    /// A `gcp` command of this very program.
    fn own(&self, files: &Path, args: &[&str]) -> Result<Command> {
        let own = std::env::current_exe()
            .map_err(|error| Error::failed("this program's path is unknown").cause(error.to_string()))?;
        let command = Command::new(own).arg("--envs").arg(files).args(["--verbose", "gcp"]).args(args);
        Ok(command.dir(&self.context.root).no_deadline())
    }

    /// Runs a command against the project.
    fn run(&self, command: Command) -> Result<Outcome> {
        let command =
            self.environment.iter().fold(command, |command, (name, value)| command.env(name, value));
        self.context.runner.run(&command, Streams::Captured)?.success_of(&command)
    }

    /// Runs and times it.
    fn timed(&self, project: &'static str, at_once: usize, command: Command) -> Result<Row> {
        let _progress = self.context.printer.progress(&format!("{project}, {at_once} at once"));
        let spent = Spent::new()?;
        let outcome = self.run(command)?;
        let (processor, seconds) = spent.so_far()?;
        let programs: Vec<&str> =
            outcome.stderr.lines().filter_map(|line| line.strip_prefix("running: ")).collect();
        let is_gcloud = |line: &&&str| line.split(' ').find(|word| !word.contains('=')) == Some("gcloud");
        let gclouds = programs.iter().filter(is_gcloud).count();
        Ok(Row { project, at_once, programs: programs.len(), gclouds, processor, seconds })
    }
}

/// What something takes, from its beginning on.
struct Spent {
    processor: f64,
    started: Instant,
}

impl Spent {
    fn new() -> Result<Self> {
        Ok(Self { processor: processor_of_children()?, started: Instant::now() })
    }

    /// Seconds of processor of the programs that have ended since, and seconds on the clock.
    fn so_far(&self) -> Result<(f64, f64)> {
        Ok((processor_of_children()? - self.processor, self.started.elapsed().as_secs_f64()))
    }
}

fn processor_of_children() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|error| Error::failed("the time of processor is not known").cause(error.to_string()))?;
    let parts = [usage.user_time(), usage.system_time()];
    let parts = parts
        .map(|time| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0)).as_secs_f64());
    Ok(parts.iter().sum())
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.identity.end(self.context.runner.interrupts()) {
            self.context.printer.error(&error);
        }
    }
}

/// A dev stage; its files are the tool's own and hold nothing real.
fn stage_files(folder: &Path) -> Result<PathBuf> {
    let files = folder.join("envs");
    let stage = files.join("dev/google-cloud");
    std::fs::create_dir_all(&stage).map_err(|error| {
        Error::failed(format!("{} cannot be made", stage.display())).cause(error.to_string())
    })?;
    write(&stage.join(".gcp"), "GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\n")?;
    write(&stage.join(".build"), "ENABLE_MCP_SERVER=true\n")?;
    Ok(files)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| {
        Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
    })
}
