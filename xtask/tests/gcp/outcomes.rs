//! Every read in every way of failing: what the real gcloud says, and that nothing is ever written because of it.
//!
//! `outcomes.json` holds what gcloud said. One test asks the real gcloud again (`UPDATE_EXPECT=1` writes its answers
//! down); the other plays the answers to every command of the tool.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use gcp_emulator::{Emulator, Fault, FaultKind, installed};
use serde::{Deserialize, Serialize};
use test_support::require;
use xtask::config::stage::{Names, Stage};
use xtask::core::command::Command;
use xtask::core::interrupt::Interrupts;
use xtask::core::output::Printer;
use xtask::core::runner::{Outcome, Runner, Streams};
use xtask::tools::gcloud::{self, Advice, Seen, classify};

/// What gcloud said: by read, then by failure.
pub(crate) type Outcomes = BTreeMap<String, BTreeMap<String, Said>>;

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    code: i32,
    stderr: String,
}

impl Said {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::failure(self.code, self.stderr.clone())
    }
}

pub(crate) fn names() -> Names {
    Names::new("demo-proj", "us-west1", "validibot", "us-west1-docker.pkg.dev", Stage::Dev)
}

/// Every distinct read of the tool.
pub(crate) fn reads() -> Vec<(&'static str, Command)> {
    let names = names();
    vec![
        ("apis", gcloud::list_apis(&names)),
        ("account", gcloud::find_account(&names)),
        ("repository", gcloud::describe_repository(&names)),
        ("secret policy", gcloud::secret_policy(&names)),
        ("project policy", gcloud::project_policy(&names)),
        ("web policy", gcloud::web_policy(&names)),
        ("versions", gcloud::list_versions(&names)),
        ("version", gcloud::access_version(&names, 1)),
        ("revisions", gcloud::list_revision_secrets(&names, "us-west1")),
    ]
}

/// A read that is to fail in some way.
type Job = (&'static str, FaultKind, (&'static str, Command));

/// Every way of failing, and what an operator is told to do about it; `None` where it may mean absence.
const FAILURES: [(&str, FaultKind, Option<Advice>); 8] = [
    ("503", FaultKind::Server(503), Some(Advice::TryLater)),
    ("dropped", FaultKind::Dropped, Some(Advice::CheckNetwork)),
    ("401", FaultKind::Unauthenticated, Some(Advice::LogIn)),
    ("403", FaultKind::PermissionDenied, Some(Advice::AskForRole)),
    ("disabled", FaultKind::ApiDisabled, Some(Advice::EnableApi)),
    ("404", FaultKind::NotFound, None),
    ("html404", FaultKind::HtmlNotFound, None),
    ("429", FaultKind::RateLimited, Some(Advice::WaitForQuota)),
];

/// gcloud repeats the first two kinds for half a minute, doing little: these may run side by side.
const PATIENT: usize = 2;

/// A listing, or a policy of what cannot be missing, is never taken for absent by the commands themselves.
const MAY_BE_ABSENT: [&str; 5] = ["repository", "secret policy", "web policy", "versions", "version"];

pub(crate) fn recorded() -> Outcomes {
    serde_json::from_str(include_str!("outcomes.json")).unwrap()
}

#[test]
fn the_real_gcloud_says_what_was_recorded() {
    require!(installed::gcloud());
    let found: Mutex<Outcomes> = Mutex::default();
    let (patient, quick) = FAILURES.split_at(PATIENT);
    let jobs = |failures: &[(&'static str, FaultKind, Option<Advice>)]| -> Mutex<Vec<Job>> {
        let pairs = failures
            .iter()
            .flat_map(|failure| reads().into_iter().map(move |read| (failure.0, failure.1, read)));
        Mutex::new(pairs.collect())
    };
    let (patient, quick) = (jobs(patient), jobs(quick));
    let work = |jobs: &Mutex<Vec<Job>>| {
        loop {
            let Some((failure, kind, (read, command))) = jobs.lock().unwrap().pop() else { return };
            let said = ask(kind, command);
            found.lock().unwrap().entry(read.to_owned()).or_default().insert(failure.to_owned(), said);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| work(&patient));
        }
        for _ in 0..2 {
            scope.spawn(|| work(&quick));
        }
    });
    let found = found.into_inner().unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gcp/outcomes.json");
        std::fs::write(path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        return;
    }
    let recorded = recorded();
    for (read, by_failure) in &found {
        for (failure, said) in by_failure {
            assert_eq!(Some(said), recorded.get(read).and_then(|by| by.get(failure)), "{read}, {failure}");
        }
    }
}

/// Runs one read of the real gcloud against a project that fails in this way.
fn ask(kind: FaultKind, command: Command) -> Said {
    let emulator = Emulator::start().unwrap();
    emulator.fail(Fault::new("*", kind));
    // Nobody waits here, and five tries of a busy machine take their time.
    let command = command.no_deadline();
    let runner = Runner::real(Printer::captured(), Interrupts::none());
    let mut command = command.env_remove("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE");
    for (name, value) in emulator.env() {
        command = command.env(&name, value);
    }
    let outcome = runner.run(&command, Streams::Captured).unwrap();
    assert!(["", "[]"].contains(&outcome.stdout.trim()), "{}: {}", command.render(), outcome.stdout);
    Said { code: outcome.code, stderr: steady(&outcome.stderr, &emulator) }
}

/// Without what differs from run to run: ports, dates, and addresses of objects.
fn steady(text: &str, emulator: &Emulator) -> String {
    let port = emulator.address().port().to_string();
    let mut text = text.replace(&port, "PORT");
    if let Some((before, after)) = text.split_once("'date': '") {
        text = format!("{before}'date': '…{}", after.trim_start_matches(|c| c != '\''));
    }
    let mut parts = text.split("0x");
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        steady.push_str("0x…");
        steady.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    steady
}

#[test]
fn each_recorded_failure_is_understood() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    for (read, command) in reads() {
        for (failure, _, advice) in FAILURES {
            let said = &recorded[read][failure];
            assert_ne!(said.code, 0, "{read}, {failure}");
            match (classify(read, &command, &said.outcome()), advice) {
                (Seen::Absent, None) if MAY_BE_ABSENT.contains(&read) && failure == "404" => {}
                (Seen::Unknown(_), None) => {}
                (Seen::Unknown(trouble), Some(advice)) if trouble.advice == advice => {}
                (seen, _) => wrong.push(format!("{read}, {failure}: {seen:?}\n{}", said.stderr)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for read in MAY_BE_ABSENT {
        let (_, command) = reads().into_iter().find(|(name, _)| *name == read).unwrap();
        assert_eq!(classify(read, &command, &recorded[read]["404"].outcome()), Seen::Absent, "{read}");
    }
}
