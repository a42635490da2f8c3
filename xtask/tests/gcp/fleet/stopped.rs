//! A line that stops: what is said, what is left alone, and that the same command ends where an undisturbed one does.

use gcp_emulator::{Ending, Fault, FaultKind};

use super::Fleet;

/// What has to be the same however often a deploy was disturbed.
fn outcome(fleet: &Fleet) -> (Vec<Option<String>>, usize, bool) {
    let services = ["validibot-web-dev", "validibot-worker-dev", "validibot-mcp-dev"];
    let jobs = fleet.state()["scheduler"].as_object().map_or(0, serde_json::Map::len);
    (services.map(|service| fleet.serving(service)).to_vec(), jobs, fleet.deployment.is_locked())
}

fn complete(fleet: &Fleet) {
    let again = fleet.quick(&[]);
    assert!(!again.contains("nothing to do"), "{again}");
    let (services, jobs, locked) = outcome(fleet);
    assert!(services.iter().all(Option::is_some), "{services:?}\n{again}");
    assert_eq!((jobs, locked), (10, false));
    assert!(fleet.quick(&[]).contains("nothing to do"));
}

#[test]
fn a_failing_migration_touches_nothing_else_and_shows_what_it_wrote() {
    let fleet = Fleet::new();
    let lines = vec!["Traceback (most recent call last):".to_owned(), "no such table: runs".to_owned()];
    fleet.deployment.stage.emulator.cloud().executions_end(1, Ending::Failed(lines));
    let failed = fleet.fails(1);
    for said in [
        "migrate: validibot-migrate-dev-x",
        "failed: Task failed with exit code 1.",
        "no such table: runs",
        "not touched: web",
        "hint: correct what the lines say, then type the same command again",
    ] {
        assert!(failed.contains(said), "{said}\n{failed}");
    }
    assert_eq!(failed.matches("type the same command again").count(), 1, "{failed}");
    assert!(!failed.contains("keeps serving"), "there is no old version: {failed}");
    assert_eq!((outcome(&fleet), fleet.runs()), ((vec![None, None, None], 0, false), 1));
    fleet.deployment.stage.emulator.cloud().executions_end(0, Ending::Succeeded);
    complete(&fleet);
    assert_eq!(fleet.runs(), 2);
}

#[test]
fn a_first_web_that_never_becomes_ready_is_not_said_to_share_its_traffic() {
    let fleet = Fleet::new();
    let message = "The container failed to listen on port 8000.";
    fleet.deployment.engine.fail_service("validibot-web-dev", message);
    let stopped = fleet.fails(1);
    for said in ["web: first revision: ", message, "stopped: web: nothing serves yet", "not touched: mcp"] {
        assert!(stopped.contains(said), "{said}\n{stopped}");
    }
    fleet.deployment.engine.clear();
    complete(&fleet);
}

#[test]
fn a_worker_that_never_becomes_ready_stops_the_line_after_web() {
    let mut fleet = Fleet::new();
    fleet.quick(&[]);
    fleet.release("two", 'b');
    fleet
        .deployment
        .engine
        .fail_service("validibot-worker-dev", "The container failed to listen on port 8000.");
    let stopped = fleet.fails(1);
    for said in [
        "worker: candidate: ",
        "The container failed to listen on port 8000.",
        "done: web: validibot-web-dev-two-",
        "stopped: worker: validibot-worker-dev-one-",
        "not touched: scheduler",
        "not touched: mcp: validibot-mcp-dev-",
    ] {
        assert!(stopped.contains(said), "{said}\n{stopped}");
    }
    assert_eq!(fleet.serving("validibot-worker-dev").as_deref(), Some("one"));
    fleet.deployment.engine.clear();
    complete(&fleet);
    assert_eq!(fleet.serving("validibot-worker-dev").as_deref(), Some("two"));
}

#[test]
fn a_scheduled_job_that_is_refused_stops_before_the_server() {
    let fleet = Fleet::new();
    let create = Fault::new("cloudscheduler.googleapis.com/*", FaultKind::PermissionDenied).method("POST");
    fleet.deployment.stage.emulator.fail(create.times(1));
    let stopped = fleet.fails(1);
    for said in ["scheduler: ", "PERMISSION_DENIED", "in doubt: scheduled validibot-", "not touched: mcp"] {
        assert!(stopped.contains(said), "{said}\n{stopped}");
    }
    complete(&fleet);
}

#[test]
fn what_nobody_can_tell_stops_everything_and_no_flag_is_dropped() {
    let fleet = Fleet::new();
    fleet.deployment.stage.emulator.cloud().enable(&["compute.googleapis.com"]);
    for pattern in ["sqladmin.googleapis.com/*", "compute.googleapis.com/*"] {
        fleet.deployment.stage.emulator.fail(Fault::new(pattern, FaultKind::PermissionDenied));
    }
    let stopped = fleet.fails(1);
    for said in [
        "could not tell what is there, so nothing was changed",
        "the database validibot-db-dev: could not be read",
        "the endpoint group validibot-neg-dev: could not be read",
    ] {
        assert!(stopped.contains(said), "{said}\n{stopped}");
    }
    assert_eq!(fleet.writes(), [""; 0]);
    fleet.deployment.stage.emulator.clear_faults();

    // A stamped name in the secret, and an address that is not the worker's: both at once, nothing touched.
    let secret = "APP_ROLE=web\nWORKER_URL=https://elsewhere.example\n";
    fleet.deployment.stage.emulator.cloud().seed_version("django-env-dev", secret);
    let refused = fleet.fails(64);
    let said =
        "django-env-dev version 2, line 1: APP_ROLE is written by the deploy (fleet.toml, web and worker)";
    assert!(refused.contains(said), "{refused}");
    assert_eq!(fleet.writes(), [""; 0]);
}
