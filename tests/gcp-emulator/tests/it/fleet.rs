//! What the whole fleet needs besides services: jobs, the scheduler, queues and the database.

use gcp_emulator::{Emulator, Ending, Fault, FaultKind, installed};
use serde_json::{Value, json};
use test_support::require;

use crate::client::send;
use crate::gcloud::gcloud;

const JOBS: &str = "http://us-west1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/demo-proj/jobs";
const RUNS: &str =
    "http://us-west1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/demo-proj/executions";
const CRON: &str = "http://cloudscheduler.googleapis.com/v1/projects/demo-proj/locations/us-west1/jobs";
const QUEUES: &str = "http://cloudtasks.googleapis.com/v2/projects/demo-proj/locations/us-west1/queues";

fn prepared() -> Emulator {
    let emulator = Emulator::start().unwrap();
    let mut cloud = emulator.cloud();
    cloud.enable(&[
        "run.googleapis.com",
        "cloudscheduler.googleapis.com",
        "sqladmin.googleapis.com",
        "cloudtasks.googleapis.com",
    ]);
    cloud.seed_account("validibot-cloudrun-dev");
    cloud.seed_database("us-west1", "validibot-db-dev", true);
    cloud.seed_queue("us-west1", "validibot-validation-queue-dev");
    drop(cloud);
    emulator
}

fn job(name: &str) -> Value {
    let image =
        format!("us-west1-docker.pkg.dev/demo-proj/validibot/validibot-web@sha256:{}", "a".repeat(64));
    let task = json!({"maxRetries": 0, "timeoutSeconds": "300", "containers": [{"image": image}]});
    json!({
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"taskCount": 1, "template": {"spec": task}}}},
    })
}

fn scheduled(id: &str) -> Value {
    json!({
        "name": format!("projects/demo-proj/locations/us-west1/jobs/{id}"),
        "schedule": "0 2 * * *",
        "timeZone": "Etc/UTC",
        "httpTarget": {
            "uri": "https://worker.example/api/v1/scheduled/x/",
            "httpMethod": "POST",
            "oidcToken": {
                "serviceAccountEmail": "validibot-cloudrun-dev@demo-proj.iam.gserviceaccount.com",
                "audience": "https://worker.example",
            },
        },
    })
}

#[test]
fn a_job_is_checked_and_its_executions_end_as_told() {
    let emulator = prepared();
    let ask = |method: &str, url: &str, body: &Value| send(&emulator, method, url, body).unwrap();
    for (field, value) in [
        ("maxRetries", json!(11)),
        ("timeoutSeconds", json!("soon")),
        ("containers", json!([{"image": "nowhere"}])),
        ("serviceAccountName", json!("gone@demo-proj.iam.gserviceaccount.com")),
    ] {
        let mut wrong = job("migrate");
        wrong["spec"]["template"]["spec"]["template"]["spec"][field] = value;
        assert!([400, 403].contains(&ask("POST", JOBS, &wrong).0), "{field}");
    }
    assert_eq!(ask("POST", JOBS, &job("migrate")).0, 200);
    assert_eq!(ask("POST", JOBS, &job("migrate")).0, 409);
    let mut stale = job("migrate");
    stale["metadata"]["resourceVersion"] = json!("AAY0000000000000");
    assert_eq!(ask("PUT", &format!("{JOBS}/migrate"), &stale).0, 409);

    let failed = Ending::Failed(vec!["no such table".to_owned()]);
    for (ending, word, count) in [
        (Ending::Succeeded, "True", "succeededCount"),
        (failed, "False", "failedCount"),
        (Ending::Cancelled, "False", "cancelledCount"),
    ] {
        emulator.cloud().executions_end(2, ending);
        let (_, run) = ask("POST", &format!("{JOBS}/migrate:run"), &json!({}));
        let url = format!("{RUNS}/{}", run["metadata"]["name"].as_str().unwrap());
        let status = || ask("GET", &url, &Value::Null).1["status"].clone();
        assert_eq!(status()["conditions"][0]["status"], "Unknown");
        assert_eq!(status()["runningCount"], 1);
        let end = status();
        assert_eq!((&end["conditions"][0]["status"], &end[count]), (&json!(word), &json!(1)));
    }
    assert_eq!(emulator.cloud().executions_of("migrate").len(), 3);
    assert_eq!(ask("GET", &format!("{RUNS}/gone"), &Value::Null).0, 404);
}

