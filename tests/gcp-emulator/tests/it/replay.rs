//! Every call that gcloud was seen to make, in the order it made them.

use gcp_emulator::Emulator;
use serde_json::{Value, json};

use crate::client::send;

/// What placeholders stand for, taken from the answers as they come.
#[derive(Default)]
struct Seen {
    etag: String,
    revision: String,
    operation: String,
    document: Value,
}

impl Seen {
    fn fill(&self, text: &str) -> String {
        text.replace("$etag", &self.etag)
            .replace("$revision", &self.revision)
            .replace("$operation", &self.operation)
    }

    fn note(&mut self, method: &str, answer: &Value) {
        let mut take = |pointer: &str, into: fn(&mut Self) -> &mut String| {
            if let Some(text) = answer.pointer(pointer).and_then(Value::as_str) {
                // Long-running operations are named by their last segment.
                text.rsplit('/').next().unwrap_or(text).clone_into(into(self));
            }
        };
        take("/status/latestCreatedRevisionName", |seen| &mut seen.revision);
        take("/metadata/annotations/run.googleapis.com~1operation-id", |seen| &mut seen.operation);
        if method != "GET" {
            take("/name", |seen| &mut seen.operation);
        }
        if let Some(etag) = answer.get("etag").and_then(Value::as_str) {
            // As gcloud sends it back.
            self.etag = etag.replace('+', "-").replace('/', "_");
        }
        if method == "GET" {
            self.document = answer.clone();
        }
    }

    fn body(&self, text: &str) -> Value {
        match text.strip_prefix("last +") {
            Some(patch) => {
                let mut body = self.document.clone();
                merge(&mut body, &serde_json::from_str(&self.fill(patch)).unwrap());
                body
            }
            None => serde_json::from_str(&self.fill(text)).unwrap(),
        }
    }
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        patch.clone_into(target);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name], value);
        }
    }
}

fn prepared() -> Emulator {
    let emulator = Emulator::start().unwrap();
    let mut cloud = emulator.cloud();
    cloud.enable(&["compute.googleapis.com"]);
    cloud.bind_project(
        "roles/secretmanager.secretAccessor",
        "serviceAccount:mcp-run@demo-proj.iam.gserviceaccount.com",
    );
    let link = |path: &str| format!("https://www.googleapis.com/compute/v1/projects/demo-proj/{path}");
    cloud.seed_compute("global/backendServices/web-bes", json!({"protocol": "HTTPS"}));
    cloud.seed_compute(
        "global/sslCertificates/web-cert",
        json!({"managed": {"domains": ["www.example.com"]}}),
    );
    cloud.seed_compute(
        "global/urlMaps/web-map",
        json!({"defaultService": link("global/backendServices/web-bes")}),
    );
    let proxy = json!({
        "urlMap": link("global/urlMaps/web-map"),
        "sslCertificates": [link("global/sslCertificates/web-cert")],
    });
    cloud.seed_compute("global/targetHttpsProxies/web-proxy", proxy);
    drop(cloud);
    emulator
}

#[test]
fn the_recorded_calls_are_answered_as_recorded() {
    let emulator = prepared();
    let mut seen = Seen::default();
    let mut command = "";
    let mut count = 0;
    let mut lines = include_str!("gcloud-528.calls").lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(next) = line.strip_prefix("> ") {
            command = next;
        }
        let [status, method, url] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
        let Ok(status) = status.parse::<u16>() else { continue };
        let body =
            lines.next_if(|next| next.starts_with("  ")).map_or(Value::Null, |text| seen.body(text.trim()));
        let (found, answer) = send(&emulator, method, &seen.fill(url), &body).unwrap();
        assert_eq!(found, status, "{command}\n{method} {url}\n{body}\n{answer}");
        if status == 200 {
            seen.note(method, &answer);
        }
        count += 1;
    }
    assert!(count > 80, "only {count} calls were found in the record");
    assert_eq!(emulator.unexpected(), [""; 0]);

    let state = emulator.snapshot();
    assert_eq!(state["services"]["validibot-mcp"]["status"]["traffic"][0]["percent"], 100);
    assert_eq!(state["secrets"]["mcp-env"]["versions"], json!({"1": "DESTROYED", "2": "ENABLED"}));
    assert_eq!(
        state["compute"]["global/urlMaps/web-map"]["hostRules"][0]["hosts"],
        json!(["mcp.example.com"])
    );
    let bindings = state["policy"].as_array().unwrap();
    assert!(bindings.iter().all(|binding| binding["role"] != "roles/secretmanager.secretAccessor"));
}
