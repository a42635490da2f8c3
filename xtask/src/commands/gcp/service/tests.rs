//! A service's document and back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

mod drift;

/// A service like the MCP server's.
fn spec() -> Spec {
    Spec {
        image: "us-west1-docker.pkg.dev/p/a/a-mcp@sha256:1".into(),
        port: 8080,
        env: BTreeMap::from([("LIST".into(), "a,b".into()), ("ON".into(), "true".into())]),
        secrets: vec![Mount {
            folder: "/secrets".into(),
            file: ".env".into(),
            secret: "mcp-env-dev".into(),
            version: "3".into(),
        }],
        memory: "512Mi".into(),
        cpu: Some("1".into()),
        timeout: 300,
        concurrency: 80,
        account: "a@p.iam.gserviceaccount.com".into(),
        execution: "gen2".into(),
        cpu_boost: true,
        scaling: Scaling { min: 0, max: Some(2) },
        service_scaling: Scaling { min: 1, max: Some(4) },
        ingress: Ingress::InternalAndCloudLoadBalancing,
        cloud_sql: vec!["p:r:db".into()],
        network: Some(Network {
            name: "default".into(),
            subnetwork: "default".into(),
            egress: "private-ranges-only".into(),
        }),
        startup: Some(Probe { path: "/readyz".into(), delay: 0, period: 1, timeout: 1, failures: 60 }),
        liveness: None,
        labels: BTreeMap::from([(COMMIT.into(), "abc".into())]),
        other: BTreeMap::new(),
        service_other: BTreeMap::new(),
        foreign: Foreign::default(),
    }
}

/// The service after this document was written, with `more` in it by somebody else's hand.
fn written(manifest: &Manifest<'_>, more: impl FnOnce(&mut Value)) -> Live {
    let mut document: Value = serde_json::from_str(&manifest.text()).unwrap();
    let revision = document["spec"]["template"]["metadata"]["name"].clone();
    document["metadata"]["namespace"] = json!("123456789012");
    document["metadata"]["annotations"]["run.googleapis.com/urls"] =
        json!(r#"["https://a-mcp-123456789012.us-west1.run.app","https://a-mcp-xyz-uw.a.run.app"]"#);
    document["status"] = json!({
        "latestCreatedRevisionName": revision,
        "latestReadyRevisionName": revision,
        "traffic": document["spec"]["traffic"],
        "url": "https://a-mcp-xyz-uw.a.run.app",
    });
    more(&mut document);
    Live::parse(&document.to_string()).unwrap()
}

fn first(spec: &Spec) -> Manifest<'_> {
    Manifest {
        name: "a-mcp",
        live: None,
        template: Template::New(spec, "a-mcp-abc-1"),
        service: Some(spec),
        traffic: vec![Target::whole("a-mcp-abc-1")],
        history: Some(History { served: vec!["a-mcp-abc-1".into()], ..History::default() }),
    }
}

#[test]
fn what_was_written_is_read_back_without_a_difference() {
    let spec = spec();
    let live = written(&first(&spec), |_| {});
    assert_eq!(live.spec, spec);
    assert_eq!(difference(&live.spec, &spec), []);
    assert_eq!(live.serving(), Some("a-mcp-abc-1"));
    assert!(live.newest_is_ready() && !live.floating);
    assert_eq!(live.history.served, ["a-mcp-abc-1"]);
}

