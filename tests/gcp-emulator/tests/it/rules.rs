//! What the emulator checks, refuses and fails, by HTTP.

use std::sync::Arc;
use std::time::Duration;

use gcp_emulator::{Emulator, Fault, FaultKind, ManualClock, Options, Scripted};
use serde_json::{Value, json};

use crate::client::{send, send_as};

const SECRETS: &str = "http://secretmanager.googleapis.com/v1/projects/demo-proj/secrets";
const SERVICES: &str =
    "http://us-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo-proj/services";

fn enabled() -> Emulator {
    with(Options::default())
}

fn with(options: Options) -> Emulator {
    let emulator = Emulator::start_with(options).unwrap();
    emulator.cloud().enable(&["run.googleapis.com", "secretmanager.googleapis.com"]);
    emulator
}

fn secret(emulator: &Emulator, name: &str, extra: &Value) -> (u16, Value) {
    let mut body = json!({"replication": {"automatic": {}}});
    for (field, value) in extra.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    send(emulator, "POST", &format!("{SECRETS}?secretId={name}"), &body).unwrap()
}

fn wish(image: &str) -> Value {
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    })
}

#[test]
fn a_disabled_api_says_so_until_it_is_enabled() {
    let emulator = Emulator::start().unwrap();
    let (status, answer) = send(&emulator, "GET", &format!("{SECRETS}/x"), &Value::Null).unwrap();
    assert_eq!((status, &answer["error"]["details"][0]["reason"]), (403, &json!("SERVICE_DISABLED")));
    let url = "http://serviceusage.googleapis.com/v1/projects/demo-proj/services/secretmanager.googleapis.com:enable";
    assert_eq!(send(&emulator, "POST", url, &Value::Null).unwrap().0, 200);
    assert_eq!(send(&emulator, "GET", &format!("{SECRETS}/x"), &Value::Null).unwrap().0, 404);
}

#[test]
fn a_wrong_token_or_project_is_refused() {
    let emulator = enabled();
    let url = format!("{SECRETS}/x");
    assert_eq!(send_as(&emulator, "stale", "GET", &url, &Value::Null).unwrap().0, 401);
    assert_eq!(send(&emulator, "GET", &url.replace("demo-proj", "other"), &Value::Null).unwrap().0, 403);
}

#[test]
fn an_unexpected_host_is_refused_and_reported() {
    let emulator = enabled();
    assert_eq!(send(&emulator, "CONNECT", "cloudscheduler.googleapis.com:443", &Value::Null).unwrap().0, 403);
    assert_eq!(send(&emulator, "GET", "http://example.com/", &Value::Null).unwrap().0, 403);
    assert_eq!(emulator.unexpected().len(), 2);
    // A region that Cloud Run does not have: the front end's page, not an API's answer.
    let (status, page) =
        send(&emulator, "GET", &SERVICES.replace("us-west1", "us-wst1"), &Value::Null).unwrap();
    assert_eq!(status, 404);
    assert!(page.as_str().unwrap().contains("<!DOCTYPE html>"));
}

#[test]
fn a_secret_expires_when_the_clock_says_so() {
    let start = Arc::new(ManualClock::new(time::macros::datetime!(2026-01-01 00:00 UTC)));
    let clock: Arc<ManualClock> = Arc::clone(&start);
    let emulator = with(Options { clock, ..Options::default() });
    assert_eq!(secret(&emulator, "lock", &json!({"ttl": "30s"})).0, 400);
    let (_, made) = secret(&emulator, "lock", &json!({"ttl": "900s", "annotations": {"owner": "a"}}));
    assert_eq!(made["annotations"]["owner"], "a");
    assert_eq!(made["expireTime"], "2026-01-01T00:15:00Z");
    assert_eq!(secret(&emulator, "lock", &json!({})).0, 409);
    start.advance(Duration::from_secs(901));
    assert_eq!(secret(&emulator, "lock", &json!({"ttl": "900s"})).0, 200);
}

