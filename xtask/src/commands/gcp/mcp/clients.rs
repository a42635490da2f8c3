//! The address that clients use, where nothing of this tool leads from there to the service.

use crate::commands::gcp::service::{Ingress, Live};
use crate::config::stage::Stage;

/// What to do before clients reach the service at `base_url`; `None` where the load balancer or Cloud Run's own address leads there,
/// or the service is closed.
pub(crate) fn not_led_here(stage: Stage, live: &Live, base_url: &str) -> Option<String> {
    let own = std::iter::once(&live.url).chain(&live.urls).any(|url| host(url) == host(base_url));
    // Without an address of its own the other one is what was verified.
    if live.spec.ingress != Ingress::All || live.url.is_empty() || own {
        return None;
    }
    let host = host(base_url);
    Some(format!(
        "{base_url}, which clients use, was not verified: no load balancer leads from there to the service\n  \
         next: cargo xtask gcp lb-add {stage} {host}; it prints the DNS record to create\n  \
         if your own proxy leads there: cargo xtask diagnose {base_url}"
    ))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_that_nothing_leads_from_is_told_with_what_to_do() {
        let live = |ingress: &str, url: &str| {
            let service = json!({
                "kind": "Service",
                "metadata": {"name": "s", "annotations": {"run.googleapis.com/ingress": ingress}},
                "spec": {"template": {"spec": {"containers": [{"image": "r/a@sha256:1"}]}}},
                "status": {"url": url},
            });
            Live::parse(&service.to_string()).unwrap()
        };
        let (own, name) = ("https://s-abc-uw.a.run.app", "https://mcp.acme.example");
        let told = not_led_here(Stage::Dev, &live("all", own), name).unwrap();
        for part in [
            name,
            "cargo xtask gcp lb-add dev mcp.acme.example;",
            "cargo xtask diagnose https://mcp.acme.example",
        ] {
            assert!(told.contains(part), "{part}\n{told}");
        }
        for (ingress, url, base) in [
            ("all", own, own),
            ("internal-and-cloud-load-balancing", own, name),
            ("internal", own, name),
            ("all", "", name),
        ] {
            assert_eq!(not_led_here(Stage::Dev, &live(ingress, url), base), None, "{ingress} {url} {base}");
        }
    }
}