#[test]
fn each_field_that_differs_is_named_with_both_values() {
    let wanted = spec();
    let live = written(&first(&wanted), |document| {
        let annotations = &mut document["metadata"]["annotations"];
        annotations["run.googleapis.com/ingress"] = json!("all");
        let template = &mut document["spec"]["template"];
        template["metadata"]["annotations"]["run.googleapis.com/gpu-zonal-redundancy-disabled"] =
            json!("true");
        template["metadata"]["annotations"]["run.googleapis.com/client-name"] = json!("gcloud");
        template["metadata"]["labels"]["team"] = json!("theirs");
        let spec = &mut template["spec"];
        spec["volumes"][0]["secret"]["items"][0]["key"] = json!("latest");
        let container = &mut spec["containers"][0];
        container["args"] = json!(["--debug"]);
        container["resources"]["limits"]["memory"] = json!("256Mi");
        container["startupProbe"] = json!({"tcpSocket": {"port": 8080}});
        container["env"][0]["value"] = json!("a");
        let extra = json!({"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "1"}}});
        container["env"].as_array_mut().unwrap().push(extra);
    });
    let lines: Vec<_> = difference(&live.spec, &wanted).iter().map(Changed::text).collect();
    expect_test::expect![[r"
        env LIST: 'a' -> 'a,b'
        memory: 256Mi -> 512Mi
        secret at /secrets/.env: mcp-env-dev version latest -> mcp-env-dev version 3
        startup probe: (none) -> /readyz, every 1 s, within 1 s, 60 times
        annotation run.googleapis.com/gpu-zonal-redundancy-disabled: true -> (none)
        container args: [&quot;--debug&quot;] -> (none)
        env KEY: secret s version 1 -> (none)
        label team: theirs -> (none)
        ingress: all -> internal-and-cloud-load-balancing"]]
    .assert_eq(&lines.join("\n").replace('"', "&quot;"));
}

#[test]
fn what_others_wrote_on_the_service_stays_and_the_template_is_ours() {
    let spec = spec();
    let live = written(&first(&spec), |document| {
        document["metadata"]["labels"] =
            json!({"team": "theirs", "cloud.googleapis.com/location": "us-west1"});
        document["metadata"]["annotations"]["run.googleapis.com/description"] = json!("theirs");
        document["metadata"]["annotations"]["serving.knative.dev/creator"] = json!("ada@example.com");
        let tagged = json!({"revisionName": "a-mcp-old", "tag": "blue", "url": "https://blue---a"});
        document["status"]["traffic"].as_array_mut().unwrap().push(tagged);
        document["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["--debug"]);
    });
    let next = Manifest {
        live: Some(&live),
        template: Template::New(&spec, "a-mcp-abc-2"),
        service: None,
        traffic: vec![Target::whole("a-mcp-abc-1"), Target::tagged("a-mcp-abc-2", CANDIDATE)],
        history: None,
        ..first(&spec)
    };
    let document: Value = serde_json::from_str(&next.text()).unwrap();
    assert_eq!(document["metadata"]["labels"], json!({"team": "theirs"}));
    let annotations = document["metadata"]["annotations"].as_object().unwrap();
    let mut names: Vec<_> = annotations.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "run.googleapis.com/description",
            "run.googleapis.com/ingress",
            "run.googleapis.com/launch-stage",
            "run.googleapis.com/maxScale",
            "run.googleapis.com/minScale",
            "validibot.com/served"
        ]
    );
    assert!(document["spec"]["template"]["spec"]["containers"][0].get("args").is_none());
    assert_eq!(
        document["spec"]["traffic"],
        json!([
            {"revisionName": "a-mcp-abc-1", "percent": 100},
            {"revisionName": "a-mcp-abc-2", "tag": "candidate"},
            {"revisionName": "a-mcp-old", "tag": "blue"},
        ])
    );
    let kept = Manifest { template: Template::Kept, ..next };
    let document: Value = serde_json::from_str(&kept.text()).unwrap();
    assert_eq!(document["spec"]["template"]["spec"]["containers"][0]["args"], json!(["--debug"]));
}

#[test]
fn the_candidate_is_asked_under_the_name_that_the_server_was_told() {
    let spec = spec();
    let live = written(&first(&spec), |document| {
        let traffic = json!([
            {"revisionName": "a-mcp-abc-1", "percent": 100},
            {"revisionName": "a-mcp-abc-2", "tag": "candidate", "url": "https://candidate---a-mcp-xyz-uw.a.run.app"},
        ]);
        document["status"]["traffic"] = traffic;
    });
    let url = "https://candidate---a-mcp-123456789012.us-west1.run.app";
    assert_eq!(live.candidate_url().as_deref(), Some(url));
}

#[test]
fn a_document_that_is_no_service_is_not_understood() {
    for text in ["", "[]", "{}", r#"{"kind": "Service"}"#, r#"{"kind": "Job", "spec": {}}"#] {
        assert!(Live::parse(text).is_none(), "{text}");
    }
}

#[test]
fn processors_are_the_same_in_either_form() {
    let spec = spec();
    let live = written(&first(&spec), |document| {
        document["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("1000m");
    });
    assert_eq!(live.spec.cpu.as_deref(), Some("1"));
    assert_eq!(whole_cpu("500m"), "500m");
}
