//! The stage's files: whether they are there, can be read, say what they should, and are kept secret.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use envs::HeldIn;

use super::finding::{Finding, Severity};
use crate::commands::env::{self, Checked, Fault, Problem};
use crate::config::context::Context;
use crate::config::stage::Target;
use crate::core::command::{Command, quote};
use crate::core::runner::Streams;

/// Checks every file, and returns what it read.
pub(super) fn examine(context: &Context, stage: Target, findings: &mut Vec<Finding>) -> Checked {
    let checked = env::examine(context, stage);
    let nothing = checked.files.is_empty() && !checked.unreadable;
    if nothing {
        // The local stack's files are written by its first start.
        if stage != Target::Local {
            findings.push(Finding {
                code: "no-files",
                severity: Severity::Error,
                what: format!("{stage} has no files"),
                why: "its addresses and secrets are unknown, so nothing can be started".to_owned(),
                place: context.tree.folder(stage).display().to_string().into(),
                fix: format!("cargo xtask env init {stage}"),
            });
        }
        return checked;
    }
    // A stage may be worked on before its test user exists, and a first local start writes what is missing.
    let begun = |problem: &&Problem| stage != Target::Local || !matches!(problem.fault, Fault::Missing(_));
    findings.extend(checked.problems.iter().filter(begun).map(|problem| of_a_line(stage, problem)));
    for file in [HeldIn::Mcp, HeldIn::Test] {
        if let Some(path) = context.tree.path(stage, file).filter(|path| path.is_file()) {
            findings.extend(secrecy(context, &path));
        }
    }
    checked
}

/// What `env check` found, with what follows from it and what to do.
fn of_a_line(stage: Target, problem: &Problem) -> Finding {
    let fix = match (&problem.fault, problem.variable()) {
        (Fault::Missing(_), Some(variable)) => format!("add {variable}=… to {}", problem.place),
        (Fault::Unreadable(_), _) | (_, None) => {
            format!("correct the line, then cargo xtask env check {stage}")
        }
        (_, Some(variable)) => format!(
            "correct the line; cargo xtask env explain {variable} --stage {stage} says what it is for"
        ),
    };
    Finding {
        code: problem.fault.code(),
        severity: Severity::Error,
        what: problem.sentence(),
        why: problem.fault.consequence().to_owned(),
        place: problem.place.clone().into(),
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
            what: "git tracks a file with secrets".to_owned(),
            why: "everyone with access to the repository has them, also from its history".to_owned(),
            place: shown.clone().into(),
            fix: format!("git rm --cached {}, then replace every secret in it", quote(&shown)),
        });
    }
    let open = path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    if open {
        findings.push(Finding {
            code: "secrets-readable",
            severity: Severity::Warning,
            what: "other users of this machine can read a file with secrets".to_owned(),
            why: "anyone who has the service key can act as this server".to_owned(),
            place: shown.clone().into(),
            fix: format!("chmod 600 {}", quote(&shown)),
        });
    }
    findings
}
