//! The stage's files: whether they are there, can be read, say what they should, and are kept secret.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use envs::HeldIn;

use super::finding::{Finding, Severity};
use crate::command::{Command, quote};
use crate::context::Context;
use crate::runner::Streams;
use crate::stage::Target;
use crate::variables::{self, Checked};

/// Looks at every file, and gives what it read.
pub(super) fn examine(context: &Context, stage: Target, findings: &mut Vec<Finding>) -> Checked {
    let checked = variables::examine(context, stage);
    let nothing = checked.files.is_empty() && !checked.unreadable;
    if nothing {
        // The local stack's files are written by its first start.
        if stage != Target::Local {
            findings.push(Finding {
                code: "no-files",
                severity: Severity::Error,
                what: format!("{stage} has no files"),
                why: "nothing is known of its addresses and secrets, so nothing can be started".to_owned(),
                place: context.tree.folder(stage).display().to_string(),
                fix: format!("cargo xtask env init {stage}"),
            });
        }
        return checked;
    }
    // A stage may be worked on before its test user exists, and a first local start writes what is missing.
    let begun = |problem: &&String| stage != Target::Local || !problem.contains(" is missing: ");
    findings.extend(checked.problems.iter().filter(begun).map(|problem| of_a_line(stage, problem)));
    for file in [HeldIn::Mcp, HeldIn::Test] {
        if let Some(path) = context.tree.path(stage, file).filter(|path| path.is_file()) {
            findings.extend(secrecy(context, &path));
        }
    }
    checked
}

/// A sentence of `env check`, taken apart: it begins with its place where it has one.
fn of_a_line(stage: Target, problem: &str) -> Finding {
    let (place, what) = problem.split_once(": ").unwrap_or(("the stage's files", problem));
    // What is wrong with a line itself stands behind a colon; what is wrong with its value does not.
    let variable = what.split_whitespace().next().unwrap_or_default();
    let differs = what.contains(" differs from ");
    let (code, why) = match what {
        _ if differs => {
            ("values-differ", "Validibot refuses this server, or sends users elsewhere, with the two unequal")
        }
        _ if what.contains(" is missing: ") => {
            ("value-missing", "the program that reads it does not start without it")
        }
        _ if what.contains("placeholder") => ("placeholder", "the template's text is no value"),
        _ if what.contains(" is unknown: ") => {
            ("unknown-variable", "nothing reads it, so what it should say is not said")
        }
        _ if what.contains("is not read from here") => {
            ("misplaced-variable", "the program that needs it does not see it")
        }
        _ if what.contains("is set again") => ("set-twice", "the last one wins, and the first one misleads"),
        _ if envs::find(variable).is_some() => {
            ("malformed-value", "the program that reads it does not start with it")
        }
        _ => ("unreadable-line", "bash and the server would read the line differently"),
    };
    let fix = match code {
        "value-missing" => format!("add {variable}=… to {place}"),
        _ if envs::find(variable).is_some() => {
            format!(
                "correct the line; cargo xtask env explain {variable} --stage {stage} says what it is for"
            )
        }
        _ => format!("correct the line, then cargo xtask env check {stage}"),
    };
    Finding {
        code,
        severity: Severity::Error,
        what: what.to_owned(),
        why: why.to_owned(),
        place: place.to_owned(),
        fix,
    }
}

/// Who else can read a file with secrets: other users of this machine, or everybody with the repository.
fn secrecy(context: &Context, path: &Path) -> Vec<Finding> {
    let shown = path.display().to_string();
    let mut findings = Vec::new();
    let folder = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or_default();
    let tracked = Command::new("git").args(["ls-files", "--error-unmatch"]).arg(name).dir(folder).reads();
    // Without git, or outside a repository, nothing is tracked.
    if context.runner.run(&tracked, Streams::Captured).is_ok_and(|outcome| outcome.code == 0) {
        findings.push(Finding {
            code: "secrets-in-git",
            severity: Severity::Error,
            what: "git keeps a file with secrets".to_owned(),
            why: "everybody with the repository has them, in its history too".to_owned(),
            place: shown.clone(),
            fix: format!("git rm --cached {}, then replace every secret in it", quote(&shown)),
        });
    }
    let open = path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    if open {
        findings.push(Finding {
            code: "secrets-readable",
            severity: Severity::Warning,
            what: "other users of this machine can read a file with secrets".to_owned(),
            why: "whoever has the service key can act as this server".to_owned(),
            place: shown.clone(),
            fix: format!("chmod 600 {}", quote(&shown)),
        });
    }
    findings
}
