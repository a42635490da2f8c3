//! `gcp secrets`.

use std::path::Path;
use std::time::Duration;

use gcp_emulator::{Fault, FaultKind, installed};
use serde_json::json;
use test_support::require;

use crate::stage::{APIS, Finished, Stage, mcp};

/// `.mcp` with every secret that the server reads; each holds the word `sentinel`, the key after decoding.
fn every_secret(client: &str) -> String {
    format!(
        "VALIDIBOT_OAUTH_CLIENT_SECRET={client}-sentinel-0123456789abcdef0123456789\n\
         VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL=https://app.example.com\n\
         VALIDIBOT_MCP_SERVICE_KEY='sentinel service key'\n\
         VALIDIBOT_MCP_SEAL_KEYS=k1:c2VudGluZWwtc2VudGluZWwtc2VudGluZWwtc2VudGk=\n"
    )
}

/// The word, and what base64 makes of it at each of the three places where it can begin in a text.
const SENTINEL: [&str; 4] = ["sentinel", "c2VudGluZWw", "NlbnRpbmVs", "zZW50aW5lb"];

fn holds_one(text: &str) -> bool {
    SENTINEL.iter().any(|sentinel| text.contains(sentinel))
}

#[test]
fn a_new_value_is_uploaded_once_and_shown_nowhere() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    stage.write(".mcp", &every_secret("one"));

    let mut said = String::new();
    let mut run = |args: &[&str]| {
        let mut command = stage.command(args);
        // As on an operator's machine, gcloud keeps its own log of each call.
        command.env("CLOUDSDK_CORE_DISABLE_FILE_LOGGING", "false");
        let finished = Finished::of(&command.output().unwrap());
        said.push_str(&finished.out);
        said.push_str(&finished.err);
        finished
    };
    let ok = |finished: &Finished| assert_eq!(finished.code, Some(0), "{}\n{}", finished.out, finished.err);
    ok(&run(&["secrets", "dev", "--dry-run"]));
    stage.emulator.fail(Fault::new("*:addVersion", FaultKind::PermissionDenied));
    let refused = run(&["secrets", "dev", "--yes", "--verbose"]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("in doubt: secret mcp-env-dev"), "{}", refused.err);
    stage.emulator.clear_faults();

    let first = run(&["secrets", "dev", "--yes", "--verbose"]);
    ok(&first);
    assert!(first.out.contains("+ VALIDIBOT_OAUTH_CLIENT_SECRET  "), "{}", first.out);
    assert_eq!(stage.emulator.snapshot()["secrets"]["mcp-env-dev"]["versions"], json!({"1": "ENABLED"}));

    let mut calls = stage.emulator.take_calls();
    let second = run(&["secrets", "dev"]);
    ok(&second);
    assert!(second.out.contains("nothing to do"), "{}", second.out);
    assert_eq!(stage.emulator.writes(), [""; 0]);

    stage.write(".mcp", &every_secret("two"));
    let changed = run(&["secrets", "dev", "--yes", "--json", "--verbose"]);
    ok(&changed);
    assert!(changed.out.contains("~ VALIDIBOT_OAUTH_CLIENT_SECRET"), "{}", changed.out);
    assert!(!changed.out.contains("VALIDIBOT_MCP_SEAL_KEYS"), "only what differs: {}", changed.out);

    // With --verbose every command line is among what was said.
    assert!(said.contains("running: CLOUDSDK") && !holds_one(&said), "{said}");
    // On the wire it is in the upload's payload and nowhere else, not even encoded.
    calls.extend(stage.emulator.calls());
    let uploads = calls.iter().filter(|call| call.path.ends_with(":addVersion"));
    assert_eq!(uploads.filter(|call| holds_one(&call.body.to_string())).count(), 3, "that is where they are");
    for call in &calls {
        assert!(!holds_one(&call.line()), "{}", call.line());
        assert!(call.path.ends_with(":addVersion") || !holds_one(&call.body.to_string()), "{}", call.line());
    }
    assert!(!holds_one(&stage.emulator.snapshot().to_string()));
    let logs = gcloud_logs(&stage);
    assert!(logs.contains("gcloud.secrets.versions.add"), "there are logs to look at: {logs}");
    assert!(!holds_one(&logs));
    assert_eq!(
        stage.gcloud(&["secrets", "versions", "access", "2", "--secret=mcp-env-dev"]).out,
        every_secret("two")
    );
}

