//! `gcp plan` and `gcp deploy`: what is written, in which order, and where the traffic is whatever happens.

use gcp_emulator::gcloud_is_here;

use crate::deployment::{Deployment, SERVICE};

#[test]
fn a_first_deploy_a_second_commit_and_nothing_to_do() {
    if !gcloud_is_here("a_first_deploy_a_second_commit_and_nothing_to_do") {
        return;
    }
    let deployment = Deployment::new();
    let plan = deployment.ends(2, &["plan", "dev"]);
    assert!(plan.out.contains("+ service validibot-mcp-dev"), "{}", plan.out);
    assert_eq!(deployment.writes(), [""; 0]);

    deployment.deploy();
    let lock = [
        "POST secrets",
        "POST services",
        &format!("POST {SERVICE}:setIamPolicy")[..],
        "DELETE validibot-mcp-deploy-lock-dev",
    ];
    assert_eq!(deployment.writes(), lock);
    let first = deployment.serving();
    let environment = &deployment.service()["spec"]["template"]["spec"]["containers"][0]["env"];
    assert!(environment.to_string().contains("candidate---validibot-mcp-dev-123456789012.us-west1.run.app"));

    let again = deployment.deploy();
    assert!(again.out.contains("nothing to do") && again.out.contains(&first), "{}", again.out);
    assert_eq!(deployment.writes(), [""; 0], "no write, no lock");
    deployment.ends(0, &["plan", "dev"]);

    deployment.commit("second");
    let plan = deployment.ends(2, &["plan", "dev"]);
    assert!(
        plan.out.contains("image: us-west1-docker.pkg.dev/demo-proj/validibot/validibot-mcp@sha256:"),
        "{}",
        plan.out
    );
    deployment.deploy();
    let put = format!("PUT {SERVICE}");
    assert_eq!(deployment.writes(), ["POST secrets", &put, &put, "DELETE validibot-mcp-deploy-lock-dev"]);
    assert_ne!(deployment.serving(), first);
    let probes = deployment.probes();
    assert!(
        probes.iter().any(|probe| probe.starts_with("https://candidate---validibot-mcp-dev-")),
        "{probes:?}"
    );
    assert!(probes.last().unwrap().starts_with("https://validibot-mcp-dev-"), "{probes:?}");
    assert_eq!(deployment.stage.emulator.unexpected(), [""; 0]);
}

#[test]
fn a_revision_that_does_not_start_and_one_that_fails_its_proof_get_no_traffic() {
    if !gcloud_is_here("a_revision_that_does_not_start_and_one_that_fails_its_proof_get_no_traffic") {
        return;
    }
    let deployment = Deployment::new();
    deployment.deploy();
    let first = deployment.serving();

    let digest = deployment.commit("it ends at its start");
    deployment.engine.fail(&format!("*{digest}"), "The user-provided container failed to start.");
    let failed = deployment.ends(1, &["deploy", "dev", "--yes"]);
    for part in ["candidate: ", "failed to start", "the traffic stays where it was", "has arrived in the log"]
    {
        assert!(failed.err.contains(part), "{part}\n{}", failed.err);
    }
    assert_eq!(deployment.traffic()[0], (first.clone(), 100, String::new()));
    assert!(!deployment.is_locked());

    deployment.commit("it is not fit");
    deployment.say("unfit", "candidate---");
    let failed = deployment.ends(1, &["deploy", "dev", "--yes"]);
    assert!(
        failed.err.contains("proof: ") && failed.err.contains("ready: /readyz gives HTTP 503"),
        "{}",
        failed.err
    );
    assert_eq!(deployment.traffic()[0], (first, 100, String::new()));
    assert!(!deployment.is_locked());

    // The candidate is there and proven on the second try: no new revision is needed, only the traffic moves.
    deployment.say("unfit", "nothing");
    deployment.writes();
    deployment.deploy();
    assert_eq!(deployment.writes().iter().filter(|write| write.starts_with("PUT")).count(), 1);
    assert!(deployment.serving().starts_with(SERVICE));
}