#[test]
fn a_scheduled_job_is_checked_and_only_masked_fields_change() {
    let emulator = prepared();
    let ask = |method: &str, url: &str, body: &Value| send(&emulator, method, url, body).unwrap();
    for (pointer, value) in [
        ("/name", json!("projects/demo-proj/locations/us-west1/jobs/bad name!")),
        ("/schedule", json!("not cron")),
        ("/timeZone", json!("Nope/Zone")),
        ("/description", json!("x".repeat(501))),
        ("/attemptDeadline", json!("5s")),
        ("/httpTarget/uri", json!("worker")),
        ("/httpTarget/oidcToken/serviceAccountEmail", json!("gone@demo-proj.iam.gserviceaccount.com")),
    ] {
        let mut wrong = scheduled("clear");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[name] = value;
        assert!([400, 403].contains(&ask("POST", CRON, &wrong).0), "{pointer}");
    }
    assert_eq!(ask("POST", CRON, &scheduled("clear")).0, 200);
    assert_eq!(ask("POST", CRON, &scheduled("clear")).0, 409);

    let own = format!("{CRON}/clear");
    let mut other = scheduled("clear");
    other["schedule"] = json!("*/5 * * * *");
    other["timeZone"] = json!("Europe/Berlin");
    let (_, changed) = ask("PATCH", &format!("{own}?updateMask=schedule"), &other);
    assert_eq!((&changed["schedule"], &changed["timeZone"]), (&json!("*/5 * * * *"), &json!("Etc/UTC")));
    assert_eq!(ask("PATCH", &format!("{own}?updateMask=state"), &other).0, 400);

    assert_eq!(ask("POST", &format!("{own}:resume"), &Value::Null).0, 400);
    assert_eq!(ask("POST", &format!("{own}:pause"), &Value::Null).1["state"], "PAUSED");
    assert_eq!(ask("POST", &format!("{own}:pause"), &Value::Null).0, 400);
    assert_eq!(ask("PATCH", &format!("{own}?updateMask=schedule"), &other).1["state"], "PAUSED");
    assert_eq!(ask("POST", &format!("{own}:resume"), &Value::Null).1["state"], "ENABLED");
    assert_eq!(ask("GET", CRON, &Value::Null).1["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(ask("DELETE", &own, &Value::Null).0, 200);
    assert_eq!(ask("GET", &own, &Value::Null).0, 404);
}

#[test]
fn a_queue_is_paused_and_resumed() {
    let emulator = prepared();
    let own = format!("{QUEUES}/validibot-validation-queue-dev");
    for (verb, state) in [(":pause", "PAUSED"), (":pause", "PAUSED"), (":resume", "RUNNING")] {
        assert_eq!(send(&emulator, "POST", &format!("{own}{verb}"), &Value::Null).unwrap().1["state"], state);
    }
    assert_eq!(send(&emulator, "GET", &format!("{QUEUES}/gone"), &Value::Null).unwrap().0, 404);
}

/// One tour with the program that operators run, since each start of it costs a second.
#[test]
fn gcloud_speaks_with_all_of_it() {
    require!(installed::gcloud());
    let emulator = prepared();
    let run = |args: &[&str]| gcloud(&emulator, args);
    let cron = |verb: &[&str], rest: &[&str]| {
        run(&[&["scheduler", "jobs"], verb, &["clear", "--location=us-west1"], rest].concat())
    };
    let flags = [
        "--schedule=0 2 * * *",
        "--uri=https://worker.example/x/",
        "--http-method=POST",
        "--oidc-service-account-email=validibot-cloudrun-dev@demo-proj.iam.gserviceaccount.com",
        "--oidc-token-audience=https://worker.example",
        "--time-zone=Etc/UTC",
    ];
    let absent = cron(&["describe"], &[]);
    assert!(absent.err.starts_with("ERROR: (gcloud.scheduler.jobs.describe) NOT_FOUND: "), "{}", absent.err);
    cron(&["create", "http"], &flags).ok();
    cron(&["update", "http"], &["--schedule=*/5 * * * *"]).ok();
    cron(&["pause"], &[]).ok();
    let listed = run(&["scheduler", "jobs", "list", "--location=us-west1", "--format=json"]).ok();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["schedule"], &listed[0]["state"]), (&json!("*/5 * * * *"), &json!("PAUSED")));

    let sql = run(&["sql", "instances", "describe", "validibot-db-dev", "--format=json"]).ok();
    let sql: Value = serde_json::from_str(&sql).unwrap();
    assert_eq!(sql["connectionName"], "demo-proj:us-west1:validibot-db-dev");
    assert_eq!(sql["ipAddresses"][1]["type"], "PRIVATE");
    let absent = run(&["sql", "instances", "describe", "gone"]).err;
    assert!(absent.starts_with("ERROR: (gcloud.sql.instances.describe) HTTPError 404: "), "{absent}");
    emulator.fail(Fault::new("sqladmin*", FaultKind::PermissionDenied));
    let refused = run(&["sql", "instances", "describe", "validibot-db-dev"]).err;
    assert!(refused.contains("or you are not authorized to access it"), "{refused}");

    let queue = ["validibot-validation-queue-dev", "--location=us-west1"];
    run(&[&["tasks", "queues", "pause"], &queue[..]].concat()).ok();
    let state = run(&[&["tasks", "queues", "describe", "--format=value(state)"], &queue[..]].concat()).ok();
    assert_eq!(state.trim(), "PAUSED");
    let gone = run(&["run", "jobs", "describe", "gone", "--region=us-west1"]).err;
    assert!(gone.starts_with("ERROR: (gcloud.run.jobs.describe) Cannot find job [gone]."), "{gone}");

    // A load balancer's parts: the address has an address, and the operation of a region's part names its region.
    emulator.cloud().enable(&["compute.googleapis.com"]);
    run(&["compute", "addresses", "create", "ip", "--global"]).ok();
    let address =
        run(&["compute", "addresses", "describe", "ip", "--global", "--format=value(address)"]).ok();
    assert!(address.trim().parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
    let group = ["network-endpoint-groups", "create", "neg", "--region=us-west1"];
    let kind = ["--network-endpoint-type=serverless", "--cloud-run-service=web"];
    run(&[&["compute"], &group[..], &kind].concat()).ok();

    // Lists of every region say which of them did not answer.
    emulator.cloud().seed_service("europe-west1", "web", "gcr.io/demo-proj/web:1");
    let names = |kind: &str| run(&["run", kind, "list", "--format=value(metadata.name)"]);
    assert_eq!(names("services").ok().trim(), "web");
    emulator.cloud().lose_region("europe-west1");
    for kind in ["services", "jobs"] {
        let listed = names(kind);
        let warning = "regions did not respond: europe-west1. List results may be incomplete";
        assert!(listed.err.contains(warning), "{}", listed.err);
        assert_eq!(listed.ok().trim(), "");
    }
    assert_eq!(emulator.unexpected(), [""; 0]);
}
