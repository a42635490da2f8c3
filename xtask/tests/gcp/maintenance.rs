//! `gcp maintenance`: closed is closed, open is proven, and what goes wrong in between ends closed.

use gcp_emulator::{Fault, FaultKind, installed};
use serde_json::Value;
use test_support::require;

use crate::deployment::{Deployment, SERVICE};

/// Ingress, the kill switch of the newest revision, and whether that is what serves.
fn state(deployment: &Deployment) -> (String, String, bool) {
    let service = deployment.service();
    let ingress = &service["metadata"]["annotations"]["run.googleapis.com/ingress"];
    let env =
        service["spec"]["template"]["spec"]["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let switch = env.iter().find(|entry| entry["name"] == "VALIDIBOT_MCP_ENABLED");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let newest = text(&service["status"]["latestCreatedRevisionName"]);
    (
        text(ingress),
        switch.map(|entry| text(&entry["value"])).unwrap_or_default(),
        deployment.serving() == newest,
    )
}

fn closed() -> (String, String, bool) {
    ("internal".into(), "false".into(), true)
}

#[test]
fn closing_goes_on_after_an_interruption_and_a_failed_opening_ends_closed() {
    require!(installed::gcloud());
    let deployment = Deployment::new();
    deployment.deploy();
    let served = |deployment: &Deployment| {
        deployment.service()["metadata"]["annotations"]["validibot.com/served"].clone()
    };
    let before = served(&deployment);

    // The candidate is made, and nobody learns of it.
    let silence = Fault::new(format!("*/services/{SERVICE}"), FaultKind::RateLimited);
    deployment.stage.emulator.fail(silence.method("PUT").times(1).after());
    let interrupted = deployment.ends(1, &["maintenance", "on", "dev", "--yes"]);
    assert!(interrupted.err.contains("the traffic stays where it was"), "{}", interrupted.err);
    assert_eq!(deployment.traffic()[1].2, "candidate");
    deployment.ends(0, &["maintenance", "on", "dev", "--yes"]);
    assert_eq!(state(&deployment), closed());
    assert_eq!(served(&deployment), before, "a closed revision is none to go back to");
    assert!(!deployment.is_locked());
    deployment.writes();
    let again = deployment.ends(0, &["maintenance", "on", "dev"]);
    assert!(again.out.contains("nothing to do"), "{}", again.out);
    assert_eq!(deployment.writes(), [""; 0], "no write, no lock");

    deployment.say("unlicensed", "");
    let refused = deployment.ends(1, &["maintenance", "off", "dev", "--yes"]);
    for part in ["not licensed", "community edition", "the MCP server stays in maintenance"] {
        assert!(refused.err.contains(part), "{part}\n{}", refused.err);
    }
    assert_eq!(state(&deployment), closed());
    std::fs::remove_file(deployment.path("home/unlicensed")).unwrap();

    let closed_revision = deployment.serving();
    deployment.say("unfit", "https://validibot-mcp-dev-");
    let failed = deployment.ends(1, &["maintenance", "off", "dev", "--yes"]);
    for part in ["public address: ", "/readyz gives HTTP 503", "the MCP server is in maintenance again"] {
        assert!(failed.err.contains(part), "{part}\n{}", failed.err);
    }
    // The attempt has left the newest revision, which nobody reaches: what serves is the closed one.
    assert_eq!((state(&deployment).0.as_str(), deployment.serving()), ("internal", closed_revision));
    assert!(!deployment.is_locked());

    deployment.say("unfit", "nothing");
    let opened = deployment.ends(0, &["maintenance", "off", "dev", "--yes"]);
    assert!(opened.out.contains("ingress: internal -> all"), "{}", opened.out);
    assert_eq!(state(&deployment), ("all".into(), "true".into(), true));
    assert!(deployment.probes().last().unwrap().starts_with("https://validibot-mcp-dev-"));
}
