//! `env check STAGE`: everything that is wrong with an environment's files, at once.

use envs::{HeldIn, VARIABLES, Variable};

use super::problem::{Fault, Problem};
use super::{layers, neighbour};
use crate::cli::StageArg;
use crate::config::context::Context;
use crate::config::env::{Entry, EnvFile, Environment, Found, Location, Origin};
use crate::config::gate::Gate;
use crate::config::stage::Target;
use crate::core::error::{Error, Result};
use crate::core::output::Tone;

/// What was read of an environment, and everything that is wrong with it.
pub struct Checked {
    /// The files that can be read.
    pub files: Vec<(HeldIn, EnvFile)>,
    /// Whether a file has lines that cannot be read.
    pub unreadable: bool,
    /// Each with file and line where it has one.
    pub problems: Vec<Problem>,
}

/// Reports all problems (exit code 64), or which files are in order.
pub fn check(context: &Context, args: &StageArg) -> Result<()> {
    let checked = examine(context, args.stage);
    if let Some(origin) = closed_gate(context, &checked.files) {
        context.printer.note(&format!("the gate is closed: {origin}"));
    }
    conclude(context, args.stage, &checked.files, checked.unreadable, &checked.problems)
}

/// Checks every file of an environment.
pub fn examine(context: &Context, target: Target) -> Checked {
    let mut problems = Vec::new();
    let (mut files, mut absent) = (Vec::new(), None);
    for held_in in target.place().files() {
        let Some(path) = context.tree.path(target, *held_in) else { continue };
        match EnvFile::examine(&path) {
            Ok(Some(file)) => files.push((*held_in, file)),
            // A deploy can have what the others hold from the process environment; this one is used as a file.
            Ok(None) if *held_in == HeldIn::Mcp => absent = Some(Origin::from(Location::file(path))),
            Ok(None) => {}
            Err(unreadable) => problems.extend(Problem::unreadable(&path, unreadable)),
        }
    }
    let unreadable = !problems.is_empty();
    for (held_in, file) in &files {
        problems.extend(file_lines(*held_in, file));
        problems.extend(examples(file));
    }
    // The values of an unreadable file would be reported as missing.
    if !unreadable {
        problems.extend(missing(context, target, &files, None));
    }
    // A variable that it would hold is reported with its file already.
    if let Some(place) = absent.filter(|file| problems.iter().all(|problem| problem.place != *file)) {
        problems.push(Problem { place, name: None, fault: Fault::NoFile(target) });
    }
    let nothing = Environment::default();
    let ours =
        |variable: &Variable| layers(variable, target, &context.environment, &files, &nothing).get(variable);
    problems.extend(neighbour::disagreements(context, target, &ours));
    Checked { files, unreadable, problems }
}

/// What closes the gate, in an environment that has files.
pub(super) fn closed_gate(context: &Context, files: &[(HeldIn, EnvFile)]) -> Option<Origin> {
    let build = files.iter().find(|(held_in, _)| *held_in == HeldIn::Build).map(|(_, file)| file)?;
    // A word that is neither on nor off is a problem of its line.
    Gate::read(&context.environment, Some(build)).ok().filter(|gate| !gate.open).map(|gate| gate.origin)
}

/// Everything that is wrong with one file, for who is about to use it. Lines that cannot be read are an error.
pub fn file_problems(context: &Context, target: Target, held_in: HeldIn) -> Result<Vec<String>> {
    let files = super::files(context, target)?;
    let mut problems = Vec::new();
    for (_, file) in files.iter().filter(|(kind, _)| *kind == held_in) {
        problems.extend(file_lines(held_in, file));
    }
    problems.extend(missing(context, target, &files, Some(held_in)));
    Ok(problems.iter().map(Problem::to_string).collect())
}

