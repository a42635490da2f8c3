//! Closing the server and opening it again, under a client that never stops asking.

use std::time::Duration;

use gcp_emulator::installed;
use sandbox::{Edition, fixtures};
use suite::require;
use tokio::time::Instant;

use crate::poll::{self, Got, Polling};
use crate::project::{Image, Project, SERVICE};

const ON: [&str; 4] = ["maintenance", "on", "dev", "--yes"];
const OFF: [&str; 4] = ["maintenance", "off", "dev", "--yes"];

/// Everybody is served.
const LIVE: [[Got; 3]; 2] = [[Got::Right; 3]; 2];

/// Nobody comes in; who is in already can list tools, and each says that it is off.
const CLOSED: [[Got; 3]; 2] = [[Got::FrontEnd; 3], [Got::Right, Got::Right, Got::SwitchedOff]];

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_stops_asking_is_served_or_told_that_it_is_not() {
    require!(installed::engine());
    require!(installed::gcloud());
    let project = Project::start().await;
    project.seed();
    project.commit("1111111", Image::Good);
    project.deploy(0).await;
    let (outside, inside) = (project.engine.url(SERVICE), project.engine.inside_url(SERVICE));
    let mut polling = Polling::start(&outside, &inside, fixtures::DEMO_TOKEN).await;
    assert_eq!(polling.round().await, LIVE);

    project.ends(0, &ON).await;
    assert_eq!(polling.round().await, CLOSED);

    project.web.set_edition(Edition::Community);
    let refused = project.ends(1, &[&OFF[..], &["--license-wait", "3s"]].concat()).await;
    for part in ["Validibot is not licensed for MCP", "community", "the MCP server stays in maintenance"] {
        assert!(refused.stderr.contains(part), "{part}\n{}", refused.stderr);
    }
    assert_eq!(polling.round().await, CLOSED);

    // The licence comes while it is being waited for.
    project.web.clear_received();
    let opening = [&OFF[..], &["--license-wait", "10m"]].concat();
    let (opened, ()) = tokio::join!(project.ends(0, &opening), async {
        asked_for_its_licence(&project).await;
        assert_eq!(polling.round().await, CLOSED);
        project.web.set_edition(Edition::Pro);
    });
    assert!(opened.stderr.contains("proven as far as the list of tools"), "{}", opened.stderr);
    assert_eq!(polling.round().await, LIVE);
    poll::check(&polling.stop().await);
    let status = project.ends(0, &["status", "dev"]).await;
    assert!(status.stdout.starts_with("dev: LIVE\n"), "{}", status.stdout);
    assert_eq!(project.emulator.unexpected(), [""; 0]);
}

/// Returns once Validibot has been asked for its licence.
async fn asked_for_its_licence(project: &Project) {
    let started = Instant::now();
    let asked = || project.web.received().iter().any(|request| request.path.contains("/license/"));
    while !asked() {
        assert!(started.elapsed() < Duration::from_mins(5), "it was never asked for its licence");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