#[test]
fn a_secret_is_changed_and_deleted_only_with_its_own_etag() {
    let emulator = enabled();
    let (_, made) = secret(&emulator, "lock", &json!({"ttl": "900s"}));
    let url = format!("{SECRETS}/lock");
    let renew = |etag: &Value| {
        let body = json!({"ttl": "1200s", "etag": etag});
        send(&emulator, "PATCH", &format!("{url}?updateMask=ttl"), &body).unwrap()
    };
    let (status, renewed) = renew(&made["etag"]);
    assert_eq!(status, 200);
    assert_eq!(renew(&made["etag"]).0, 400, "the etag is used up");
    let delete = |etag: &str| {
        let etag = etag.replace('"', "%22");
        send(&emulator, "DELETE", &format!("{url}?etag={etag}"), &Value::Null).unwrap().0
    };
    assert_eq!(delete(made["etag"].as_str().unwrap()), 400);
    assert_eq!(delete(renewed["etag"].as_str().unwrap()), 200);
    assert_eq!(delete(renewed["etag"].as_str().unwrap()), 404);
}

#[test]
fn a_payload_is_checked_against_its_checksum() {
    let emulator = enabled();
    secret(&emulator, "env", &json!({}));
    let add = |sum: &str| {
        let body = json!({"payload": {"data": "Sz1hCg==", "dataCrc32c": sum}});
        send(&emulator, "POST", &format!("{SECRETS}/env:addVersion"), &body).unwrap().0
    };
    assert_eq!(add("492037513"), 200);
    assert_eq!(add("492037514"), 400);
    let version = format!("{SECRETS}/env/versions/1");
    assert_eq!(send(&emulator, "POST", &format!("{version}:disable"), &json!({})).unwrap().0, 200);
    assert_eq!(send(&emulator, "GET", &format!("{version}:access"), &Value::Null).unwrap().0, 400);
    assert_eq!(send(&emulator, "POST", &format!("{version}:destroy"), &json!({})).unwrap().0, 200);
    assert_eq!(send(&emulator, "POST", &format!("{version}:enable"), &json!({})).unwrap().0, 400);
}

#[test]
fn a_service_is_replaced_only_by_who_read_it() {
    let emulator = enabled();
    let (status, made) = send(&emulator, "POST", SERVICES, &wish("gcr.io/p/web:1")).unwrap();
    assert_eq!(status, 200, "{made}");
    let mut next = made.clone();
    next["spec"]["template"]["spec"]["containers"][0]["image"] = json!("gcr.io/p/web:2");
    let url = format!("{SERVICES}/web");
    assert_eq!(send(&emulator, "PUT", &url, &next).unwrap().0, 200);
    assert_eq!(send(&emulator, "PUT", &url, &next).unwrap().0, 409);
}

