//! When `gcp lb-add` leads users to the load balancer: not before its certificate is active and the name leads there.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::played::{Ended, SERVICE, World, add_balancer};

const DOMAIN: &str = "mcp.acme.example";
const ADDRESS: &str = "203.0.113.7";

fn world() -> Arc<World> {
    let world = World::new();
    add_balancer(&world.stage.emulator, ADDRESS);
    world
}

fn lb_add(world: &Arc<World>, more: &[&str]) -> Ended {
    world.run(&[&["lb-add", "dev", DOMAIN, "--yes"], more].concat(), None)
}

fn ok(world: &Arc<World>, more: &[&str]) -> Ended {
    let ended = lb_add(world, more);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    ended
}

fn parts(world: &World) -> Value {
    world.stage.emulator.snapshot()["compute"].clone()
}

fn ingress(world: &World) -> String {
    let service = world.service();
    let ingress = service["metadata"]["annotations"]["run.googleapis.com/ingress"].as_str();
    ingress.unwrap_or_default().to_owned()
}

/// The certificate that was ordered.
fn ordered(world: &World) -> String {
    let parts = parts(world);
    let paths = parts.as_object().unwrap().keys();
    let mut names = paths.filter_map(|path| path.strip_prefix("global/sslCertificates/"));
    names.rfind(|name| *name != "validibot-cert-dev").unwrap().to_owned()
}

#[test]
fn users_are_led_to_the_load_balancer_once_it_can_serve_the_name() {
    let world = world();
    let first = ok(&world, &[]);
    for part in ["later: the certificate", "mcp.acme.example. A 203.0.113.7"] {
        assert!(first.out.contains(part), "{part}\n{}", first.out);
    }
    // What several parts wait for is told once; typed again meanwhile, it says what for.
    assert_eq!(first.out.matches("later: the certificate").count(), 1, "{}", first.out);
    let again = ok(&world, &[]);
    assert!(again.out.contains("nothing to do now: what is marked ? waits"), "{}", again.out);
    assert!(again.err.contains("waiting for: the certificate "), "{}", again.err);
    let group = "regions/us-west1/networkEndpointGroups/validibot-mcp-neg-dev";
    assert_eq!((ingress(&world).as_str(), &parts(&world)[group]), ("all", &Value::Null));
    // A deploy meanwhile is the usual one.
    *world.commit.lock().unwrap() = "2".repeat(40);
    let deployed = world.run(&["deploy", "dev", "--yes"], None);
    assert_eq!(deployed.code, Some(0), "{}", deployed.err);
    assert_eq!(ingress(&world), "all");

    let certificate = ordered(&world);
    assert!(world.stage.emulator.cloud().certificate_status(&certificate, "ACTIVE"));
    for elsewhere in [None, Some("198.51.100.9")] {
        *world.dns.lock().unwrap() = elsewhere;
        let waiting = ok(&world, &[]);
        let words =
            elsewhere.map_or("is not known to DNS here", |_| "leads to 198.51.100.9, not to 203.0.113.7");
        assert!(waiting.out.contains(words) && waiting.out.contains("--dns-elsewhere"), "{}", waiting.out);
        assert_eq!((ingress(&world).as_str(), &parts(&world)[group]), ("all", &Value::Null));
    }
    *world.dns.lock().unwrap() = Some(ADDRESS);
    ok(&world, &[]);
    assert_eq!(ingress(&world), "internal-and-cloud-load-balancing");
    assert_eq!(parts(&world)[group]["cloudRun"]["service"], SERVICE);
    assert!(ok(&world, &[]).out.contains("nothing to do"));
}

#[test]
fn behind_a_proxy_of_ones_own_the_name_may_lead_elsewhere() {
    let world = world();
    ok(&world, &[]);
    let certificate = ordered(&world);
    assert!(world.stage.emulator.cloud().certificate_status(&certificate, "ACTIVE"));
    ok(&world, &["--dns-elsewhere"]);
    assert_eq!(ingress(&world), "internal-and-cloud-load-balancing");
}

#[test]
fn what_would_stop_it_half_way_is_said_before_it_begins() {
    let world = world();
    world.stage.emulator.cloud().seed_compute("global/addresses/validibot-ip-dev", json!({"address": ""}));
    world.stage.emulator.take_calls();
    let refused = lb_add(&world, &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("the address validibot-ip-dev has no address yet"), "{}", refused.err);
    assert_eq!(world.stage.emulator.writes(), [""; 0]);
}
