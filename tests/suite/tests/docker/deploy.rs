//! From an empty project to a service that MCP clients use, and through everything that a deploy can meet: the real
//! tool, the real gcloud, images in a real registry, containers behind the emulated Cloud Run.

use gcp_emulator::installed;
use sandbox::fixtures;
use serde_json::Value;
use suite::process;
use suite::python::Python;
use suite::require;

use crate::project::{DEADLINE, DEPLOY, Image, Project, SERVICE};

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_project_becomes_a_service_and_only_what_is_proven_serves() {
    require!(installed::engine());
    require!(installed::gcloud());
    let python = require!(Python::with_clients().await);
    let project = Project::start().await;
    project.commit("1111111", Image::Good);
    project.ends(0, &["setup", "dev", "--yes"]).await;
    project.ends(0, &["secrets", "dev", "--yes"]).await;
    let deployed = project.deploy(0).await;
    assert!(deployed.stdout.contains(&format!("serves commit {}", project.named)), "{}", deployed.stdout);
    assert!(deployed.stderr.contains("proven as far as the list of tools"), "{}", deployed.stderr);
    let url = project.engine.url(SERVICE);
    assert_eq!(project.version(&url).await, project.named);
    let first = project.serving();
    assert!(first.contains("-1111111-"), "{first}");
    listed_through_both_chains(&project, &python, &url).await;

    project.emulator.take_calls();
    let again = project.ends(0, &DEPLOY).await;
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    assert_eq!(project.emulator.writes(), [""; 0], "no write, no lock");

    project.commit("2222222", Image::Good);
    project.deploy(0).await;
    let good = project.serving();
    assert!(good.contains("-2222222-"), "{good}");

    project.commit("3333333", Image::Ends);
    let failed = project.deploy(1).await;
    for part in ["candidate: ", "the traffic stays where it was", "wrote last:", "no-such-command"] {
        assert!(failed.stderr.contains(part), "{part}\n{}", failed.stderr);
    }
    assert_eq!((project.serving(), project.version(&url).await), (good.clone(), project.named.clone()));

    project.commit("4444444", Image::Another);
    let failed = project.deploy(1).await;
    for part in ["proof: ", "another build answers", "the traffic stays where it was", "wrote last:"] {
        assert!(failed.stderr.contains(part), "{part}\n{}", failed.stderr);
    }
    assert_eq!((project.serving(), project.version(&url).await), (good.clone(), project.named.clone()));

    // All of these images are of one commit, to which a rollback goes only where it is named.
    let unnamed = project.ends(1, &["rollback", "dev", "--yes"]).await;
    assert!(unnamed.stderr.contains(&format!("{first} is of the commit that serves")), "{}", unnamed.stderr);
    assert_eq!(project.serving(), good);
    project.ends(0, &["rollback", "dev", &first, "--yes"]).await;
    assert_eq!(project.serving(), first);
    // The one of this commit that was gone back from had another image: the stage is held against it.
    project.commit("5555555", Image::Good);
    let held = project.deploy(1).await;
    assert!(held.stderr.contains("of this commit was gone back from"), "{}", held.stderr);
    project.ends(0, &[&DEPLOY[..], &["--yes-older"]].concat()).await;
    assert!(project.serving().contains("-5555555-"), "{}", project.serving());
    let status = project.ends(0, &["status", "dev"]).await;
    assert!(status.stdout.starts_with("dev: LIVE\n"), "{}", status.stdout);
    behind_a_load_balancer(&project).await;
    assert_eq!(project.emulator.unexpected(), [""; 0]);
}

/// `fastmcp`, the user by an API token, the server by its identity token.
async fn listed_through_both_chains(project: &Project, python: &Python, url: &str) {
    project.web.clear_received();
    let mut script = python.script("list_workflows.py");
    script.arg(format!("{url}/mcp")).arg(fixtures::DEMO_TOKEN);
    let output = process::run(&mut script, DEADLINE).await.expect("it ends").expect_success("fastmcp");
    let seen: Value = serde_json::from_str(output.stdout.trim()).expect("JSON");
    assert_eq!(seen["is_error"], false, "{seen}");
    assert_eq!(seen["result"]["result"].as_array().map(Vec::len), Some(5), "{seen}");
    let received = project.web.received();
    let identified = |name: &str| received.iter().filter(|request| request.header(name).is_some()).count();
    assert!(identified("authorization") > 0, "an identity token came");
    assert_eq!(identified("x-mcp-service-key"), 0, "no shared key did");
}

/// With ingress locked, the candidate cannot be asked: its startup probe counts, then the public address at once.
async fn behind_a_load_balancer(project: &Project) {
    let balancer = project.engine.balancer_url(SERVICE);
    project.write_files(project.web.url(), &balancer);
    project.emulator.cloud().seed_endpoint_group("us-west1", "validibot-mcp-neg-dev", SERVICE);
    project.ends(0, &DEPLOY).await;
    assert_eq!(project.version(&balancer).await, project.named);
    let good = project.serving();

    project.commit("6666666", Image::Another);
    let failed = project.deploy(1).await;
    for part in ["its startup probe is its proof", "public address: ", "the traffic is back where it was"] {
        assert!(failed.stderr.contains(part), "{part}\n{}", failed.stderr);
    }
    assert_eq!((project.serving(), project.version(&balancer).await), (good, project.named.clone()));
}