/// What gcloud wrote into its own folder.
fn gcloud_logs(stage: &Stage) -> String {
    let environment = stage.emulator.env();
    let folder = environment.iter().find(|(name, _)| name == "CLOUDSDK_CONFIG").unwrap();
    let days = std::fs::read_dir(Path::new(&folder.1).join("logs")).unwrap().flatten();
    let files = days.flat_map(|day| std::fs::read_dir(day.path()).unwrap().flatten());
    files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
}

/// What of Cloud Run an operator makes by hand, with a version of the secret.
fn by_hand(stage: &Stage, what: &[&str], region: &str, version: &str) {
    let image = format!("--image=gcr.io/demo-proj/mcp@sha256:{}", "a".repeat(64));
    let account = "--service-account=validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";
    let (region, secret) =
        (format!("--region={region}"), format!("--set-secrets=/secrets/.env=mcp-env-dev:{version}"));
    let flags = [&image[..], &region, account, &secret];
    let made = stage.gcloud(&[&["run"][..], what, &flags].concat());
    assert_eq!(made.code, Some(0), "{}", made.err);
}

#[test]
fn old_versions_go_but_for_those_in_use() {
    require!(installed::gcloud());
    let stage = Stage::ready();
    // More of them than a page of the list holds.
    for content in 1..=12 {
        stage.emulator.cloud().seed_version("mcp-env-dev", &mcp(&content.to_string()));
    }
    // A revision uses the oldest; one of another region, which does not serve any more, and a job the next ones.
    let closed = "--no-allow-unauthenticated";
    by_hand(&stage, &["deploy", "validibot-mcp-dev", closed], "us-west1", "1");
    by_hand(&stage, &["deploy", "elsewhere", closed], "europe-west1", "2");
    by_hand(&stage, &["deploy", "elsewhere", closed], "europe-west1", "3");
    by_hand(&stage, &["jobs", "create", "monthly"], "us-east1", "4");
    let versions = || {
        let versions = stage.emulator.snapshot()["secrets"]["mcp-env-dev"]["versions"].clone();
        let of = |state: &str| -> Vec<u32> {
            let found = versions.as_object().unwrap().iter().filter(|(_, now)| *now == state);
            let mut found: Vec<u32> = found.map(|(number, _)| number.parse().unwrap()).collect();
            found.sort_unstable();
            found
        };
        [of("ENABLED"), of("DISABLED"), of("DESTROYED")]
    };
    // What a region that does not answer uses is not known: nothing is destroyed, and nothing uploaded.
    stage.emulator.cloud().lose_region("us-east1");
    let before = versions();
    let blind = stage.run(&["secrets", "dev", "--yes"]);
    assert_eq!(blind.code, Some(1), "{}", blind.out);
    for part in ["could not tell what is there", "us-east1", "List results may be incomplete"] {
        assert!(blind.err.contains(part), "{part}\n{}", blind.err);
    }
    assert_eq!(versions(), before);
    stage.emulator.cloud().find_region("us-east1");

    // Where the secret delays it, they are only disabled, and the next run leaves them alone.
    stage.emulator.cloud().delay_destruction("mcp-env-dev", Duration::from_hours(24));
    stage.ok(&["secrets", "dev", "--yes"]);
    assert_eq!(versions(), [vec![1, 2, 3, 4, 12, 13], (5..=11).collect(), Vec::new()]);
    assert!(stage.ok(&["secrets", "dev", "--yes"]).out.contains("nothing to do"));
    assert_eq!(stage.emulator.unexpected(), [""; 0]);
}

#[test]
fn without_setup_there_is_nowhere_to_put_it() {
    require!(installed::gcloud());
    let stage = Stage::dev();
    stage.emulator.cloud().enable(&APIS);
    let early = stage.run(&["secrets", "dev", "--yes"]);
    assert_eq!(early.code, Some(1));
    assert!(early.err.contains("hint: cargo xtask gcp setup dev"), "{}", early.err);
    assert_eq!(stage.emulator.writes(), [""; 0]);
}

#[test]
fn a_file_that_would_not_work_is_not_uploaded() {
    let stage = Stage::dev();
    stage.write(".mcp", "VALIDIBOT_OAUTH_CLIENT_SECRT=sentinel\nVALIDIBOT_MCP_ENABLED=sentinel\n");
    let refused = stage.run(&["secrets", "dev", "--yes"]);
    assert_eq!(refused.code, Some(64));
    assert!(refused.err.contains("VALIDIBOT_OAUTH_CLIENT_SECRET"), "{}", refused.err);
    assert!(!refused.err.contains("sentinel"), "{}", refused.err);
    assert!(stage.emulator.calls().is_empty(), "nothing was asked");
}
