//! The real gcloud against the emulator: every flag is read by the program that operators run.

use std::process::{Command, Stdio};
use std::sync::Arc;

use gcp_emulator::{Emulator, Fault, FaultKind, Options, Scripted, installed};
use serde_json::Value;
use test_support::require;

const ACCOUNT: &str = "mcp-run@demo-proj.iam.gserviceaccount.com";

fn image(fill: char) -> String {
    let digest = fill.to_string().repeat(64);
    format!("us-west1-docker.pkg.dev/demo-proj/validibot/validibot-mcp@sha256:{digest}")
}

pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Output {
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }
}

pub(crate) fn gcloud(emulator: &Emulator, arguments: &[&str]) -> Output {
    let output = Command::new("gcloud")
        .args(arguments)
        .arg("--quiet")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(emulator.env())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A project in which the service can be deployed.
fn prepared(options: Options) -> Emulator {
    let emulator = Emulator::start_with(options).unwrap();
    let apis = ["run.googleapis.com", "secretmanager.googleapis.com", "artifactregistry.googleapis.com"];
    emulator.cloud().enable(&apis);
    gcloud(&emulator, &["iam", "service-accounts", "create", "mcp-run"]).ok();
    emulator
}

fn deploy<'a>(image: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", "deploy", "validibot-mcp", "--image", image, "--region", "us-west1"];
    arguments.extend(["--service-account", ACCOUNT, "--no-allow-unauthenticated"]);
    arguments.extend(extra);
    arguments
}

fn traffic(emulator: &Emulator) -> Value {
    emulator.snapshot()["services"]["validibot-mcp"]["status"]["traffic"].clone()
}

#[test]
fn from_an_empty_project_to_a_promoted_candidate() {
    require!(installed::gcloud());
    let emulator = Emulator::start().unwrap();
    let run = |arguments: &[&str]| gcloud(&emulator, arguments).ok();
    run(&[
        "services",
        "enable",
        "run.googleapis.com",
        "secretmanager.googleapis.com",
        "artifactregistry.googleapis.com",
    ]);
    run(&["iam", "service-accounts", "create", "mcp-run", "--display-name=MCP runtime"]);
    let region = ["--location", "us-west1"];
    run(&[&["artifacts", "repositories", "create", "validibot", "--repository-format=docker"], &region[..]]
        .concat());
    run(&["secrets", "create", "mcp-env", "--replication-policy=user-managed", "--locations=us-west1"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "K=a\n").unwrap();
    let data = format!("--data-file={}", file.path().display());
    run(&["secrets", "versions", "add", "mcp-env", &data]);
    let member = format!("--member=serviceAccount:{ACCOUNT}");
    run(&[
        "secrets",
        "add-iam-policy-binding",
        "mcp-env",
        &member,
        "--role=roles/secretmanager.secretAccessor",
    ]);

    let (first, second) = (image('a'), image('b'));
    let mount = "--set-secrets=/secrets/.env=mcp-env:1";
    run(&deploy(
        &first,
        &[mount, "--memory=512Mi", "--cpu=1", "--max-instances=2", "--execution-environment=gen2"],
    ));
    let stable = traffic(&emulator)[0]["revisionName"].clone();
    run(&deploy(&second, &["--no-traffic", "--tag=candidate"]));
    let split = traffic(&emulator);
    assert_eq!((&split[0]["revisionName"], &split[0]["percent"]), (&stable, &Value::from(100)));
    assert_eq!(split[1]["tag"], "candidate");
    let update = ["run", "services", "update-traffic", "validibot-mcp", "--region=us-west1"];
    run(&[&update[..], &["--to-latest", "--remove-tags=candidate"]].concat());
    let whole = traffic(&emulator);
    assert_eq!(whole[0]["revisionName"], split[1]["revisionName"]);
    assert_eq!(whole[0]["latestRevision"], true);
    assert_eq!(emulator.unexpected(), [""; 0]);
}

#[test]
fn values_that_gcloud_lets_through_are_refused_and_change_nothing() {
    require!(installed::gcloud());
    let emulator = prepared(Options::default());
    let good = image('a');
    for (image, extra) in
        [(good.as_str(), "--memory=512MB"), (&good, "--cpu=0.3x"), ("UPPER/bad image", "--cpu=1")]
    {
        let output = gcloud(&emulator, &deploy(image, &[extra]));
        assert_eq!(output.code, Some(1), "{image} {extra}: {}", output.err);
    }
    assert_eq!(emulator.snapshot()["services"], serde_json::json!({}));
}

#[test]
fn a_candidate_that_does_not_start_leaves_the_traffic_alone() {
    require!(installed::gcloud());
    let engine = Arc::new(Scripted::default());
    engine.fail("*bbbb", "The container exited with 1.");
    let emulator = prepared(Options { engine, ..Options::default() });
    let (good, bad) = (image('a'), image('b'));
    gcloud(&emulator, &deploy(&good, &[])).ok();
    let before = traffic(&emulator);
    let output = gcloud(&emulator, &deploy(&bad, &["--no-traffic", "--tag=candidate"]));
    assert_eq!(output.code, Some(1));
    assert!(output.err.contains("The container exited with 1."), "{}", output.err);
    assert_eq!(traffic(&emulator)[0]["revisionName"], before[0]["revisionName"]);
}

/// The wordings that the deploy tool's classifier stands on.
#[test]
fn absence_reads_differently_from_not_knowing() {
    require!(installed::gcloud());
    let emulator = prepared(Options::default());
    let secret = ["secrets", "describe", "mcp-env"];
    let service = ["run", "services", "describe", "validibot-mcp", "--region=us-west1"];
    assert!(gcloud(&emulator, &secret).err.starts_with("ERROR: (gcloud.secrets.describe) NOT_FOUND: "));
    let absent = gcloud(&emulator, &service).err;
    assert!(
        absent.starts_with("ERROR: (gcloud.run.services.describe) Cannot find service [validibot-mcp]"),
        "{absent}"
    );
    for (kind, word) in [
        (FaultKind::Unauthenticated, "UNAUTHENTICATED"),
        (FaultKind::PermissionDenied, "PERMISSION_DENIED"),
        (FaultKind::RateLimited, "RESOURCE_EXHAUSTED"),
    ] {
        emulator.fail(Fault::new("*mcp-env*", kind));
        let output = gcloud(&emulator, &secret);
        assert_eq!(output.code, Some(1));
        let start = format!("ERROR: (gcloud.secrets.describe) {word}: ");
        assert!(output.err.starts_with(&start), "{kind:?}: {}", output.err);
        emulator.clear_faults();
    }
}
