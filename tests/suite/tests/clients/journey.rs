//! The main job, and what has to come out of it.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::process;
use suite::server::Server;
use tempfile::TempDir;
use tokio::process::Command;

/// Long enough for several progress reports, shorter than a person would wait.
const SIMULATION: Duration = Duration::from_secs(5);
/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(3);

/// A server before a sandbox, and the files to validate.
pub(crate) struct Journey {
    pub(crate) server: Server,
    pub(crate) good: Value,
    pub(crate) bad: Value,
    pub(crate) slow: Value,
    scratch: TempDir,
    // Lives as long as the server before it.
    _sandbox: Sandbox,
}

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Seen(pub(crate) Value);

impl Journey {
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::builder().simulation(SIMULATION).start().await.expect("a sandbox");
        let server = Server::for_sandbox(&sandbox).start().await;
        let file = |workflow: &str, name: &str, bytes: &[u8]| {
            json!({
                "file_content": BASE64_STANDARD.encode(bytes),
                "file_name": name,
                "workflow_ref": fixtures::workflow_ref(fixtures::ACME, workflow),
            })
        };
        Self {
            server,
            good: file(fixtures::ENERGY_MODEL, "good.json", fixtures::GOOD_ENERGY_MODEL),
            bad: file(fixtures::SENSOR_TABLE, "bad.csv", fixtures::BAD_TABLE),
            slow: file(fixtures::ANNUAL_SIMULATION, "good.json", fixtures::GOOD_ENERGY_MODEL),
            scratch: tempfile::tempdir().expect("a folder"),
            _sandbox: sandbox,
        }
    }

    /// A folder for what a client keeps.
    pub(crate) fn scratch(&self) -> &std::path::Path {
        self.scratch.path()
    }

    /// Runs a script that does the main job.
    pub(crate) async fn run(&self, mut script: Command, client: &str, mode: &str) -> Seen {
        let input = self.scratch().join("input.json");
        let given = json!({
            "url": self.server.mcp_url(), "token": fixtures::DEMO_TOKEN, "scratch": self.scratch(),
            "good": self.good, "bad": self.bad, "slow": self.slow,
        });
        std::fs::write(&input, given.to_string()).expect("the input is written");
        script.arg(client).arg(mode).arg(&input);
        let what = format!("{client} in mode {mode}");
        let output = process::run(&mut script, DEADLINE).await.expect("it ends").expect_success(&what);
        let last = output.stdout.lines().last().unwrap_or_default();
        let seen =
            serde_json::from_str(last).unwrap_or_else(|_| panic!("{what} printed {:?}", output.stdout));
        Seen(seen)
    }
}

impl Seen {
    /// Asserts that the main job was done, in this version of the protocol.
    #[track_caller]
    pub(crate) fn assert_done(&self, version: Option<&str>) {
        let seen = &self.0;
        assert_eq!(seen["protocol"].as_str(), version);
        self.assert_catalogue();
        assert_eq!((&seen["good"]["state"], &seen["good"]["result"]), (&json!("COMPLETED"), &json!("PASS")));
        assert_findings(&seen["bad"]);
        assert_eq!((&seen["slow"]["state"], &seen["slow"]["result"]), (&json!("COMPLETED"), &json!("PASS")));
        let progress = seen["progress"].as_array().expect("a list");
        assert!(progress.len() >= 3, "progress while the slow one runs: {progress:?}");
        let done: Vec<f64> = progress.iter().filter_map(|p| p["progress"].as_f64()).collect();
        assert!(done.windows(2).all(|pair| pair[0] < pair[1]), "it only grows: {progress:?}");
        assert_eq!(seen["refused"]["is_error"], true, "{}", seen["refused"]);
        assert_eq!(seen["refused"]["structured"]["error"]["code"], "INVALID_PARAMS", "{}", seen["refused"]);
    }

    #[track_caller]
    fn assert_catalogue(&self) {
        let workflows = self.0["workflows"].as_array().expect("a list");
        let details = self.0["details"].as_array().expect("a list");
        assert_eq!((workflows.len(), details.len()), (5, 5));
        for (workflow, details) in workflows.iter().zip(details) {
            assert_eq!(workflow["slug"], details["slug"]);
            assert!(details["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{details}");
        }
    }
}

/// Asserts that a run failed, and that each finding says where and what.
#[track_caller]
pub(crate) fn assert_findings(run: &Value) {
    assert_eq!((&run["state"], &run["result"]), (&json!("COMPLETED"), &json!("FAIL")), "{run}");
    let findings = run["overview"]["findings"]["shown"].as_array().expect("findings");
    assert!(findings.len() >= 4, "{findings:#?}");
    for issue in findings {
        assert!(issue["message"].as_str().is_some_and(|text| !text.is_empty()), "{issue}");
        assert!(issue["path"].as_str().is_some_and(|place| !place.is_empty()), "it names the place: {issue}");
    }
}
