//! `gcp lb-add`, by the real gcloud: each phase interrupted once, and the same end as without.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use gcp_emulator::{Fault, FaultKind, installed};
use serde_json::{Value, json};
use test_support::require;

use crate::interrupt::wait;
use crate::played::add_balancer;
use crate::stage::{Finished, Stage};

const DOMAIN: &str = "mcp.acme.example";
const SERVICE: &str = "validibot-mcp-dev";

/// A stage whose service is deployed and whose load balancer serves the web application.
fn stage() -> Stage {
    let stage = Stage::ready();
    stage.write(".build", &format!("ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_BASE_URL=https://{DOMAIN}\n"));
    let mut cloud = stage.emulator.cloud();
    let digest = "a".repeat(64);
    let image = format!("us-west1-docker.pkg.dev/demo-proj/validibot/validibot-mcp@sha256:{digest}");
    cloud.seed_service("us-west1", SERVICE, &image);
    drop(cloud);
    add_balancer(&stage.emulator, "203.0.113.7");
    stage
}

fn part(stage: &Stage, path: &str) -> Value {
    stage.emulator.snapshot()["compute"][path].clone()
}

fn lb_add(stage: &Stage) -> Finished {
    Finished::of(&command(stage).output().unwrap())
}

/// With a resolver to whom every name leads to the load balancer.
fn command(stage: &Stage) -> std::process::Command {
    let folder = stage.path("resolver");
    std::fs::create_dir_all(&folder).unwrap();
    let resolver = folder.join("getent");
    std::fs::write(&resolver, "#!/bin/sh\necho 203.0.113.7 STREAM name\n").unwrap();
    std::fs::set_permissions(&resolver, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = stage.command(&["lb-add", "dev", DOMAIN, "--yes"]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).unwrap());
    command
}

fn names(links: &Value) -> Vec<String> {
    let links = links.as_array().cloned().unwrap_or_default();
    links.iter().filter_map(|link| Some(link.as_str()?.rsplit('/').next()?.to_owned())).collect()
}

/// The proxy's certificates.
fn certificates(stage: &Stage) -> Vec<String> {
    names(&part(stage, "global/targetHttpsProxies/validibot-https-proxy-dev")["sslCertificates"])
}

#[test]
fn a_name_is_added_whatever_interrupts_it_and_the_old_certificate_goes_last() {
    require!(installed::gcloud());
    let stage = stage();
    let refuse = |pattern: &str, method: &str| {
        stage.emulator.fail(Fault::new(pattern, FaultKind::PermissionDenied).method(method).times(1));
    };
    // The write is carried out, and gcloud never learns of it.
    let silence = |pattern: &str, method: &str| {
        stage.emulator.fail(Fault::new(pattern, FaultKind::RateLimited).method(method).times(1).after());
    };
    let interrupted = |what: &str| {
        let finished = lb_add(&stage);
        assert_eq!(finished.code, Some(1), "{what}\n{}\n{}", finished.out, finished.err);
        for part in ["in doubt: ", "type the same command again"] {
            assert!(finished.err.contains(part), "{what}: {part}\n{}", finished.err);
        }
        stage.emulator.clear_faults();
    };
    silence("*/sslCertificates", "POST");
    interrupted("the certificate");
    silence("*/targetHttpsProxies/*", "PATCH");
    interrupted("the proxy");
    let new = waits_for_its_certificate(&stage);
    assert!(stage.emulator.cloud().certificate_status(&new, "ACTIVE"));
    refuse("*/networkEndpointGroups", "POST");
    silence("*/backendServices", "POST");
    interrupted("the way and the backend");
    refuse("*/backendServices/validibot-mcp-backend-dev", "PUT");
    silence("*/targetHttpsProxies/*", "PATCH");
    interrupted("the backend's way and the proxy");
    killed_at_the_host_rule(&stage);
    refuse(&format!("*/services/{SERVICE}"), "PUT");
    interrupted("ingress");
    let finished = lb_add(&stage);
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.out, finished.err);
    assert!(finished.out.contains(&format!("{DOMAIN}. A 203.0.113.7")), "{}", finished.out);

    let group = part(&stage, "regions/us-west1/networkEndpointGroups/validibot-mcp-neg-dev");
    assert_eq!(group["cloudRun"]["service"], SERVICE);
    let backend = part(&stage, "global/backendServices/validibot-mcp-backend-dev");
    assert_eq!(backend["backends"].as_array().map(Vec::len), Some(1));
    assert_eq!(backend["loadBalancingScheme"], "EXTERNAL", "as the web application's");
    let map = part(&stage, "global/urlMaps/validibot-url-map-dev");
    assert_eq!(map["hostRules"], json!([{"hosts": [DOMAIN], "pathMatcher": "mcp-matcher-dev"}]));
    assert_eq!(names(&json!([map["pathMatchers"][0]["defaultService"]])), ["validibot-mcp-backend-dev"]);
    let service = stage.emulator.snapshot()["services"][SERVICE].clone();
    let ingress = &service["metadata"]["annotations"]["run.googleapis.com/ingress"];
    assert_eq!(ingress, "internal-and-cloud-load-balancing");
    assert_eq!(
        service["status"]["latestCreatedRevisionName"],
        service["status"]["traffic"][0]["revisionName"]
    );

    assert_eq!(certificates(&stage), [new]);
    assert!(lb_add(&stage).out.contains("nothing to do"));
}

