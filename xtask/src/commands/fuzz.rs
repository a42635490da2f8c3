//! `cargo xtask fuzz`: the targets in `fuzz/`, by cargo-fuzz.

use std::time::Duration;

use crate::cli::Fuzz;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// The targets' sources, a file for each.
const TARGETS: &str = "fuzz/fuzz_targets";

/// An input that takes longer is a finding, in seconds.
const SLOW: u32 = 10;

/// An input that takes more memory is a finding, in MB; the sanitizer has a part of it.
const MEMORY: u32 = 1024;

/// cargo-fuzz and the toolchain say at once whether they are there; rustup may have to think.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Fuzzes one target after the other; an error with every one that found something.
pub fn fuzz(context: &Context, args: &Fuzz) -> Result<()> {
    let known = targets(context)?;
    let chosen = match &args.target {
        None => known,
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => {
            return Err(Error::usage(format!("there is no fuzz target {name}"))
                .cause(format!("the targets are {}", known.join(", "))));
        }
    };
    require(context)?;
    let mut found = Vec::new();
    for target in chosen {
        context.printer.note(&format!("fuzzing {target} for {} s", args.seconds));
        let command = run(context, &target, args)?;
        if context.runner.run(&command, Streams::Inherited)?.code != 0 {
            found.push(format!("{target}: the input is in {}", artifacts(&target)));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Error::failed("fuzzing found something").causes(found)) }
}

fn targets(context: &Context) -> Result<Vec<String>> {
    let folder = context.root.join(TARGETS);
    let entries = std::fs::read_dir(&folder).map_err(|error| {
        Error::failed(format!("{} cannot be read", folder.display())).cause(error.to_string())
    })?;
    let names = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let source = path.extension().is_some_and(|end| end == "rs");
        source.then(|| path.file_stem().map(|name| name.to_string_lossy().into_owned())).flatten()
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// Reports every missing program, with the command that installs it.
fn require(context: &Context) -> Result<()> {
    let there = |command: Command| {
        let outcome = context.runner.run(&command.reads().deadline(ANSWER_WITHIN), Streams::Captured);
        outcome.is_ok_and(|outcome| outcome.code == 0)
    };
    let needed = [
        (
            nightly(context).arg("--version"),
            "a nightly toolchain: rustup toolchain install nightly --profile minimal",
        ),
        (nightly(context).args(["fuzz", "--version"]), "cargo-fuzz: cargo install cargo-fuzz --locked"),
    ];
    let missing: Vec<String> = needed
        .into_iter()
        .filter(|(command, _)| !there(command.clone()))
        .map(|(_, what)| what.to_owned())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::usage("fuzzing needs programs that are not installed").causes(missing))
    }
}

/// A nightly cargo. Ours is told to be the pinned one by these variables.
fn nightly(context: &Context) -> Command {
    Command::new("rustup")
        .args(["run", "nightly", "cargo"])
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .dir(&context.root)
}

fn artifacts(target: &str) -> String {
    format!("target/fuzz/artifacts/{target}")
}

fn run(context: &Context, target: &str, args: &Fuzz) -> Result<Command> {
    // What a planted panic leaves behind is no finding to keep.
    let kind = if args.planted { "planted" } else { "corpus" };
    let corpus = format!("target/fuzz/{kind}/{target}");
    for folder in [&corpus, &artifacts(target)] {
        let folder = context.root.join(folder);
        std::fs::create_dir_all(&folder).map_err(|error| {
            Error::failed(format!("{} cannot be made", folder.display())).cause(error.to_string())
        })?;
    }
    let mut command = nightly(context).args(["fuzz", "run", "--target-dir", "target/fuzz/build"]);
    if args.planted {
        command = command.args(["--features", "planted"]);
    }
    Ok(command
        .args([target, &corpus, &format!("fuzz/seeds/{target}"), "--"])
        .arg(format!("-max_total_time={}", args.seconds))
        .arg(format!("-timeout={SLOW}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", artifacts(target)))
        .arg("-print_final_stats=1")
        .no_deadline())
}
