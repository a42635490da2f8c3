//! Settings of other hands, deploy by deploy: what the plan says of them, and what is there afterwards.

use std::sync::Arc;

use gcp_emulator::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::played::{SERVICE, World, by_hand};

/// A stage with one commit deployed, and the next one built.
fn world() -> Arc<World> {
    let world = World::new();
    *world.commit.lock().unwrap() = "2".repeat(40);
    world
}

/// A new revision as the console or gcloud makes one: with a name of Cloud Run's own, and without traffic, since a deploy
/// names the revision that has it.
fn console(world: &World, change: impl FnOnce(&mut Value)) {
    by_hand(&world.stage.emulator, |service| {
        service["spec"]["template"]["metadata"].as_object_mut().unwrap().remove("name");
        change(service);
    });
}

fn template(world: &World) -> Value {
    world.service()["spec"]["template"].clone()
}

fn set_much(service: &mut Value) {
    let template = &mut service["spec"]["template"];
    template["metadata"]["labels"]["cost-center"] = json!("42");
    template["metadata"]["annotations"]["run.googleapis.com/sessionAffinity"] = json!("true");
    let spec = &mut template["spec"];
    spec["containers"][0]["env"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "EXTRA", "value": "very-private"}));
    spec["containers"][0]["ports"][0]["name"] = json!("h2c");
    let volume = json!({"name": "whole", "secret": {"secretName": "mcp-env-dev"}});
    spec["volumes"].as_array_mut().unwrap().push(volume);
    let proxy = json!({"name": "proxy", "image": "us-docker.pkg.dev/p/r/proxy@sha256:1111111111111111111111111111111111111111111111111111111111111111"});
    spec["containers"].as_array_mut().unwrap().insert(0, proxy);
    service["metadata"]["annotations"]["run.googleapis.com/minScale"] = json!("1");
}

