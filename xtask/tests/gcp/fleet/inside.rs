//! The tool run within the test's own process, with a played gcloud, git and docker: a whole deploy in milliseconds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser as _;
use nix::sys::signal::Signal;
use serde_json::json;
use xtask::cli::{Cli, Task};
use xtask::config::context::Context;
use xtask::config::env::Environment;
use xtask::core::command::{Command, Effect};
use xtask::core::error::{Error, Result};
use xtask::core::interrupt::Interrupts;
use xtask::core::output::Printer;
use xtask::core::runner::{Outcome, Runner};

use super::Fleet;
use super::played::Played;
use crate::blow::Blow;

/// Which write is struck, counted from 0, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    pub(super) write: usize,
    pub(super) blow: Blow,
}

/// `gcp deploy-all dev` of the released image.
pub(super) fn run(fleet: &Fleet, more: &[&str], kill: Option<Kill>) -> (Result<()>, String, usize) {
    let image = format!("{}:{}", super::APPLICATION, fleet.tag);
    let words = ["deploy-all", "dev", "--yes", "--at-once", "1", "--image", &image];
    tool(fleet, &[&words, more].concat(), kill)
}

/// One run of the tool in this process, with a played gcloud, git and docker; what it said, and how many writes there were.
pub(super) fn tool(fleet: &Fleet, words: &[&str], kill: Option<Kill>) -> (Result<()>, String, usize) {
    let (result, [out, err], writes) = heard(fleet, words, kill);
    (result, out + &err, writes)
}

/// As [`tool`], with what it said on standard output apart from what it said beside that.
pub(super) fn heard(fleet: &Fleet, words: &[&str], kill: Option<Kill>) -> Heard {
    listen(fleet, &[], words, kill)
}

/// As [`heard`], with more in the environment.
pub(super) fn told(fleet: &Fleet, more: &[(&str, &str)], words: &[&str]) -> Heard {
    listen(fleet, more, words, None)
}

/// How it ended, its two streams, and how many writes there were.
type Heard = (Result<()>, [String; 2], usize);

fn listen(fleet: &Fleet, more: &[(&str, &str)], words: &[&str], kill: Option<Kill>) -> Heard {
    let played = Played(fleet.deployment.stage.emulator.address());
    let writes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&writes);
    let home = fleet.deployment.path("home");
    let tags = home.join("tags");
    let interrupts = Interrupts::none();
    let signals = interrupts.clone();
    let proven = Arc::clone(&fleet.proven);
    let answer = move |command: &Command| match command.name().as_str() {
        "git" if command.render().contains("status") => Outcome::success(""),
        "getent" => match std::fs::read_to_string(home.join("dns")) {
            Ok(address) => Outcome::success(format!("{address} STREAM name\n")),
            Err(_) => Outcome::failure(2, ""),
        },
        "git" if command.render().contains("merge-base") => {
            // Every commit holds the one that `oldest` names, which holds no other.
            let oldest = std::fs::read_to_string(home.join("oldest")).unwrap_or_default();
            let last = command.arguments().last().unwrap().to_string_lossy().into_owned();
            let is_oldest = !oldest.is_empty() && last.starts_with(&oldest);
            Outcome { code: i32::from(is_oldest), stdout: String::new(), stderr: String::new() }
        }
        "git" => {
            let said = std::fs::read_to_string(home.join("commit"));
            Outcome::success(said.unwrap_or_else(|_| "abc1234\n".to_owned()))
        }
        "docker" if command.render().contains("imagetools") => inspected(&tags, command),
        "docker" if command.arguments()[0] == "push" => pushed(&tags, command),
        "docker" => {
            let outcome = asked(&home, command);
            if outcome.code == 0 && command.render().contains(" probe ") {
                proven.lock().unwrap().extend(played.answering(&command.render()));
            }
            outcome
        }
        _ => {
            let number = if command.effect() == Effect::Changes {
                count.fetch_add(1, Ordering::SeqCst)
            } else {
                usize::MAX
            };
            let blow = kill.filter(|kill| kill.write == number).map(|kill| kill.blow);
            let outcome = match blow {
                Some(Blow::FailsBefore | Blow::KilledBefore) => Outcome::failure(137, ""),
                _ => played.answer(command),
            };
            match blow {
                None => outcome,
                Some(Blow::Interrupted) => {
                    signals.raise(Signal::SIGINT as i32);
                    outcome
                }
                Some(blow) if blow.kills() => std::panic::resume_unwind(Box::new("killed")),
                Some(_) => Outcome::failure(137, ""),
            }
        }
    };
    let printer = Printer::captured();
    let runner = Runner::record(printer.clone(), answer).interrupted_by(interrupts);
    let sources = fleet.deployment.path("application").display().to_string();
    let envs = Some(fleet.deployment.path("envs"));
    let environment: Environment =
        [("USER", "ada"), ("VALIDIBOT_DIR", sources.as_str())].iter().chain(more).copied().collect();
    let context =
        Context::new(environment, envs, printer.clone(), runner, &fleet.deployment.path("checkout")).unwrap();
    let words = ["xtask", "gcp"].iter().chain(words);
    let Some(Task::Gcp(task)) = Cli::parse_from(words).task else { panic!("no task") };
    let result = catch_unwind(AssertUnwindSafe(|| xtask::commands::gcp::gcp(&context, &task)));
    let result = match result {
        Ok(result) => result.map(|_| ()),
        Err(_) => Err(Error::failed("the tool was killed")),
    };
    (result, [printer.stdout(), printer.stderr()], writes.load(Ordering::SeqCst))
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

/// The server's own image: Validibot is licensed unless `unlicensed` is there, and what it proves is fit unless its address
/// holds what `unfit` says.
fn asked(home: &Path, command: &Command) -> Outcome {
    let asked = command.render();
    if asked.contains(" license ") {
        let licensed = !home.join("unlicensed").exists();
        return if licensed { Outcome::success("") } else { Outcome::failure(1, "no feature mcp_server") };
    }
    let unfit = std::fs::read_to_string(home.join("unfit")).ok();
    if unfit.is_none_or(|unfit| !asked.contains(&unfit)) {
        return Outcome::success(r#"{"proven": "challenge", "checks": []}"#);
    }
    let check = json!({"name": "ready", "status": "failed", "detail": "/readyz gives HTTP 503"});
    Outcome { code: 1, stdout: json!({"checks": [check]}).to_string(), stderr: String::new() }
}

/// The registry has the tag from now on.
fn pushed(tags: &Path, command: &Command) -> Outcome {
    let reference = command.arguments()[2].to_string_lossy().into_owned();
    std::fs::write(tags.join(reference.rsplit(':').next().unwrap_or_default()), "c".repeat(64)).unwrap();
    Outcome::success("")
}
