//! `cargo xtask verify`: what is too long for every landing, one after the other; its report is a page of `docs/`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::artifact::image::{self, Program, Purpose, Revision};
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;
use crate::core::secret::hex;

/// The report.
const PAGE: &str = "docs/verification.md";
/// The payments suite: among its tests, a real wallet, facilitator, token and chain.
const PAYMENTS: [&str; 5] = ["test", "--package", "validibot-suite", "--test", "payments"];
/// The Dockerfile's own stage against this machine.
const BUILDER: [&str; 5] = ["test", "--package", "validibot-suite", "--test", "builder"];
/// Where a second copy of the sources is compiled.
const COPY: &str = "target/verify/sources";

/// A check, and how it came out.
struct Step {
    what: &'static str,
    /// What was typed, or what was done.
    how: String,
    outcome: std::result::Result<String, String>,
    took: Duration,
}

/// Runs every check, continues after a failure, and writes the report.
pub fn verify(context: &Context) -> Result<()> {
    // Before anything is written: the figures that are kept make the checkout differ from its commit.
    let revision = Revision::of(context)?;
    // The figures come first, while nothing has warmed the machine or filled its memory.
    let own: [(&str, &[&str]); 3] = [
        ("the figures", &["bench", "--keep"]),
        ("a soak test of ten minutes has a clean ledger", &["soak", "10"]),
        ("each fuzz target runs for a minute without a finding", &["fuzz", "--seconds", "60"]),
    ];
    let mut steps = Vec::new();
    for (what, arguments) in own {
        steps.push(step(context, what, format!("cargo xtask {}", arguments.join(" ")), || {
            let code = run(context, arguments)?;
            if code == 0 { Ok("passed".to_owned()) } else { Err(Error::failed(format!("exit code {code}"))) }
        }));
    }
    let planted = ["fuzz", "jwt", "--planted", "--seconds", "120"];
    steps.push(step(
        context,
        "a planted panic is found",
        format!("cargo xtask {}", planted.join(" ")),
        || {
            // Exit code 1 is a finding; any other means that nothing was tried.
            match run(context, &planted)? {
                1 => Ok("found".to_owned()),
                code => Err(Error::failed(format!("not found: exit code {code}"))),
            }
        },
    ));
    let suites = [
        ("payments move real tokens on a real chain exactly once", PAYMENTS),
        ("the Dockerfile's builder stage compiles the same program as this machine", BUILDER),
    ];
    for (what, suite) in suites {
        steps.push(step(context, what, format!("cargo {}", suite.join(" ")), || {
            let command = nothing_skipped(Command::new(context.cargo()).args(suite), context);
            match context.runner.run(&command, Streams::Inherited)?.code {
                0 => Ok("passed".to_owned()),
                code => Err(Error::failed(format!("exit code {code}"))),
            }
        }));
    }
    let how = "the server compiled in two folders".to_owned();
    steps
        .push(step(context, "the image's program is reproducible", how, || reproducible(context, &revision)));
    let page = context.root.join(PAGE);
    std::fs::write(&page, report(&steps, &revision)).map_err(|error| {
        Error::failed(format!("{} cannot be written", page.display())).cause(error.to_string())
    })?;
    context.printer.note(&format!("wrote {PAGE}"));
    let failed: Vec<String> = steps
        .iter()
        .filter_map(|step| Some(format!("{}: {}", step.what, step.outcome.as_ref().err()?)))
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::failed("some checks failed").causes(failed)) }
}

fn step(context: &Context, what: &'static str, how: String, act: impl FnOnce() -> Result<String>) -> Step {
    context.printer.note(&format!("verify: {what}"));
    let started = Instant::now();
    let outcome = act().map_err(|error| error.to_string());
    Step { what, how, outcome, took: started.elapsed() }
}

/// A task of this very program, in which nothing is skipped.
fn run(context: &Context, arguments: &[&str]) -> Result<i32> {
    let own = std::env::current_exe()
        .map_err(|error| Error::failed("this program's path is unknown").cause(error.to_string()))?;
    let command = nothing_skipped(Command::new(own).args(arguments), context);
    Ok(context.runner.run(&command, Streams::Inherited)?.code)
}

/// The command at the root, for as long as it takes, with a skip counted as a failure.
fn nothing_skipped(command: Command, context: &Context) -> Command {
    command.env(envs::tests::REQUIRE_ALL_TESTS.name, "true").dir(&context.root).no_deadline()
}

/// The same commit gives the same program, wherever it is compiled.
fn reproducible(context: &Context, revision: &Revision) -> Result<String> {
    let here = image::compile_at(context, Program::Server.name(), Purpose::Release, revision)?;
    let copy = context.root.join(COPY);
    let _ = std::fs::remove_dir_all(&copy);
    let failed =
        |error: std::io::Error| Error::failed("the sources cannot be copied").cause(error.to_string());
    std::fs::create_dir_all(&copy).map_err(failed)?;
    let archive = copy.with_extension("tar");
    let git = Command::new("git").args(["archive", "--output"]).arg(&archive).arg("HEAD").dir(&context.root);
    context.runner.read(&git)?;
    context.runner.read(&Command::new("tar").arg("--extract").arg("--file").arg(&archive).dir(&copy))?;
    let elsewhere = Context { root: copy, ..context.clone() };
    let there = image::compile_at(&elsewhere, Program::Server.name(), Purpose::Release, revision)?;
    let (here, there) = (sum(&here)?, sum(&there)?);
    if here == there {
        Ok(format!("sha256:{here}"))
    } else {
        Err(Error::failed(format!("{here} here, {there} in another folder")))
    }
}

fn sum(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| {
        Error::failed(format!("{} cannot be read", path.display())).cause(error.to_string())
    })?;
    Ok(hex(&hmac_sha256::Hash::hash(&bytes)))
}

fn report(steps: &[Step], revision: &Revision) -> String {
    let mut text = format!(
        "# Verification\n\nWritten by `cargo xtask verify`, of commit {}. The measurements are in \
         [performance.md](performance.md).\n\n| what | how | outcome | minutes |\n| --- | --- | --- | ---: |\n",
        revision.commit
    );
    for Step { what, how, outcome, took } in steps {
        let outcome = match outcome {
            Ok(said) => said.clone(),
            Err(reason) => format!("**failed**: {}", reason.lines().next().unwrap_or_default()),
        };
        let minutes = took.as_secs_f64() / 60.0;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {what} | {how} | {outcome} | {minutes:.1} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_what_failed() {
        let step = |outcome| Step { what: "w", how: "h".into(), outcome, took: Duration::from_secs(90) };
        let revision = Revision { commit: "abc".into(), created: String::new() };
        let text = report(&[step(Ok("passed".into())), step(Err("reason\nmore".into()))], &revision);
        assert!(
            text.contains("| w | h | passed | 1.5 |") && text.contains("| **failed**: reason | 1.5 |"),
            "{text}"
        );
    }
}
