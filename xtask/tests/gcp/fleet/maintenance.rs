//! `gcp maintenance` of a whole fleet: in order, back in order, and after any interruption where it would have been.

use gcp_emulator::{Fault, FaultKind};
use serde_json::{Value, json};

use super::Fleet;
use super::inside::{Kill, heard, tool};
use crate::blow::Blow;

/// One word of the command, within this process; what was said.
fn turn(fleet: &Fleet, words: &[&str]) -> String {
    let (done, said, _) = attempt(fleet, words, None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    said
}

fn attempt(
    fleet: &Fleet,
    words: &[&str],
    kill: Option<Kill>,
) -> (xtask::core::error::Result<()>, String, usize) {
    let (word, more) = words.split_first().unwrap();
    tool(fleet, &[&["maintenance", word, "dev", "--yes", "--at-once", "1"], more].concat(), kill)
}

fn status(fleet: &Fleet) -> Value {
    document(fleet, &["status", "dev", "--json"])
}

/// The one document that a run prints.
fn document(fleet: &Fleet, words: &[&str]) -> Value {
    let (done, [out, err], _) = heard(fleet, words, None);
    done.unwrap_or_else(|error| panic!("{error}\n{err}"));
    serde_json::from_str(&out).unwrap()
}

fn overall(fleet: &Fleet) -> String {
    status(fleet)["overall"].as_str().unwrap().to_owned()
}

/// Everything that maintenance decides, without the names of revisions.
fn essence(fleet: &Fleet) -> Value {
    let state = fleet.state();
    let services = state["services"].as_object().unwrap().iter().map(|(name, service)| {
        let traffic = service["status"]["traffic"].as_array().unwrap();
        let newest = &service["status"]["latestReadyRevisionName"];
        let whole =
            traffic.len() == 1 && traffic[0]["revisionName"] == *newest && traffic[0]["percent"] == 100;
        let (own, template) = (&service["metadata"]["annotations"], &service["spec"]["template"]);
        let annotations =
            ["ingress", "minScale"].map(|name| own[&format!("run.googleapis.com/{name}")].clone());
        json!([name, annotations, template["spec"], template["metadata"]["annotations"], whole])
    });
    let services: Vec<Value> = services.collect();
    let states = |kind: &str| -> Vec<Value> {
        state[kind].as_object().unwrap().iter().map(|(name, item)| json!([name, item["state"]])).collect()
    };
    let lock = &state["secrets"]["validibot-mcp-deploy-lock-dev"];
    json!([services, states("scheduler"), states("queues"), state["invokers"], lock])
}

/// Where in the writes the first of this kind is.
fn at(writes: &[String], part: &str) -> usize {
    writes.iter().position(|write| write.contains(part)).unwrap_or_else(|| panic!("{part}: {writes:?}"))
}

#[test]
fn instances_wait_again_once_the_stage_is_open() {
    let fleet = Fleet::new();
    let bounds = "min = 0\nmax = { prod = 4, other = 2 }\n";
    assert!(super::SHIPPED.contains(bounds));
    fleet.describe(&super::SHIPPED.replace(bounds, &bounds.replace("min = 0", "min = 1")));
    let waiting = || {
        let service = fleet.state()["services"]["validibot-mcp-dev"].clone();
        let own = &service["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/minScale"];
        let together = &service["metadata"]["annotations"]["run.googleapis.com/minScale"];
        [own, together].iter().any(|min| **min == "1")
    };
    fleet.quick(&[]);
    assert!(waiting());
    turn(&fleet, &["on"]);
    assert!(!waiting());
    turn(&fleet, &["off"]);
    assert!(waiting());
    assert!(fleet.quick(&[]).contains("nothing to do"));
}

#[test]
fn the_whole_stage_closes_and_comes_back_in_order() {
    let fleet = Fleet::new();
    fleet.quick(&[]);
    assert_eq!(overall(&fleet), "LIVE");
    let newest =
        || fleet.state()["services"]["validibot-web-dev"]["status"]["latestCreatedRevisionName"].clone();
    let (revision, live) = (newest(), essence(&fleet));
    fleet.writes();
    let said = turn(&fleet, &["on"]);
    for line in [
        "gcp maintenance on dev in project demo-proj, us-west1\n  ~ service validibot-mcp-dev\n",
        "      ingress: all -> internal\n",
        "  ~ service validibot-web-dev\n",
        "    service validibot-worker-dev\n",
        "  ~ queue validibot-validation-queue-dev is paused\n",
        "\n13 changes\n",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let writes = fleet.writes();
    let order =
        ["PUT validibot-mcp-dev", "PUT validibot-web-dev", "clear-sessions-dev:pause", "queue-dev:pause"];
    let order = order.map(|part| at(&writes, part));
    assert!(order.is_sorted(), "{writes:?}");
    assert_eq!(writes.iter().filter(|write| *write == "POST secrets").count(), 1, "one lock: {writes:?}");
    assert_eq!(overall(&fleet), "MAINTENANCE");
    fleet.writes();
    assert!(turn(&fleet, &["on"]).contains("nothing to do"));
    // A deploy leaves it closed.
    let deployed = fleet.quick(&[]);
    assert!(
        deployed.contains("in maintenance and stays so") && deployed.contains("nothing to do"),
        "{deployed}"
    );
    assert_eq!(fleet.writes(), [""; 0]);

    let report = document(&fleet, &["maintenance", "off", "dev", "--dry-run", "--json"]);
    assert_eq!((&report["applied"], &report["changes"]), (&json!(false), &json!(13)));
    assert_eq!(fleet.writes(), [""; 0]);
    let report = document(&fleet, &["maintenance", "off", "dev", "--yes", "--at-once=1", "--json"]);
    assert_eq!((&report["applied"], &report["changes"]), (&json!(true), &json!(13)));
    let done = report["done"].as_array().unwrap();
    assert_eq!(done.first().unwrap(), "service validibot-web-dev");
    assert_eq!((done.len(), done.last().unwrap()), (13, &json!("service validibot-mcp-dev")));
    let writes = fleet.writes();
    let order =
        ["PUT validibot-web-dev", "queue-dev:resume", "clear-sessions-dev:resume", "PUT validibot-mcp-dev"];
    let order = order.map(|part| at(&writes, part));
    assert!(order.is_sorted(), "{writes:?}");
    assert_eq!(overall(&fleet), "LIVE");
    assert_eq!((newest(), essence(&fleet)), (revision, live), "no revision of the application has changed");
    assert!(fleet.quick(&[]).contains("nothing to do"));
}

#[test]
fn a_part_alone_and_a_server_that_cannot_be_opened() {
    let fleet = Fleet::new();
    fleet.quick(&[]);
    let live = essence(&fleet);
    turn(&fleet, &["on", "--only=web,worker"]);
    let partial = status(&fleet);
    assert_eq!((&partial["overall"], &partial["server"]), (&json!("PARTIAL"), &json!("LIVE")));
    assert_eq!(partial["reasons"], json!(["the MCP server is LIVE, the rest of the application PARTIAL"]));
    assert_eq!(
        fleet.state()["scheduler"]["validibot-clear-sessions-dev"]["state"],
        "ENABLED",
        "the scheduler was not asked for"
    );
    turn(&fleet, &["on"]);
    assert_eq!(overall(&fleet), "MAINTENANCE");
    let closed = essence(&fleet)[0][0].clone();

    // The application opens, then Validibot says that it is not licensed: only the server stays closed.
    fleet.deployment.say("unlicensed", "");
    let error = attempt(&fleet, &["off"], None).0.unwrap_err().to_string();
    for part in [
        "not licensed",
        "no feature mcp_server",
        "the MCP server stays in maintenance",
        "done before: service validibot-web",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    let partial = status(&fleet);
    assert_eq!((&partial["server"], &partial["fleet"]["overall"]), (&json!("MAINTENANCE"), &json!("LIVE")));
    std::fs::remove_file(fleet.deployment.path("home/unlicensed")).unwrap();

    // Licensed, but not fit: it is closed again.
    fleet.deployment.say("unfit", "https://validibot-mcp-dev-");
    let error = attempt(&fleet, &["off"], None).0.unwrap_err().to_string();
    for part in ["/readyz gives HTTP 503", "the MCP server is in maintenance again"] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    // What serves is the revision that was closed before; the failed one stays beside it.
    assert_eq!(essence(&fleet)[0][0][1], closed[1]);
    let traffic = &fleet.state()["services"]["validibot-mcp-dev"]["status"]["traffic"][0];
    assert!(
        traffic["percent"] == 100 && traffic["revisionName"].to_string().contains("-closed-"),
        "{traffic}"
    );
    assert!(!fleet.deployment.is_locked());
    fleet.deployment.say("unfit", "nothing");
    let said = turn(&fleet, &["off", "--only", "mcp"]);
    assert!(said.contains("\n1 change\n"), "{said}");
    assert_eq!(essence(&fleet), live);

    for (words, sentence) in [
        (["on", "--only=wbe,wep"], "the fleet has no step 'wbe', no step 'wep'"),
        (["on", "--only=migrate"], "migrate is not something that can be closed"),
    ] {
        let error = attempt(&fleet, &words, None).0.unwrap_err();
        assert_eq!(error.exit().code(), 64);
        assert!(error.to_string().contains(sentence), "{error}");
    }
    // All that is wrong at once.
    fleet.deployment.stage.write(".gcp", "GCP_REGION=us-west1\n");
    let error = attempt(&fleet, &["on", "--only=wbe"], None).0.unwrap_err().to_string();
    assert!(error.contains("no step 'wbe'") && error.contains("GCP_PROJECT_ID is not set"), "{error}");
}

#[test]
fn a_stage_with_the_server_alone_is_asked_nothing_else() {
    let fleet = Fleet::new();
    let error = attempt(&fleet, &["off"], None).0.unwrap_err().to_string();
    assert!(error.contains("is not deployed: there is nothing to open"), "{error}");
    assert!(turn(&fleet, &["on"]).contains("nothing to do"));
    fleet.quick(&["--only=mcp"]);
    // Such a project has no scheduler, no queue, and perhaps no permission to look for them.
    for host in ["cloudscheduler", "cloudtasks"] {
        let closed = Fault::new(format!("{host}.googleapis.com/*"), FaultKind::PermissionDenied);
        fleet.deployment.stage.emulator.fail(closed);
    }
    assert_eq!(overall(&fleet), "LIVE");
    let said = turn(&fleet, &["on"]);
    assert!(said.contains("\n1 change\n") && !said.contains("scheduled"), "{said}");
    assert_eq!(overall(&fleet), "MAINTENANCE");
    turn(&fleet, &["off"]);
    assert_eq!(overall(&fleet), "LIVE");
}

#[test]
fn with_the_gate_closed_the_application_closes_without_the_server() {
    let fleet = Fleet::new();
    fleet.quick(&[]);
    fleet.deployment.stage.write(".build", "ENABLE_MCP_SERVER=false\n");
    let said = turn(&fleet, &["on"]);
    assert!(said.contains("mcp: skipped, because ENABLE_MCP_SERVER is off"), "{said}");
    assert_eq!(status(&fleet)["server"], "LIVE");
    let said = turn(&fleet, &["on", "--only=mcp"]);
    assert!(said.contains("gcp maintenance on dev: skipped"), "{said}");
    turn(&fleet, &["off"]);
    assert_eq!(overall(&fleet), "LIVE");
}

/// By either deploy: what nobody can reach is not proven, so that it is not remembered as what has served.
#[test]
fn a_new_server_comes_into_a_closed_stage_as_a_closed_one() {
    for words in [&["deploy", "dev", "--yes"][..], &["deploy-all", "dev", "--yes", "--only", "mcp"]] {
        let fleet = Fleet::new();
        let build = fleet.deployment.path("envs/dev/google-cloud/.build");
        let open = std::fs::read_to_string(build).unwrap();
        fleet.deployment.stage.write(".build", "ENABLE_MCP_SERVER=false\n");
        fleet.quick(&[]);
        turn(&fleet, &["on"]);
        fleet.deployment.stage.write(".build", &open);
        let (done, said, _) = tool(&fleet, words, None);
        done.unwrap_or_else(|error| panic!("{words:?}: {error}\n{said}"));
        assert_eq!(overall(&fleet), "MAINTENANCE", "{words:?}");
        let served = |fleet: &Fleet| {
            let server = fleet.state()["services"]["validibot-mcp-dev"].clone();
            server["metadata"]["annotations"]["validibot.com/served"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!((served(&fleet), fleet.proven.lock().unwrap().len()), (String::new(), 0), "{words:?}");
        turn(&fleet, &["off"]);
        assert_eq!(overall(&fleet), "LIVE", "{words:?}");
        assert_eq!(served(&fleet).split(',').count(), 1, "{words:?}: {}", served(&fleet));
        assert!(!served(&fleet).is_empty() && !fleet.proven.lock().unwrap().is_empty(), "{words:?}");
    }
}

#[test]
fn whichever_write_is_struck_the_next_run_ends_in_the_same_state() {
    let fleet = Fleet::new();
    fleet.quick(&[]);
    let live = essence(&fleet);
    let (done, said, writes_on) = attempt(&fleet, &["on"], None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    let closed = essence(&fleet);
    let (done, said, writes_off) = attempt(&fleet, &["off"], None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert_eq!(essence(&fleet), live);
    for (word, back, writes, wanted, before) in
        [("on", "off", writes_on, &closed, &live), ("off", "on", writes_off, &live, &closed)]
    {
        assert!(writes > 14, "the lock twice, and thirteen changes: {writes}");
        if word == "off" {
            turn(&fleet, &["on"]);
        }
        for (write, blow) in (0..writes).flat_map(|write| Blow::ALL.map(|blow| (write, blow))) {
            let place = format!("{word}, write {write} of {writes}, {blow:?}");
            assert_eq!(essence(&fleet), *before, "{place}: before");
            let (struck, ..) = attempt(&fleet, &[word], Some(Kill { write, blow }));
            // A lock that could not be given back is no failure, and one that was taken all the same is ours.
            let last = [0, writes - 1].contains(&write);
            assert!(struck.is_err() || last, "{place}");
            if fleet.deployment.is_locked() {
                fleet.deployment.stage.emulator.cloud().remove_secret("validibot-mcp-deploy-lock-dev");
            }
            turn(&fleet, &[word]);
            assert_eq!(essence(&fleet), *wanted, "{place}");
            turn(&fleet, &[back]);
        }
        if word == "on" {
            continue;
        }
        turn(&fleet, &["off"]);
    }
}
