//! Faults of a stage on Google Cloud: the real gcloud, and a project with exactly one of them.

use gcp_emulator::{Fault, FaultKind, installed};
use serde_json::{Value, json};
use test_support::require;
use xtask::core::exit::Exit;
use xtask::core::runner::Outcome;

use crate::expect_finding;
use crate::stage::{ACCESSOR, ACCOUNT, AHEAD, HOST, MCP, Service, Stage};

/// The first finding has this code and says these words.
#[track_caller]
fn expect(stage: &Stage, asked: &'static [&'static str], code: &str, words: &[&str]) {
    let (exit, findings) = stage.doctor(asked);
    let first = findings.first().unwrap_or_else(|| panic!("{code}: nothing was found"));
    assert_eq!(first["code"], code, "{findings:#?}");
    expect_finding(first, code, words);
    let error = first["severity"] == "error";
    assert_eq!(exit, if error { Exit::Failed } else { Exit::Success }, "{findings:#?}");
}

#[test]
fn nothing_is_found_in_a_project_in_order() {
    require!(installed::gcloud());
    assert_eq!(Stage::healthy().doctor(&[]), (Exit::Success, Vec::<Value>::new()));
}

#[test]
fn what_setup_makes_is_missed() {
    require!(installed::gcloud());
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
    require!(installed::gcloud());
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
    require!(installed::gcloud());
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

    let gone = Stage::with_service(|service| {
        service.template["spec"]["volumes"][0]["secret"]["items"][0]["key"] = json!("7");
    });
    let words = ["version 7", "gone", "cargo xtask gcp deploy dev"];
    expect(&gone, &["describe validibot-mcp-dev"], "secret-gone", &words);

    let uploaded = Stage::healthy();
    uploaded.emulator.cloud().seed_version("mcp-env-dev", MCP);
    let words = ["version 1", "2 is the newest", "cargo xtask gcp deploy dev", "warning"];
    expect(&uploaded, &["secrets versions"], "secret-not-in-use", &words);

    let newer = Stage::healthy();
    newer.write(".mcp", &MCP.replace("INFO", "DEBUG"));
    expect(
        &newer,
        &[],
        "secret-differs",
        &["~ VALIDIBOT_LOG_LEVEL", "cargo xtask gcp secrets dev", "warning"],
    );

    let rotated = Stage::healthy();
    rotated.write(".mcp", &MCP.replace("k1:AAAA", "k2:BBBB"));
    let words = ["VALIDIBOT_MCP_SEAL_KEYS", ".mcp:2", "<new>,<old>", "warning"];
    expect(&rotated, &[], "key-ring-replaced", &words);
}

#[test]
fn what_nobody_can_tell_is_a_finding_of_its_own() {
    require!(installed::gcloud());
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
    require!(installed::gcloud());
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

/// Only the service's own document differs.
#[track_caller]
fn expect_of_service(spoil: impl FnOnce(&mut Service), code: &str, words: &[&str]) {
    expect(&Stage::with_service(spoil), &["services describe validibot-mcp-dev"], code, words);
}

#[test]
fn a_service_that_nobody_reaches_is_named() {
    require!(installed::gcloud());
    let ingress = |ingress: &'static str| {
        move |service: &mut Service| {
            service.metadata["annotations"]["run.googleapis.com/ingress"] = json!(ingress);
        }
    };
    let deploy = "cargo xtask gcp deploy dev";
    expect_of_service(ingress("internal"), "ingress-internal", &["404", deploy]);
    expect_of_service(ingress("all"), "ingress-open", &["bypass the load balancer", "warning"]);
    let paused = |service: &mut Service| {
        ingress("internal")(service);
        service.template["spec"]["containers"][0]["env"][2]["value"] = json!("false");
    };
    expect_of_service(paused, "in-maintenance", &["maintenance off dev", "warning"]);

    let alone = Stage::without("networkEndpointGroups");
    expect(&alone, &["network-endpoint-groups"], "ingress-without-balancer", &["none routes to it", deploy]);
    let closed = Stage::with_service(|service| service.callers = ACCOUNT);
    expect(&closed, &["get-iam-policy validibot-mcp-dev"], "not-public", &["allUsers", "403", deploy]);
}

#[test]
fn a_service_that_is_not_what_was_written_is_named() {
    require!(installed::gcloud());
    let failed = |service: &mut Service| service.ready = Err("The container exited with 1.");
    expect_of_service(failed, "revision-failed", &["The container exited with 1."]);
    let other = |service: &mut Service| {
        service.template["spec"]["serviceAccountName"] = json!("o@x.iam.gserviceaccount.com");
    };
    expect_of_service(
        other,
        "other-account",
        &["o@x.iam.gserviceaccount.com", "validibot-mcp-dev@demo-proj"],
    );
    let stale = |service: &mut Service| {
        service.template["spec"]["containers"][0]["env"][1]["value"] = json!("https://old.acme.example");
    };
    expect_of_service(stale, "settings-not-in-use", &["https://old.acme.example", HOST, "warning"]);
    let off = |service: &mut Service| {
        let env = service.template["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        let switch = env.iter_mut().find(|entry| entry["name"] == "VALIDIBOT_MCP_ENABLED").unwrap();
        switch["value"] = json!("false");
    };
    expect_of_service(off, "switched-off", &["every tool", "cargo xtask gcp maintenance off dev"]);
    let behind = |service: &mut Service| {
        service.template["metadata"]["labels"]["validibot-commit"] = json!("fedcba98");
    };
    expect_of_service(
        behind,
        "image-behind",
        &["fedcba98", "3 commits behind", "cargo xtask gcp deploy dev"],
    );
    // What would be a way back is not advised as a way forward.
    let ahead = |service: &mut Service| {
        service.template["metadata"]["labels"]["validibot-commit"] = json!(AHEAD);
    };
    expect_of_service(ahead, "image-behind", &["ahead of this checkout", "would revert", "git pull"]);
    let held = |service: &mut Service| {
        service.metadata["annotations"]["validibot.com/held"] = json!("validibot-mcp-dev-2222-1a2b3c");
    };
    let words = ["validibot-mcp-dev-2222-1a2b3c was rolled back", "fixes what was rolled back", "warning"];
    expect_of_service(held, "held", &words);
    let unknown = |service: &mut Service| service.template["metadata"] = json!({});
    expect_of_service(unknown, "commit-unknown", &["validibot-commit", "warning"]);

    let slash =
        Stage::with_service(|service| service.web_env[0]["value"] = json!("https://app.acme.example/"));
    let words = ["MCP_OIDC_AUDIENCE", "https://app.acme.example/", "byte for byte"];
    expect(&slash, &["services describe validibot-web-dev"], "web-disagrees", &words);
}