/// What is wrong with each line of a file.
fn file_lines(held_in: HeldIn, file: &EnvFile) -> Vec<Problem> {
    let problem = |entry: &Entry| {
        let fault = entry_fault(held_in, file, entry)?;
        Some(Problem::of(fault, file.at(entry), &entry.name))
    };
    file.entries().iter().filter_map(problem).collect()
}

fn conclude(
    context: &Context,
    target: Target,
    files: &[(HeldIn, EnvFile)],
    unreadable: bool,
    problems: &[Problem],
) -> Result<()> {
    if problems.is_empty() {
        let names: Vec<_> = files.iter().map(|(_, file)| file.path().display().to_string()).collect();
        let nothing = Tone::Good.paint("nothing");
        context.printer.report(&format!("{target}: {nothing} is wrong with {}", names.join(", ")));
        return Ok(());
    }
    let count =
        if problems.len() == 1 { "1 thing is".to_owned() } else { format!("{} things are", problems.len()) };
    let error = Error::usage(format!("{count} wrong with the files of {target}"))
        .causes(problems.iter().map(Problem::to_string));
    let hint = match files {
        [] if !unreadable => format!("cargo xtask env init {target}"),
        _ => "cargo xtask env explain NAME says what a variable is for".to_owned(),
    };
    Err(error.hint(hint))
}

/// What is wrong with one line.
fn entry_fault(held_in: HeldIn, file: &EnvFile, entry: &Entry) -> Option<Fault> {
    let (name, value) = (entry.name.as_str(), entry.value.expose());
    let Some(variable) = envs::find(name) else {
        return unknown(held_in, name);
    };
    if !variable.held_in.contains(&held_in) {
        return Some(Fault::Misplaced(variable.held_in.iter().filter_map(|home| home.file_name()).collect()));
    }
    if let Some(winner) = file.get(name).filter(|winner| winner.line != entry.line) {
        return Some(Fault::SetTwice(winner.line));
    }
    if Variable::is_placeholder(value) {
        return Some(Fault::Placeholder);
    }
    variable.problem(value).map(Fault::Malformed)
}

/// The server's file is ours alone. The others may hold what the application's own recipes read, so there only
/// a name that looks like one of ours is wrong.
fn unknown(held_in: HeldIn, name: &str) -> Option<Fault> {
    let known = VARIABLES.iter().flat_map(|area| area.iter()).filter(|v| v.held_in.contains(&held_in));
    match envs::closest(name, known.map(|variable| variable.name)) {
        None if held_in != HeldIn::Mcp => None,
        meant => Some(Fault::Unknown(meant)),
    }
}

/// Addresses and projects of the templates, in place of one's own.
fn examples(file: &EnvFile) -> Vec<Problem> {
    let example = |entry: &Entry| {
        let variable = envs::find(&entry.name)?;
        variable
            .is_example(entry.value.expose())
            .then(|| Problem::of(Fault::Example, file.at(entry), &entry.name))
    };
    file.entries().iter().filter_map(example).collect()
}

/// What has to be set and is not; `only` restricts it to what that file would hold.
fn missing(
    context: &Context,
    target: Target,
    files: &[(HeldIn, EnvFile)],
    only: Option<HeldIn>,
) -> Vec<Problem> {
    let nothing = Environment::default();
    let find = |variable: &Variable| -> Option<Found> {
        let layers = layers(variable, target, &context.environment, files, &nothing);
        layers.get(variable).filter(|found| !found.value.expose().trim().is_empty())
    };
    let value = |variable: &Variable| find(variable).map(|found| found.value.expose().to_owned());
    let all = VARIABLES.iter().flat_map(|area| area.iter()).copied();
    all.filter(|variable| variable.is_required(target.place(), &value) && find(variable).is_none())
        .filter_map(|variable| {
            let home = target.place().files().iter().find(|file| variable.held_in.contains(file))?;
            if only.is_some_and(|only| only != *home) {
                return None;
            }
            let path = context.tree.path(target, *home)?;
            Some(Problem::of(Fault::Missing(variable.doc), Location::file(path), variable.name))
        })
        .collect()
}
