//! `cargo xtask test-e2e`: a client's journey against a live server, by the server's own `e2e`.

use std::path::Path;

use envs::{HeldIn, Variable, tests};

use crate::artifact::program;
use crate::cli::TestE2e;
use crate::commands::live::{self, Live};
use crate::config::context::Context;
use crate::config::env::Layers;
use crate::config::stage::Target;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::Streams;

/// The path at which CI expects the report.
const REPORT: &str = "target/e2e/junit.xml";

/// Takes the journey; exit code 1 where a step fails, 64 where something that it needs is not written down.
pub fn test(context: &Context, args: &TestE2e) -> Result<Exit> {
    let live = live::find(context, args.stage, None)
        .map_err(|error| help(context, args.stage, error, &[&tests::E2E_URL, &tests::E2E_TOKEN]))?;
    if live.token.is_none() {
        let missing = Error::usage(format!("there is no token of a test user for {}", live.url));
        return Err(help(context, args.stage, missing, &[&tests::E2E_TOKEN]));
    }
    let report = context.root.join(REPORT);
    let command = journey(context, args, &live, &report)?;
    // The report of an earlier run would be taken for this one's.
    let _ = std::fs::remove_file(&report);
    context.printer.note(&format!("testing {}", live.url));
    let outcome = context.runner.run(&command, Streams::Inherited)?;
    if report.exists() {
        context.printer.note(&format!("wrote {REPORT}"));
    }
    match outcome.code {
        0 => Ok(Exit::Success),
        // The lines say which step.
        1 => Ok(Exit::Failed),
        64 => Ok(Exit::Usage),
        _ => outcome.success_of(&command).map(|_| Exit::Success),
    }
}

fn journey(context: &Context, args: &TestE2e, live: &Live, report: &Path) -> Result<Command> {
    let test = context.tree.read(args.stage, HeldIn::Test)?;
    let layers = Layers::new(&context.environment, test.as_ref());
    let mut arguments = Vec::new();
    let mut missing = Vec::new();
    let options = [
        ("--workflow", &tests::E2E_WORKFLOW),
        ("--good", &tests::E2E_GOOD_FILE),
        ("--bad", &tests::E2E_BAD_FILE),
    ];
    for (option, variable) in options {
        let Some(found) = live::written(&layers, variable) else { continue };
        let value = found.value.expose().trim().to_owned();
        if option == "--workflow" {
            arguments.extend([option.to_owned(), value]);
            continue;
        }
        let path = context.root.join(&value);
        if !path.is_file() {
            missing.push(format!("{}: {} is not a file ({})", found.origin, path.display(), variable.name));
        }
        arguments.extend([option.to_owned(), path.display().to_string()]);
    }
    if !missing.is_empty() {
        return Err(Error::usage("files that the test sends do not exist").causes(missing));
    }
    let mut command = Command::new(program::server(context)?)
        .arg("e2e")
        .arg(&live.url)
        .arg("--junit")
        .arg(report)
        .args(arguments)
        // A live simulation takes the time that it takes; the program has limits of its own.
        .no_deadline();
    if let Some(organisation) = &live.organisation {
        command = command.args(["--org", organisation]);
    }
    if let Some(token) = &live.token {
        command = command.env_secret(tests::E2E_TOKEN.name, token.clone());
    }
    Ok(command)
}

/// Says what to write, and where: of what the test needs, what no place has yet.
fn help(context: &Context, stage: Target, error: Error, needed: &[&Variable]) -> Error {
    let path = context.tree.path(stage, HeldIn::Test).unwrap_or_default();
    let test = context.tree.read(stage, HeldIn::Test).unwrap_or_default();
    let layers = Layers::new(&context.environment, test.as_ref());
    let missing = needed.iter().filter(|variable| live::written(&layers, variable).is_none());
    let line = |variable: &&&Variable| {
        let example = if variable.secret { "'vbk_1_…'" } else { "https://mcp.example.com" };
        format!("{}={example}   # {}", variable.name, variable.doc)
    };
    let lines: Vec<String> = missing.map(|variable| line(&variable)).collect();
    let heading = (!lines.is_empty()).then(|| format!("{} must contain:", path.display()));
    let error = error.causes(heading.into_iter().chain(lines));
    let begin = format!("cargo xtask env init {stage}");
    error.hint(if path.exists() { "edit the file, then try again".to_owned() } else { begin })
}