/// With a certificate that is not active yet there is nothing more to do, and the old one stays; the new one's name.
fn waits_for_its_certificate(stage: &Stage) -> String {
    let attached = certificates(stage);
    assert_eq!((attached.len(), attached[0].as_str()), (2, "validibot-cert-dev"), "{attached:?}");
    let new = attached[1].clone();
    let ordered = part(stage, &format!("global/sslCertificates/{new}"));
    assert_eq!(ordered["managed"]["domains"], json!(["app.acme.example", DOMAIN]));
    let orders = stage.emulator.snapshot()["compute"].as_object().unwrap().clone();
    let orders = orders.keys().filter(|path| path.contains("/sslCertificates/")).count();
    assert_eq!(orders, 2, "nothing was ordered twice");
    stage.emulator.take_calls();
    let waiting = lb_add(stage);
    assert!(waiting.out.contains("PROVISIONING") && waiting.out.contains("nothing to do"), "{}", waiting.out);
    assert_eq!(stage.emulator.writes(), [""; 0]);
    new
}

/// The tool is killed in the middle of a write, its lock with it.
fn killed_at_the_host_rule(stage: &Stage) {
    let hang = Fault::new("*/urlMaps/*", FaultKind::Slow(Duration::from_hours(1)));
    stage.emulator.fail(hang.method("PUT").times(1));
    stage.emulator.take_calls();
    let mut child = command(stage).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let writes = || stage.emulator.calls().into_iter().filter(|call| call.method == "PUT");
    wait(|| writes().any(|call| call.path.contains("/urlMaps/")) || child.try_wait().unwrap().is_some());
    // Its end would be too early: what it said is the reason.
    child.kill().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.signal(), Some(9), "{}", String::from_utf8_lossy(&ended.stderr));
    stage.emulator.clear_faults();
    let locked = lb_add(stage);
    assert_eq!(locked.code, Some(75), "{}", locked.err);
    assert!(locked.err.contains("gcp lb-add dev"), "{}", locked.err);
    assert_eq!(stage.run(&["lock", "break", "dev", "--yes"]).code, Some(0));
    let finished = {
        stage.emulator.fail(Fault::new("*/urlMaps/*", FaultKind::RateLimited).method("PUT").times(1).after());
        lb_add(stage)
    };
    assert_eq!(finished.code, Some(1), "{}", finished.err);
    stage.emulator.clear_faults();
}

#[test]
fn what_others_have_made_is_not_changed_and_what_is_missing_is_said() {
    require!(installed::gcloud());
    let bare = Stage::ready();
    bare.emulator.cloud().enable(&["compute.googleapis.com"]);
    let refused = lb_add(&bare);
    assert_eq!(refused.code, Some(1));
    for part in [
        "the service validibot-mcp-dev is not deployed",
        "no URL map validibot-url-map-dev",
        "no HTTPS proxy validibot-https-proxy-dev",
        "no address validibot-ip-dev",
        "hint: cargo xtask gcp deploy dev",
        "just gcp lb-setup dev",
    ] {
        assert!(refused.err.contains(part), "{part}\n{}", refused.err);
    }

    let stage = stage();
    let link = "https://www.googleapis.com/compute/v1/projects/demo-proj/global/backendServices/validibot-backend-dev";
    stage.emulator.cloud().seed_compute(
        "global/urlMaps/validibot-url-map-dev",
        json!({
            "defaultService": link,
            "hostRules": [{"hosts": [DOMAIN], "pathMatcher": "somebody"}],
            "pathMatchers": [{"name": "somebody", "defaultService": link}],
        }),
    );
    let refused = lb_add(&stage);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("leads to the path matcher somebody already"), "{}", refused.err);
    assert_eq!(stage.emulator.writes(), [""; 0]);
}
