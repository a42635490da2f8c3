//! The tool run within the test's own process, with a played gcloud, git and docker: a whole deploy in milliseconds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser as _;
use serde_json::json;
use xtask::cli::{Cli, Task};
use xtask::command::{Command, Effect};
use xtask::context::Context;
use xtask::env::Environment;
use xtask::error::Result;
use xtask::output::Printer;
use xtask::runner::{Outcome, Runner};

use super::Fleet;
use super::played::Played;

/// Which write is killed, and whether it was carried out by then.
#[derive(Clone, Copy)]
pub(super) struct Kill {
    pub(super) write: usize,
    pub(super) after: bool,
}

/// `gcp deploy-all dev` of the released image.
pub(super) fn run(fleet: &Fleet, more: &[&str], kill: Option<Kill>) -> (Result<()>, String, usize) {
    let image = format!("{}:{}", super::APPLICATION, fleet.tag);
    let words = ["deploy-all", "dev", "--yes", "--at-once", "1", "--image", &image];
    tool(fleet, &[&words, more].concat(), kill)
}

/// One run of the tool in this process, with a played gcloud, git and docker; what it said, and how many writes there were.
pub(super) fn tool(fleet: &Fleet, words: &[&str], kill: Option<Kill>) -> (Result<()>, String, usize) {
    let played = Played(fleet.deployment.stage.emulator.address());
    let writes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&writes);
    let tags = fleet.deployment.path("home/tags");
    let answer = move |command: &Command| match command.name().as_str() {
        "git" if command.render().contains("status") => Outcome::success(""),
        "git" => Outcome::success("abc1234\n"),
        "docker" if command.render().contains("imagetools") => inspected(&tags, command),
        "docker" if command.arguments()[0] == "push" => pushed(&tags, command),
        "docker" => Outcome::success(r#"{"proven": "challenge", "checks": []}"#),
        _ => {
            let number = if command.effect() == Effect::Changes {
                count.fetch_add(1, Ordering::SeqCst)
            } else {
                usize::MAX
            };
            let killed = kill.filter(|kill| kill.write == number);
            if killed.is_none_or(|kill| kill.after) {
                let outcome = played.answer(command);
                if killed.is_none() {
                    return outcome;
                }
            }
            Outcome::failure(137, "")
        }
    };
    let printer = Printer::captured();
    let runner = Runner::record(printer.clone(), answer);
    let sources = fleet.deployment.path("application").display().to_string();
    let envs = Some(fleet.deployment.path("envs"));
    let environment: Environment =
        [("USER", "ada"), ("VALIDIBOT_DIR", sources.as_str())].into_iter().collect();
    let context =
        Context::new(environment, envs, printer.clone(), runner, &fleet.deployment.path("checkout")).unwrap();
    let words = ["xtask", "gcp"].iter().chain(words);
    let Some(Task::Gcp(task)) = Cli::parse_from(words).task else { panic!("no task") };
    let result = xtask::gcp::gcp(&context, &task).map(|_| ());
    (result, format!("{}{}", printer.stdout(), printer.stderr()), writes.load(Ordering::SeqCst))
}

/// The digest of a tag that the test has released; the server's own image is always there.
fn inspected(tags: &Path, command: &Command) -> Outcome {
    let reference = command.arguments()[3].to_string_lossy().into_owned();
    let tag = reference.rsplit(':').next().unwrap_or_default();
    let Ok(digest) = std::fs::read_to_string(tags.join(tag)).or_else(|missing| {
        if reference.contains("/validibot-mcp:") { Ok("f".repeat(64)) } else { Err(missing) }
    }) else {
        return Outcome::failure(1, format!("ERROR: {reference}: not found"));
    };
    Outcome::success(json!({"digest": format!("sha256:{digest}")}).to_string())
}

/// The registry has the tag from now on.
fn pushed(tags: &Path, command: &Command) -> Outcome {
    let reference = command.arguments()[2].to_string_lossy().into_owned();
    std::fs::write(tags.join(reference.rsplit(':').next().unwrap_or_default()), "c".repeat(64)).unwrap();
    Outcome::success("")
}