#[test]
fn what_somebody_has_set_in_the_console_is_shown_and_stays_deploy_after_deploy() {
    let world = world();
    console(&world, set_much);
    let planned = world.run(&["plan", "dev"], None);
    for part in [
        "label cost-center: 42",
        "annotation run.googleapis.com/sessionAffinity: true",
        "env EXTRA",
        "container ports.name: h2c",
        "volume whole",
        "container proxy",
        "instances of the service: from 1",
    ] {
        let line = format!("stays, set by another hand: {part}");
        assert!(planned.out.contains(&line), "{part}\n{}", planned.out);
    }
    assert!(!planned.out.contains("very-private"), "{}", planned.out);
    for commit in ["2", "3"] {
        *world.commit.lock().unwrap() = commit.repeat(40);
        let deployed = world.run(&["deploy", "dev", "--yes"], None);
        assert_eq!(deployed.code, Some(0), "{}", deployed.err);
        assert_eq!(world.traffic(), [(commit.to_owned(), 100, String::new())]);
        let template = template(&world);
        assert_eq!(template["metadata"]["labels"]["cost-center"], "42");
        let text = template.to_string();
        for part in ["sessionAffinity", "EXTRA", "h2c", "whole", "proxy"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
    // The program's own image, and not the sidecar's that stands first.
    let containers = template(&world)["spec"]["containers"].clone();
    let images: Vec<_> = containers.as_array().unwrap().iter().map(|one| one["image"].to_string()).collect();
    assert!(images.iter().any(|image| image.contains("validibot-mcp@sha256:3333")), "{images:?}");
    assert!(images.iter().any(|image| image.contains("proxy@sha256:1111")), "{images:?}");
    assert_eq!(world.service()["metadata"]["annotations"]["run.googleapis.com/minScale"], "1");
    let again = world.run(&["plan", "dev"], None);
    assert_eq!(again.code, Some(0), "it is as wanted: {}", again.out);
    assert!(again.out.contains("stays, set by another hand: container proxy"), "{}", again.out);
}

#[test]
fn what_is_to_go_is_named_before_it_goes() {
    let world = world();
    console(&world, set_much);
    let planned = world.run(&["plan", "dev", "--take-over"], None);
    for part in
        ["label cost-center: 42 -> (none)", "env EXTRA: 'very-private' -> (none)", "container proxy: "]
    {
        assert!(planned.out.contains(part), "{part}\n{}", planned.out);
    }
    let deployed = world.run(&["deploy", "dev", "--yes", "--take-over"], None);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    let text = template(&world).to_string();
    for part in ["cost-center", "sessionAffinity", "very-private", "h2c", "whole", "proxy"] {
        assert!(!text.contains(part), "{part}\n{text}");
    }
    assert!(world.service()["metadata"]["annotations"].get("run.googleapis.com/minScale").is_none());
}

#[test]
fn a_revision_that_somebody_made_by_hand_never_gets_the_traffic_as_it_is() {
    let world = World::new();
    let before = world.traffic();
    console(&world, |service| {
        service["spec"]["template"]["metadata"]["labels"]["cost-center"] = json!("42");
    });
    let by_hand = world.service()["status"]["latestCreatedRevisionName"].as_str().unwrap().to_owned();
    assert_eq!(world.traffic(), before, "by hand, and without traffic");
    let deployed = world.run(&["deploy", "dev", "--yes"], None);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    let serving = world.service()["status"]["traffic"][0]["revisionName"].as_str().unwrap().to_owned();
    assert_ne!(serving, by_hand);
    assert!(serving.starts_with(&format!("{SERVICE}-1111111")), "{serving}");
    assert_eq!(template(&world)["metadata"]["labels"]["cost-center"], "42");
}

#[test]
fn a_kill_switch_thrown_by_hand_is_named_and_not_turned_in_passing() {
    let world = world();
    console(&world, |service| {
        let env = service["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        let switch = env.iter_mut().find(|entry| entry["name"] == "VALIDIBOT_MCP_ENABLED").unwrap();
        switch["value"] = json!("false");
    });
    let planned = world.run(&["plan", "dev"], None);
    for part in
        ["env VALIDIBOT_MCP_ENABLED: 'false' -> 'true'", "switched off there; this deploy turns it on"]
    {
        assert!(planned.out.contains(part), "{part}\n{}", planned.out);
    }
}

#[test]
fn an_organization_that_lets_nobody_name_everybody_gets_a_public_service_all_the_same() {
    let world = World::bare();
    let forbidden = Fault::new("*/services/*:setIamPolicy", FaultKind::ForbiddenMember);
    world.stage.emulator.fail(forbidden);
    let first = world.run(&["deploy", "dev", "--yes"], None);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(first.err.contains("Cloud Run is told to check no caller"), "{}", first.err);
    let unchecked = |world: &World| {
        world.service()["metadata"]["annotations"]["run.googleapis.com/invoker-iam-disabled"] == "true"
    };
    assert!(unchecked(&world));
    let plan = world.run(&["plan", "dev"], None);
    assert_eq!(plan.code, Some(0), "{}", plan.out);
    assert!(plan.out.contains("Cloud Run checks no caller"), "{}", plan.out);
    let status = world.run(&["status", "dev"], None);
    assert!(status.out.contains("LIVE") && status.out.contains("open to everybody"), "{}", status.out);
    // The next commit leaves it as it is.
    *world.commit.lock().unwrap() = "2".repeat(40);
    let second = world.run(&["deploy", "dev", "--yes"], None);
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert!(unchecked(&world));
    assert_eq!(world.traffic(), [("2".to_owned(), 100, String::new())]);
}

#[test]
fn a_policy_that_is_said_to_be_gone_stops_a_deploy_before_it_writes() {
    let world = world();
    world.stage.emulator.fail(Fault::new("*/services/*:getIamPolicy", FaultKind::NotFound));
    let before = world.service()["metadata"]["generation"].clone();
    for args in [&["deploy", "dev", "--yes"][..], &["plan", "dev"], &["maintenance", "on", "dev", "--yes"]] {
        let stopped = world.run(args, None);
        assert_eq!(stopped.code, Some(1), "{args:?}: {}", stopped.out);
        for part in ["could not tell what is there", "policy"] {
            assert!(stopped.err.contains(part), "{args:?}: {}", stopped.err);
        }
    }
    assert_eq!(world.service()["metadata"]["generation"], before, "nothing was written");
    assert!(!world.is_locked());
}

#[test]
fn a_service_without_an_address_of_its_own_is_proven_where_users_reach_it() {
    let world = world();
    console(&world, |service| {
        service["metadata"]["annotations"]["run.googleapis.com/default-url-disabled"] = json!("true");
    });
    let deployed = world.run(&["deploy", "dev", "--yes"], None);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    assert_eq!(world.traffic(), [("2".to_owned(), 100, String::new())]);
    assert!(deployed.err.contains("own address does not answer from here"), "{}", deployed.err);
}
