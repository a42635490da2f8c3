//! Cargo's builds, with what they are at on one line: cargo itself draws only where it has the terminal for itself.

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::output::{Progress, plain};
use crate::core::runner::{Outcome, Said};

/// How many lines of what the compiler says are kept: an error of ours is followed by all of them.
const KEPT_LINES: usize = 2000;

/// How wide cargo's line may be: what is behind the count is names of crates, and the first few are enough.
const LINE: &str = "100";

/// The words that cargo begins a line with when nothing is wrong.
const STEPS: [&str; 15] = [
    "Adding",
    "Building",
    "Blocking",
    "Checking",
    "Compiling",
    "Dirty",
    "Downloaded",
    "Downloading",
    "Finished",
    "Fresh",
    "Locking",
    "Removed",
    "Running",
    "Updating",
    "Waiting",
];

/// What a build says while it goes on.
#[derive(Debug, Default)]
struct Build {
    /// Whether anything had to be compiled, downloaded or waited for.
    worked: bool,
    said: Vec<String>,
}

/// Runs a build and shows how far it is; what the compiler says is shown where it fails. `each` gets the lines of cargo's
/// standard output.
pub(super) fn build(
    context: &Context,
    what: &str,
    command: &Command,
    each: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    let colours = context.printer.messages_have_colours();
    let command = command
        .clone()
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", LINE)
        .env("CARGO_TERM_COLOR", if colours { "always" } else { "never" });
    let mut build = Build::default();
    let progress = context.printer.progress(what);
    let outcome = context.runner.watch(&command, &mut |said| match said {
        Said::Stdout(line) => each(&line),
        Said::Stderr(line) => build.take(&progress, line),
    })?;
    if build.worked {
        drop(progress);
    } else {
        progress.leave_nothing();
    }
    if !build.said.is_empty() {
        context.printer.as_said(&build.said.join("\n"));
    }
    Ok(outcome)
}

impl Build {
    fn take(&mut self, progress: &Progress, line: String) {
        let words = plain(&line);
        let step = words.trim_start().split(' ').next().unwrap_or_default();
        if !STEPS.contains(&step) || !words.starts_with(' ') {
            if self.said.len() < KEPT_LINES && !(self.said.is_empty() && line.trim().is_empty()) {
                self.said.push(line);
            }
            return;
        }
        if let Some(at) = detail(&words) {
            self.worked = true;
            progress.detail(&at);
        }
    }
}

/// What a line of cargo's says about how far it is.
fn detail(line: &str) -> Option<String> {
    let (step, rest) = line.trim().split_once(' ')?;
    match step {
        // Building [=====>      ] 37/356: aws-lc-sys, serde
        "Building" => {
            let (count, names) = rest.split_once("] ")?.1.split_once(':').unwrap_or((rest, ""));
            let (done, all) = count.trim().split_once('/')?;
            let first = names.split(',').next().unwrap_or_default().trim();
            let first = if first.is_empty() { String::new() } else { format!(", {first}") };
            Some(format!("{done} of {all} crates{first}"))
        }
        "Blocking" => Some("waiting for another cargo, which is building".to_owned()),
        "Compiling" | "Downloading" | "Downloaded" | "Updating" | "Locking" => Some(line.trim().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::env::Environment;
    use crate::core::interrupt::Interrupts;
    use crate::core::output::Printer;
    use crate::core::runner::Runner;

    fn context() -> Context {
        let printer = Printer::captured();
        let runner = Runner::real(printer.clone(), Interrupts::none());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Context::new(Environment::default(), None, printer, runner, here).unwrap()
    }

    #[test]
    fn cargo_s_own_lines_say_how_far_it_is() {
        let at = |line| detail(line).unwrap_or_default();
        assert_eq!(
            at("    Building [====>     ] 37/356: aws-lc-sys(build), serde"),
            "37 of 356 crates, aws-lc-sys(build)"
        );
        assert_eq!(
            at("    Blocking waiting for file lock on build directory"),
            "waiting for another cargo, which is building"
        );
        assert_eq!(at("   Compiling serde v1.0.0"), "Compiling serde v1.0.0");
        assert_eq!(detail("    Finished `dev` profile in 0.04s"), None);
    }

    #[test]
    fn a_real_build_is_counted_and_what_is_wrong_is_shown_whole() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        write(
            "Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        );
        write("src/main.rs", "fn main() {}\n");
        let context = context();
        let cargo = Command::new(context.cargo())
            .args(["build", "--offline", "--message-format=json-render-diagnostics"])
            .env("CARGO_TARGET_DIR", folder.path().join("target").display().to_string())
            .dir(folder.path());
        let mut artifacts = 0;
        let mut run = || {
            build(&context, "compiling a", &cargo, &mut |line| {
                artifacts += usize::from(line.contains("compiler-artifact"));
            })
        };
        assert_eq!(run().unwrap().code, 0);
        assert_eq!(artifacts, 1);
        assert_eq!(context.printer.stderr(), "compiling a\n");
        write("src/main.rs", "fn main() { absent() }\n");
        let failed = build(&context, "compiling a", &cargo, &mut |_| {}).unwrap();
        assert_eq!(failed.code, 101);
        let said = context.printer.stderr();
        assert!(said.contains("cannot find function `absent`") && said.contains("src/main.rs:1"), "{said}");
        assert!(!said.contains("Compiling") && !said.contains("Building ["), "{said}");
    }
}
