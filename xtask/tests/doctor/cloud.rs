//! Faults of a stage on Google Cloud: the real gcloud, and a project with exactly one of them.

use gcp_emulator::{Fault, FaultKind, gcloud_is_here};
use serde_json::{Value, json};
use xtask::exit::Exit;
use xtask::runner::Outcome;

use crate::stage::{ACCESSOR, ACCOUNT, HOST, MCP, Stage};

/// The first finding has this code and says these words.
#[track_caller]
fn expect(stage: &Stage, asked: &'static [&'static str], code: &str, words: &[&str]) {
    let (exit, findings) = stage.doctor(asked);
    let first = findings.first().unwrap_or_else(|| panic!("{code}: nothing was found"));
    assert_eq!(first["code"], code, "{findings:#?}");
    for field in ["what", "why", "where", "fix"] {
        assert!(first[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {first}");
    }
    for word in words {
        assert!(first.to_string().contains(word), "{word} is not in {first:#}");
    }
    let error = first["severity"] == "error";
    assert_eq!(exit, if error { Exit::Failed } else { Exit::Success }, "{findings:#?}");
}

#[test]
fn nothing_is_found_in_a_project_in_order() {
    if gcloud_is_here("nothing_is_found_in_a_project_in_order") {
        assert_eq!(Stage::healthy().doctor(&[]), (Exit::Success, Vec::<Value>::new()));
    }
}

#[test]
fn what_setup_makes_is_missed() {
    if !gcloud_is_here("what_setup_makes_is_missed") {
        return;
    }
    let setup = "cargo xtask gcp setup dev";
    for (part, asked, code, words) in [
        ("logging.googleapis.com", &["services list"][..], "api-off", &["logging.googleapis.com", setup][..]),
        ("account", &["iam service-accounts"], "no-service-account", &["validibot-mcp-dev@demo-proj", setup]),
        ("repository", &["artifacts"], "no-repository", &["repository validibot", setup]),
        ("secret", &["secrets get-iam-policy"], "no-secret", &["mcp-env-dev", setup]),
        (
            "web",
            &["get-iam-policy validibot-web-dev"],
            "no-web-application",
            &["validibot-web-dev", "licence"],
        ),
        (
            "docker login",
            &[],
            "docker-not-logged-in",
            &["us-west1-docker.pkg.dev", "configure-docker", "warning"],
        ),
    ] {
        expect(&Stage::without(part), asked, code, words);
    }
}

#[test]
fn a_role_that_is_missing_or_too_much_is_named() {
    if !gcloud_is_here("a_role_that_is_missing_or_too_much_is_named") {
        return;
    }
    let words = ["validibot-mcp-dev@demo-proj", "cargo xtask gcp setup dev"];
    expect(&Stage::without("accessor"), &["secrets get-iam-policy"], "secret-not-readable", &words);
    let invoker = Stage::without("invoker");
    expect(&invoker, &["get-iam-policy validibot-web-dev"], "web-not-callable", &words);
    let stage = Stage::healthy();
    stage.emulator.cloud().bind_project(ACCESSOR, ACCOUNT);
    expect(&stage, &["projects get-iam-policy"], "account-reads-every-secret", &["warning", "whole project"]);
}

#[test]
fn a_secret_that_does_not_say_what_the_file_says_is_named() {
    if !gcloud_is_here("a_secret_that_does_not_say_what_the_file_says_is_named") {
        return;
    }
    let asked = &["secrets versions list"];
    expect(
        &Stage::without("version"),
        asked,
        "secret-empty",
        &["mcp-env-dev", "cargo xtask gcp secrets dev"],
    );

    let disabled = Stage::healthy();
    assert!(disabled.emulator.cloud().disable_version("mcp-env-dev", "1"));
    expect(&disabled, asked, "secret-disabled", &["gcloud secrets versions enable 1 --secret=mcp-env-dev"]);

    let newer = Stage::healthy();
    newer.write(".mcp", &MCP.replace("INFO", "DEBUG"));
    expect(
        &newer,
        &[],
        "secret-differs",
        &["~ VALIDIBOT_LOG_LEVEL", "cargo xtask gcp secrets dev", "warning"],
    );
}

#[test]
fn what_nobody_can_tell_is_a_finding_of_its_own() {
    if !gcloud_is_here("what_nobody_can_tell_is_a_finding_of_its_own") {
        return;
    }
    let hidden = Stage::healthy();
    hidden.emulator.fail(Fault::new("*/secrets/mcp-env-dev:getIamPolicy*", FaultKind::PermissionDenied));
    let words = ["the secret's policy", "PERMISSION_DENIED", "ask an owner", "warning"];
    expect(&hidden, &["secrets get-iam-policy"], "could-not-tell", &words);

    let expired = Stage::healthy();
    expired.emulator.fail(Fault::new("*", FaultKind::Unauthenticated));
    expect(&expired, &["services list"], "login-refused", &["gcloud auth login", "UNAUTHENTICATED"]);

    // gcloud tries for half a minute: here it is what gcloud was seen to say.
    let outcomes: Value = serde_json::from_str(include_str!("../gcp/outcomes.json")).unwrap();
    let dropped = outcomes["apis"]["dropped"]["stderr"].as_str().unwrap();
    let mut offline = Stage::healthy();
    offline.instead = Some(("services list", Outcome::failure(1, dropped)));
    expect(&offline, &[], "cloud-unreachable", &["check the network"]);

    let mut lame = Stage::healthy();
    let words = "failed to lookup address information: Temporary failure in name resolution";
    lame.names.insert(HOST.to_owned(), Err(words.to_owned()));
    expect(&lame, &[], "could-not-tell", &[HOST, "Temporary failure", "warning"]);
}

#[test]
fn a_name_or_certificate_that_keeps_clients_out_is_named() {
    if !gcloud_is_here("a_name_or_certificate_that_keeps_clients_out_is_named") {
        return;
    }
    let mut nameless = Stage::healthy();
    let words = "failed to lookup address information: Name or service not known";
    nameless.names.insert(HOST.to_owned(), Err(words.to_owned()));
    expect(&nameless, &[], "dns-missing", &["mcp.acme.example. A 203.0.113.7"]);

    let mut elsewhere = Stage::healthy();
    elsewhere.names.insert(HOST.to_owned(), Ok("198.51.100.1".parse().unwrap()));
    expect(&elsewhere, &[], "dns-elsewhere", &["198.51.100.1", "203.0.113.7", "warning"]);

    let waiting = Stage::healthy();
    assert!(waiting.emulator.cloud().certificate_status("validibot-cert-dev", "PROVISIONING"));
    let words = ["validibot-cert-dev", "PROVISIONING", "ssl-certificates describe"];
    expect(&waiting, &["ssl-certificates"], "certificate-not-active", &words);

    let uncovered = Stage::healthy();
    let managed =
        json!({"type": "MANAGED", "managed": {"domains": ["app.acme.example"], "status": "ACTIVE"}});
    uncovered.emulator.cloud().seed_compute("global/sslCertificates/validibot-cert-dev", managed);
    let words = [HOST, "cargo xtask gcp lb-add dev mcp.acme.example"];
    expect(&uncovered, &["ssl-certificates"], "certificate-missing", &words);
}
