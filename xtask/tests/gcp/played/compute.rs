//! The load balancer's part of a played gcloud.

use std::net::SocketAddr;

use gcp_emulator::Emulator;
use serde_json::{Value, json};
use xtask::core::runner::Outcome;

use super::wire::request;

const PROJECT: &str = "http://compute.googleapis.com/compute/v1/projects/demo-proj";
const LINK: &str = "https://www.googleapis.com/compute/v1/projects/demo-proj";
const REGION: &str = "regions/us-west1";

/// The load balancer of the web application, as somebody else has made it.
pub(crate) fn add_balancer(emulator: &Emulator, address: &str) {
    let mut cloud = emulator.cloud();
    cloud.enable(&["compute.googleapis.com"]);
    let link = |path: &str| format!("https://www.googleapis.com/compute/v1/projects/demo-proj/global/{path}");
    cloud.seed_compute("global/addresses/validibot-ip-dev", json!({"address": address}));
    cloud.seed_compute(
        "global/backendServices/validibot-backend-dev",
        json!({"loadBalancingScheme": "EXTERNAL", "protocol": "HTTP"}),
    );
    cloud.seed_compute(
        "global/urlMaps/validibot-url-map-dev",
        json!({"defaultService": link("backendServices/validibot-backend-dev")}),
    );
    let managed = json!({"domains": ["app.acme.example"], "status": "ACTIVE"});
    cloud.seed_compute(
        "global/sslCertificates/validibot-cert-dev",
        json!({"type": "MANAGED", "managed": managed, "creationTimestamp": "2026-01-01T00:00:00Z"}),
    );
    cloud.seed_compute(
        "global/targetHttpsProxies/validibot-https-proxy-dev",
        json!({
            "urlMap": link("urlMaps/validibot-url-map-dev"),
            "sslCertificates": [link("sslCertificates/validibot-cert-dev")],
        }),
    );
}

/// What gcloud would print.
pub(crate) fn answer(to: SocketAddr, words: &[&str]) -> Outcome {
    Compute { to, words }.answer().unwrap_or_else(|refusal| refusal)
}

struct Compute<'a> {
    to: SocketAddr,
    words: &'a [&'a str],
}

type Answer = Result<Value, Outcome>;

impl Compute<'_> {
    fn answer(&self) -> Result<Outcome, Outcome> {
        let text = |found: Value| Ok(Outcome::success(found.to_string()));
        let done = |_: Value| Ok(Outcome::success(""));
        match *self.words {
            ["compute", "network-endpoint-groups", "describe", name, ..] => {
                text(self.get(&format!("{REGION}/networkEndpointGroups/{name}"))?)
            }
            ["compute", "network-endpoint-groups", "create", name, ..] => {
                let service = self.flag("--cloud-run-service=");
                let group = json!({
                    "name": name, "networkEndpointType": "SERVERLESS", "cloudRun": {"service": service},
                });
                done(self.ask("POST", &format!("{REGION}/networkEndpointGroups"), &group)?)
            }
            ["compute", "backend-services", "describe", name, ..] => {
                text(self.get(&format!("global/backendServices/{name}"))?)
            }
            ["compute", "backend-services", "create", name, ..] => {
                let scheme = self.flag("--load-balancing-scheme=");
                let backend = json!({"name": name, "loadBalancingScheme": scheme, "protocol": "HTTP"});
                done(self.ask("POST", "global/backendServices", &backend)?)
            }
            ["compute", "backend-services", "add-backend", name, ..] => {
                let group = self.flag("--network-endpoint-group=");
                let link = format!("{LINK}/{REGION}/networkEndpointGroups/{group}");
                done(self.change(&format!("global/backendServices/{name}"), "PUT", |backend| {
                    push(backend, "backends", json!({"group": link}));
                })?)
            }
            ["compute", "url-maps", "describe", name, ..] => {
                text(self.get(&format!("global/urlMaps/{name}"))?)
            }
            ["compute", "url-maps", verb, name, ..] => {
                let matcher = self.flag("--path-matcher-name=");
                let backend = format!("{LINK}/global/backendServices/{}", self.flag("--default-service="));
                let host = self.flag("--new-hosts=") + &self.flag("--hosts=");
                done(self.change(&format!("global/urlMaps/{name}"), "PUT", |map| {
                    if verb == "add-path-matcher" {
                        push(map, "pathMatchers", json!({"name": matcher, "defaultService": backend}));
                    }
                    push(map, "hostRules", json!({"hosts": [host], "pathMatcher": matcher}));
                })?)
            }
            ["compute", "target-https-proxies", "describe", name, ..] => {
                text(self.get(&format!("global/targetHttpsProxies/{name}"))?)
            }
            ["compute", "target-https-proxies", "update", name, ..] => {
                let names = self.flag("--ssl-certificates=");
                let links =
                    names.split(',').map(|name| json!(format!("{LINK}/global/sslCertificates/{name}")));
                let links: Vec<Value> = links.collect();
                done(self.change(&format!("global/targetHttpsProxies/{name}"), "PATCH", |proxy| {
                    proxy["sslCertificates"] = json!(links);
                })?)
            }
            ["compute", "ssl-certificates", "list", ..] => {
                text(self.get("global/sslCertificates")?["items"].clone())
            }
            ["compute", "ssl-certificates", "create", name, ..] => {
                let domains: Vec<String> = self.flag("--domains=").split(',').map(str::to_owned).collect();
                let certificate = json!({"name": name, "type": "MANAGED", "managed": {"domains": domains}});
                done(self.ask("POST", "global/sslCertificates", &certificate)?)
            }
            ["compute", "addresses", "describe", name, ..] => {
                let found = self.get(&format!("global/addresses/{name}"))?;
                Ok(Outcome::success(found["address"].as_str().unwrap_or_default()))
            }
            _ => panic!("not played: {:?}", self.words),
        }
    }

    fn flag(&self, name: &str) -> String {
        self.words.iter().find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned()
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null)
    }

    fn change(&self, path: &str, method: &str, change: impl FnOnce(&mut Value)) -> Answer {
        let mut document = self.get(path)?;
        change(&mut document);
        self.ask(method, path, &document)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let (status, answer) = request(self.to, method, &format!("{PROJECT}/{path}"), body);
        if status == 200 {
            return Ok(answer);
        }
        let said = answer["error"]["message"].as_str().unwrap_or_default();
        let command = self.words.iter().take(3).copied().collect::<Vec<_>>().join(".");
        // Compute has no status word, and says its sentence in a line of its own.
        Err(Outcome::failure(1, format!("ERROR: (gcloud.{command}) Could not fetch resource:\n - {said}\n")))
    }
}

fn push(document: &mut Value, field: &str, item: Value) {
    match document[field].as_array_mut() {
        Some(items) => items.push(item),
        None => document[field] = json!([item]),
    }
}
