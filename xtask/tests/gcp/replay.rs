//! Whatever goes wrong with any read of any command, nothing is written.

use std::path::Path;

use xtask::cli::{Gcp, GcpBuild, GcpGate, GcpGated, GcpStage};
use xtask::commands::gcp::gcp;
use xtask::config::context::Context;
use xtask::config::env::Environment;
use xtask::config::stage::Stage;
use xtask::core::command::{Command, Effect};
use xtask::core::error::{Error, Result};
use xtask::core::output::Printer;
use xtask::core::runner::{Outcome, Runner};

use crate::outcomes::{reads, recorded};
use crate::stage::{APIS, mcp};

fn stage() -> GcpStage {
    GcpStage { stage: Stage::Dev, dry_run: false, yes: true, json: false, at_once: 2 }
}

fn gated() -> GcpGated {
    GcpGated { common: stage(), gate: GcpGate::default() }
}

/// What each read answers in a project that needs something, so that there is something to be kept from.
fn healthy(read: &str) -> Outcome {
    Outcome::success(match read {
        "apis" => APIS.join("\n"),
        "account" => String::new(),
        "repository" => r#"{"name": "x"}"#.to_owned(),
        "secret policy" | "project policy" | "web policy" => r#"{"etag": "ACAB"}"#.to_owned(),
        "versions" => {
            r#"[{"name": "projects/1/secrets/mcp-env-dev/versions/1", "state": "ENABLED"}]"#.to_owned()
        }
        "version" => mcp("old"),
        "revisions" => "[]".to_owned(),
        other => panic!("{other} is no read"),
    })
}

/// Runs a command with one read failing; the commands that would have changed something, and how it ended.
fn run(task: &Gcp, failing: &str, outcome: &Outcome) -> (Vec<String>, Result<()>) {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("dev/google-cloud");
    std::fs::create_dir_all(&files).unwrap();
    for (name, text) in [
        (".gcp", "GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\n".to_owned()),
        (".build", "ENABLE_MCP_SERVER=true\n".to_owned()),
        (".mcp", mcp("new")),
    ] {
        std::fs::write(files.join(name), text).unwrap();
    }
    let (failing, outcome) = (failing.to_owned(), outcome.clone());
    let known = reads();
    let answer = move |command: &Command| {
        let read = known.iter().find(|(_, read)| read.arguments() == command.arguments());
        match read {
            Some((read, _)) if *read == failing => outcome.clone(),
            Some((read, _)) => healthy(read),
            None if command.name() == "git" => Outcome::success(""),
            None if command.effect() == Effect::Reads => outcome.clone(),
            None => Outcome::success("projects/1/secrets/mcp-env-dev/versions/2"),
        }
    };
    let printer = Printer::captured();
    let runner = Runner::record(printer.clone(), answer);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let envs = Some(folder.path().to_owned());
    let context = Context::new(Environment::default(), envs, printer, runner.clone(), here).unwrap();
    let ended = gcp(&context, task).map(|_| ());
    let changes = runner.recorded().into_iter().filter(|command| command.effect() == Effect::Changes);
    (changes.map(|command| command.render()).collect(), ended)
}

/// The reads of each command.
fn commands() -> [(Gcp, Vec<&'static str>); 2] {
    [
        (
            Gcp::Setup(gated()),
            vec!["apis", "account", "repository", "secret policy", "project policy", "web policy"],
        ),
        (Gcp::Secrets(gated()), vec!["versions", "revisions", "version"]),
    ]
}

#[test]
fn with_every_read_answered_something_is_written() {
    for (task, _) in commands() {
        let (changes, ended) = run(&task, "none", &Outcome::success(""));
        assert!(ended.is_ok(), "{task:?}: {ended:?}");
        assert!(!changes.is_empty(), "the test below would prove nothing for {task:?}");
    }
}

#[test]
fn a_read_that_fails_writes_nothing() {
    let recorded = recorded();
    for (task, reads) in commands() {
        for read in reads {
            for (failure, said) in &recorded[read] {
                // The one failure that is an answer, for those that may be missing before a setup.
                let absent =
                    failure == "404" && ["repository", "secret policy", "web policy"].contains(&read);
                let (changes, ended) = run(&task, read, &said.outcome());
                if absent {
                    assert!(ended.is_ok() && !changes.is_empty(), "{read}, {failure}: {ended:?}");
                    continue;
                }
                let Err(error) = ended else { panic!("{read}, {failure} was taken for an answer") };
                assert!(changes.is_empty(), "{read}, {failure}: {changes:?}");
                check(&error, read, failure);
            }
        }
    }
}

#[test]
fn a_registry_that_fails_builds_nothing() {
    let (common, gate) = (stage(), GcpGate::default());
    let task =
        Gcp::Build(GcpBuild { common, gate, allow_dirty: false, rebuild: false, build_arg: Vec::new() });
    for said in [
        "ERROR: failed to do request: Head \"https://us-west1-docker.pkg.dev/v2/\": dial tcp: connection refused",
        "ERROR: unexpected status from HEAD request to https://us-west1-docker.pkg.dev/v2/: 401 Unauthorized",
        "ERROR: unexpected status from HEAD request to https://us-west1-docker.pkg.dev/v2/: 503 Service Unavailable",
        "",
    ] {
        let (changes, ended) = run(&task, "none", &Outcome::failure(1, said));
        assert!(changes.is_empty(), "{said}: {changes:?}");
        check(&ended.unwrap_err(), "registry", said);
    }
}

/// The message never says that something is absent, and says that nothing was changed.
fn check(error: &Error, read: &str, failure: &str) {
    let text = error.to_string();
    let gone = ["versions", "version"].contains(&read) && failure == "404";
    assert!(text.contains("nothing was changed"), "{read}, {failure}: {text}");
    assert!(gone || text.contains("could not tell what is there"), "{read}, {failure}: {text}");
    assert!(text.contains("\nhint: ") || gone, "{read}, {failure}: {text}");
    assert_eq!(error.exit().code(), 1);
}
