//! `cargo xtask test`: what a change has to pass. CI runs the same.

use std::path::Path;
use std::time::Duration;

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// Where tests write what they skipped and why, one `name: reason` a line; the name of the variable that says so.
pub const SKIPPED_LOG: &str = "VALIDIBOT_SKIPPED_LOG";

/// How long the advisory database may take to arrive: it is a few megabytes.
const FETCH_WITHIN: Duration = Duration::from_mins(1);

/// Runs every check, continues after a failure, and lists at the end what failed and what was skipped.
pub fn test(context: &Context) -> Result<()> {
    let skipped_log = context.root.join("target/skipped-tests.log");
    // A list of an earlier run would be read as ours.
    let _ = std::fs::remove_file(&skipped_log);
    let deny = Deny::find(context)?;
    let mut failed = Vec::new();
    for (name, command) in checks(context, &skipped_log, &deny) {
        context.printer.note(&format!("check: {name}"));
        let outcome = context.runner.run(&command, Streams::Inherited)?;
        if outcome.code != 0 {
            failed.push(format!("{name}: {}", command.render()));
        }
    }
    let mut skipped: Vec<String> =
        std::fs::read_to_string(&skipped_log).unwrap_or_default().lines().map(str::to_owned).collect();
    match deny {
        Deny::Missing => {
            skipped.push(
                "dependencies: cargo-deny is not installed (cargo install cargo-deny --locked)".to_owned(),
            );
        }
        // No skip: a machine without a way to GitHub cannot do anything about it.
        Deny::WithoutAdvisories => {
            context.printer.warn("advisories were not checked: their database cannot be downloaded");
        }
        Deny::Complete => {}
    }
    skipped.sort();
    skipped.dedup();
    conclude(context, &failed, &skipped)
}

/// What can be checked about dependencies here.
enum Deny {
    Missing,
    WithoutAdvisories,
    Complete,
}

impl Deny {
    fn find(context: &Context) -> Result<Self> {
        let deny = |args: &[&str]| {
            let command = Command::new(context.cargo()).arg("deny").args(args).dir(&context.root);
            context.runner.run(&command.reads(), Streams::Captured).map(|outcome| outcome.code == 0)
        };
        if !deny(&["--version"])? {
            return Ok(Self::Missing);
        }
        let fetch = Command::new(context.cargo()).args(["deny", "fetch", "db"]).dir(&context.root);
        let fetched = context.runner.run(&fetch.reads().deadline(FETCH_WITHIN), Streams::Captured);
        // Not in time is not at all; an interruption ends everything, which the next command says.
        Ok(if fetched.is_ok_and(|outcome| outcome.code == 0) {
            Self::Complete
        } else {
            Self::WithoutAdvisories
        })
    }
}

fn checks(context: &Context, skipped_log: &Path, deny: &Deny) -> Vec<(&'static str, Command)> {
    let cargo = || Command::new(context.cargo()).dir(&context.root).no_deadline();
    // `cargo test` leaves the builder's test out.
    let targets = ["--all-targets", "--test", "builder"];
    let log = skipped_log.to_string_lossy().into_owned();
    let mut checks = vec![
        ("format", cargo().args(["fmt", "--all", "--check"])),
        (
            "lints",
            cargo().args(["clippy", "--workspace"]).args(targets).args(["--locked", "--", "-D", "warnings"]),
        ),
        ("tests", cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]).env(SKIPPED_LOG, log)),
    ];
    let dependencies = cargo().args(["deny", "--workspace", "check", "bans", "licenses", "sources"]);
    match deny {
        Deny::Missing => {}
        Deny::WithoutAdvisories => checks.push(("dependencies", dependencies)),
        Deny::Complete => checks.push(("dependencies", dependencies.arg("advisories"))),
    }
    checks
}

fn conclude(context: &Context, failed: &[String], skipped: &[String]) -> Result<()> {
    if !skipped.is_empty() {
        context.printer.warn(&format!("skipped {}:\n  {}", skipped.len(), skipped.join("\n  ")));
    }
    if !failed.is_empty() {
        return Err(Error::failed(format!("{} of the checks failed", failed.len())).causes(failed.to_vec()));
    }
    let required = &envs::tests::REQUIRE_ALL_TESTS;
    let all = context.environment.get(required.name).and_then(envs::parse_switch).unwrap_or(false);
    if all && !skipped.is_empty() {
        return Err(Error::failed("tests were skipped although all are required")
            .causes(skipped.to_vec())
            .origin(format!("{} in the process environment", required.name))
            .hint("install what they need"));
    }
    let how = if skipped.is_empty() { "nothing skipped" } else { "except for the skipped ones above" };
    context.printer.note(&format!("all checks passed, {how}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::{Environment, Tree};
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    fn context(environment: Environment, failing: &'static str) -> (Context, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), move |command| {
            let code = i32::from(command.arguments().iter().any(|arg| arg == failing));
            Outcome { code, stdout: String::new(), stderr: String::new() }
        });
        let tree = Tree::new(folder.path(), folder.path());
        (Context { root: folder.path().to_owned(), environment, tree, printer, runner }, folder)
    }

    #[test]
    fn a_missing_tool_is_loud_and_fails_where_everything_is_required() {
        let (lenient, _folder) = context(Environment::default(), "deny");
        test(&lenient).unwrap();
        assert!(lenient.printer.stderr().contains("warning: skipped 1:\n  dependencies: cargo-deny"));
        let (strict, _folder) =
            context([("VALIDIBOT_REQUIRE_ALL_TESTS", "true")].into_iter().collect(), "deny");
        let error = test(&strict).unwrap_err();
        assert!(error.to_string().contains("although all are required"), "{error}");
    }

    #[test]
    fn every_failure_is_reported_at_the_end() {
        let (context, _folder) = context(Environment::default(), "clippy");
        let error = test(&context).unwrap_err();
        assert!(error.to_string().starts_with("1 of the checks failed\n  lints: "), "{error}");
        let ran: Vec<_> = context.runner.recorded().iter().map(|c| c.arguments()[0].clone()).collect();
        assert!(ran.contains(&"test".into()), "a failure does not hide the next one");
    }
}
