//! `env explain NAME`: the value in force, the line that decides, and what it overrides.

use std::fmt::Write as _;

use envs::{Required, Variable};
use serde::Serialize;

use super::{Fault, files, layers};
use crate::cli::Explain;
use crate::config::context::Context;
use crate::config::env::{Environment, Found, Origin};
use crate::core::error::{Error, Result};

/// Version of the JSON below. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    name: &'a str,
    stage: &'a str,
    doc: &'a str,
    set: bool,
    secret: bool,
    /// Absent for a secret.
    value: Option<String>,
    origin: Option<String>,
    overrides: Vec<String>,
    readers: Vec<&'a str>,
    files: Vec<String>,
    problem: Option<String>,
}

/// Prints what is known about one variable in one environment.
pub fn explain(context: &Context, args: &Explain) -> Result<()> {
    let Some(variable) = envs::find(&args.name) else { return Err(unknown(&args.name)) };
    let (files, nothing) = (files(context, args.stage)?, Environment::default());
    let found = layers(variable, args.stage, &context.environment, &files, &nothing).all(variable);
    let in_force = found.first();
    let report = Report {
        schema_version: SCHEMA_VERSION,
        name: variable.name,
        stage: args.stage.name(),
        doc: variable.doc,
        set: in_force.is_some(),
        secret: variable.secret,
        value: in_force.filter(|_| !variable.secret).map(|found| found.value.expose().to_owned()),
        origin: in_force.map(|found| found.origin.to_string()),
        overrides: found.iter().skip(1).map(|found| describe(variable, found)).collect(),
        readers: variable.readers.iter().map(|reader| reader.name()).collect(),
        files: homes(context, args, variable),
        problem: in_force.and_then(|found| problem(variable, found.value.expose())),
    };
    if args.json {
        context.printer.json(&report);
    } else {
        context.printer.data(&text(variable, &report));
    }
    Ok(())
}

/// An unknown name, with the one that was most likely meant.
fn unknown(name: &str) -> Error {
    let known = envs::VARIABLES.iter().flat_map(|area| area.iter()).map(|variable| variable.name);
    let error = Error::usage(format!("there is no variable {name}"));
    if let Some(meant) = envs::closest(name, known.clone()) {
        return error.hint(format!("did you mean {meant}?"));
    }
    let typed = name.to_ascii_uppercase();
    let holding: Vec<_> = known.filter(|known| !typed.is_empty() && known.contains(&typed)).collect();
    if holding.is_empty() {
        error.hint("docs/configuration.md lists them all")
    } else {
        error.hint(format!("did you mean {}?", holding.join(", ")))
    }
}

fn problem(variable: &Variable, value: &str) -> Option<String> {
    if Variable::is_placeholder(value) {
        return Some(Fault::Placeholder.to_string());
    }
    variable.problem(value)
}

fn describe(variable: &Variable, found: &Found) -> String {
    if variable.secret {
        found.origin.to_string()
    } else if found.origin == Origin::Default {
        format!("the default, {}", shown(found.value.expose()))
    } else {
        format!("{} in {}", shown(found.value.expose()), found.origin)
    }
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "(empty)" } else { value }
}

/// Where the variable can be set for this stage.
fn homes(context: &Context, args: &Explain, variable: &Variable) -> Vec<String> {
    let possible = args.stage.place().files().iter().filter(|file| variable.held_in.contains(file));
    possible
        .filter_map(|file| context.tree.path(args.stage, *file))
        .map(|path| path.display().to_string())
        .collect()
}

fn text(variable: &Variable, report: &Report<'_>) -> String {
    let mut text = match (&report.value, report.set) {
        (Some(value), _) => format!("{} = {}\n", report.name, shown(value)),
        (None, true) => format!("{} is set, and secret\n", report.name),
        (None, false) => format!("{} is not set\n", report.name),
    };
    if let Some(origin) = &report.origin {
        let _ = writeln!(text, "  from {origin}");
    }
    for overridden in &report.overrides {
        let _ = writeln!(text, "  overrides {overridden}");
    }
    if let Some(problem) = &report.problem {
        let _ = writeln!(text, "  problem: it {problem}");
    }
    let _ = writeln!(text, "\n{}.", report.doc);
    let _ = writeln!(text, "Read by: {}", report.readers.join(", "));
    let homes =
        if report.files.is_empty() { "no file of this stage".to_owned() } else { report.files.join(", ") };
    let _ = writeln!(text, "Set in: {homes}; the process environment wins");
    if variable.required == Required::Always {
        text.push_str("Required: always\n");
    }
    if let Some(case) = variable.required.case() {
        let _ = writeln!(text, "Required: when {case}");
    }
    if let envs::Fallback::Derived(how) = variable.fallback {
        let _ = writeln!(text, "Default: {how}");
    }
    text
}