#[test]
fn traffic_stays_while_the_new_revision_is_not_ready() {
    let engine = Arc::new(Scripted::default());
    engine.fail("*:bad", "The container failed to start.");
    let emulator = with(Options { engine, ..Options::default() });
    let (_, good) = send(&emulator, "POST", SERVICES, &wish("gcr.io/p/web:good")).unwrap();
    let first = good["status"]["latestReadyRevisionName"].clone();
    let mut next = good.clone();
    next["spec"]["template"]["spec"]["containers"][0]["image"] = json!("gcr.io/p/web:bad");
    let (status, after) = send(&emulator, "PUT", &format!("{SERVICES}/web"), &next).unwrap();
    assert_eq!(status, 200, "a revision that fails is no failed request");
    assert_eq!(after["status"]["conditions"][0]["status"], "False");
    let message = after["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("The container failed to start."), "{message}");
    assert_eq!(after["status"]["traffic"][0]["revisionName"], first);
    // Traffic that does not add up, or that leads to nothing, is refused whole.
    for traffic in [
        json!([{"revisionName": first, "percent": 50}]),
        json!([{"revisionName": "web-00099-xyz", "percent": 100}]),
        json!([{"percent": 100}]),
        json!([{"latestRevision": true, "percent": 100, "tag": "a"}, {"revisionName": first, "tag": "a"}]),
    ] {
        let mut next = after.clone();
        next["spec"]["traffic"] = traffic;
        assert_eq!(
            send(&emulator, "PUT", &format!("{SERVICES}/web"), &next).unwrap().0,
            400,
            "{}",
            next["spec"]
        );
    }
}

#[test]
fn what_cannot_run_is_refused() {
    let emulator = enabled();
    let mut cases = vec![(400, wish("UPPER/bad image")), (400, wish("evil.example/p/web:1"))];
    for (status, field, value) in [
        (400, "/spec/template/spec/serviceAccountName", json!("not an email")),
        (403, "/spec/template/spec/serviceAccountName", json!("gone@demo-proj.iam.gserviceaccount.com")),
        (400, "/spec/template/spec/timeoutSeconds", json!(3601)),
        (400, "/metadata/name", json!("Web")),
    ] {
        let mut body = wish("gcr.io/p/web:1");
        let (parent, name) = field.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        cases.push((status, body));
    }
    for (status, body) in cases {
        assert_eq!(send(&emulator, "POST", SERVICES, &body).unwrap().0, status, "{body}");
    }
    assert_eq!(emulator.snapshot()["services"], json!({}));
}

#[test]
fn a_secret_that_cannot_be_read_fails_the_revision() {
    let emulator = enabled();
    secret(&emulator, "env", &json!({}));
    let mut body = wish("gcr.io/p/web:1");
    body["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "v", "mountPath": "/secrets"}]);
    body["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "v", "secret": {"secretName": "env", "items": [{"key": "1", "path": ".env"}]}}]);
    let (status, made) = send(&emulator, "POST", SERVICES, &body).unwrap();
    assert_eq!(status, 200);
    let message = made["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("Permission denied on secret"), "{message}");
}

#[test]
fn calls_fail_as_told() {
    let emulator = enabled();
    let url = format!("{SECRETS}/x");
    let path = "secretmanager.googleapis.com/v1/projects/demo-proj/secrets/x";
    for (kind, status) in [
        (FaultKind::Unauthenticated, 401),
        (FaultKind::PermissionDenied, 403),
        (FaultKind::ApiDisabled, 403),
        (FaultKind::NotFound, 404),
        (FaultKind::HtmlNotFound, 404),
        (FaultKind::Conflict, 409),
        (FaultKind::RateLimited, 429),
        (FaultKind::Server(503), 503),
    ] {
        emulator.fail(Fault::new(path, kind).method("get").times(1));
        assert_eq!(send(&emulator, "GET", &url, &Value::Null).unwrap().0, status, "{kind:?}");
    }
    emulator.fail(Fault::new("*", FaultKind::Dropped).times(1));
    assert!(send(&emulator, "GET", &url, &Value::Null).is_err());
    // Carried out, but the caller never hears of it.
    emulator.fail(Fault::new("*", FaultKind::Dropped).times(1).after());
    let body = json!({"replication": {"automatic": {}}});
    assert!(send(&emulator, "POST", &format!("{SECRETS}?secretId=x"), &body).is_err());
    assert_eq!(send(&emulator, "GET", &url, &Value::Null).unwrap().0, 200);
    assert_eq!(emulator.writes().len(), 1);
}

#[test]
fn the_operator_can_look_in() {
    let emulator = enabled();
    secret(&emulator, "env", &json!({}));
    let (_, state) = send(&emulator, "GET", "/state", &Value::Null).unwrap();
    assert!(state["secrets"]["env"].is_object());
    let (_, calls) = send(&emulator, "GET", "/calls", &Value::Null).unwrap();
    assert_eq!(calls[0]["write"], true);
    assert_eq!(send(&emulator, "GET", "/nothing", &Value::Null).unwrap().0, 404);
}
