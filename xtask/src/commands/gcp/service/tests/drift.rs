//! Everything that somebody else can set on a service: what a deploy says of it, and what is there afterwards.
//!
//! A row changes one thing by hand. Then another commit is deployed, once as usual and once with `--take-over`. What the
//! hand had set is then there, or a line names it: nothing is lost in silence. The table, `drift.txt`, has the lines of the plan, and
//! whether the service says afterwards what the hand has set.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::*;
use super::{first, spec, written};

/// A hand at a service's document.
type Hand = fn(&mut Document<'_>);

/// The parts that a hand reaches for.
struct Document<'d>(&'d mut Value);

impl Document<'_> {
    fn template(&mut self) -> &mut Value {
        &mut self.0["spec"]["template"]
    }
    fn revision(&mut self) -> &mut Value {
        &mut self.0["spec"]["template"]["spec"]
    }
    fn container(&mut self) -> &mut Value {
        &mut self.0["spec"]["template"]["spec"]["containers"][0]
    }
    fn annotate(&mut self, name: &str, value: &str) {
        self.template()["metadata"]["annotations"][name] = json!(value);
    }
    fn annotate_service(&mut self, name: &str, value: &str) {
        self.0["metadata"]["annotations"][name] = json!(value);
    }
    fn add(&mut self, list: &str, value: Value) {
        match self.container()[list].as_array_mut() {
            Some(items) => items.push(value),
            None => self.container()[list] = json!([value]),
        }
    }
    fn volume(&mut self, folder: &str, volume: Value) {
        self.add("volumeMounts", json!({"name": volume["name"], "mountPath": folder}));
        self.revision()["volumes"].as_array_mut().unwrap().push(volume);
    }
}

/// What the fields of gcloud 528's v1 messages, the annotations of its flags and the console can change.
const HANDS: &[(&str, Hand)] = &[
    ("label of the revision", |it| it.template()["metadata"]["labels"]["cost-center"] = json!("42")),
    ("custom annotation", |it| it.annotate("example.com/team", "blue")),
    ("session affinity", |it| it.annotate("run.googleapis.com/sessionAffinity", "true")),
    ("CPU always on", |it| it.annotate("run.googleapis.com/cpu-throttling", "False")),
    ("VPC connector", |it| it.annotate("run.googleapis.com/vpc-access-connector", "c")),
    ("VPC egress", |it| it.annotate("run.googleapis.com/vpc-access-egress", "all-traffic")),
    ("network", |it| {
        it.annotate(
            "run.googleapis.com/network-interfaces",
            r#"[{"network":"n","subnetwork":"s","tags":["t"]}]"#,
        );
    }),
    ("Cloud SQL", |it| it.annotate("run.googleapis.com/cloudsql-instances", "p:r:other")),
    ("encryption key", |it| it.annotate("run.googleapis.com/encryption-key", "k")),
    ("no health check", |it| it.annotate("run.googleapis.com/health-check-disabled", "true")),
    ("secrets of other projects", |it| it.annotate("run.googleapis.com/secrets", "a:projects/1/secrets/a")),
    ("an annotation newer than gcloud", |it| it.annotate("run.googleapis.com/scaling-cpu-target", "0.7")),
    ("GPU", |it| {
        it.container()["resources"]["limits"]["nvidia.com/gpu"] = json!("1");
        it.revision()["nodeSelector"] = json!({"run.googleapis.com/accelerator": "nvidia-l4"});
    }),
    ("requests", |it| it.container()["resources"]["requests"] = json!({"cpu": "1"})),
    ("command and arguments", |it| {
        it.container()["command"] = json!(["sh"]);
        it.container()["args"] = json!(["-c", "x"]);
    }),
    ("working directory", |it| it.container()["workingDir"] = json!("/srv")),
    ("name of the container", |it| it.container()["name"] = json!("server")),
    ("name of the port", |it| it.container()["ports"][0]["name"] = json!("h2c")),
    ("pull policy", |it| it.container()["imagePullPolicy"] = json!("Always")),
    ("security context", |it| it.container()["securityContext"] = json!({"runAsUser": 65})),
    ("service links", |it| it.revision()["enableServiceLinks"] = json!(false)),
    ("runtime class", |it| it.revision()["runtimeClassName"] = json!("r")),
    ("variable", |it| it.add("env", json!({"name": "EXTRA", "value": "on"}))),
    ("variable from a secret", |it| {
        let from = json!({"secretKeyRef": {"name": "s", "key": "1"}});
        it.add("env", json!({"name": "KEY", "valueFrom": from}));
    }),
    ("variables from a map", |it| it.container()["envFrom"] = json!([{"configMapRef": {"name": "m"}}])),
    ("liveness probe", |it| {
        it.container()["livenessProbe"] = json!({"httpGet": {"path": "/live", "port": 8080}});
    }),
    ("liveness probe by TCP", |it| it.container()["livenessProbe"] = json!({"tcpSocket": {"port": 8080}})),
    ("readiness probe", |it| it.container()["readinessProbe"] = json!({"grpc": {"service": "s"}})),
    ("header of the startup probe", |it| {
        it.container()["startupProbe"]["httpGet"]["httpHeaders"] = json!([{"name": "Host", "value": "h"}]);
    }),
    ("memory volume", |it| it.volume("/cache", json!({"name": "v", "emptyDir": {"medium": "Memory"}}))),
    ("empty volume", |it| it.volume("/cache", json!({"name": "v", "emptyDir": {}}))),
    ("bucket", |it| it.volume("/b", json!({"name": "v", "csi": {"driver": "gcsfuse.run.googleapis.com"}}))),
    ("NFS", |it| it.volume("/n", json!({"name": "v", "nfs": {"server": "s", "path": "/"}}))),
    ("whole secret", |it| it.volume("/whole", json!({"name": "v", "secret": {"secretName": "s"}}))),
    ("secret with items", |it| {
        let items = json!([{"key": "2", "path": "a", "mode": 256}]);
        it.volume("/more", json!({"name": "v", "secret": {"secretName": "s", "items": items}}));
    }),
    ("one more file of our secret", |it| {
        let items = &mut it.revision()["volumes"][0]["secret"]["items"];
        items.as_array_mut().unwrap().push(json!({"key": "1", "path": "old"}));
    }),
    ("mode of our secret", |it| it.revision()["volumes"][0]["secret"]["defaultMode"] = json!(288)),
    ("name of our volume", |it| {
        it.revision()["volumes"][0]["name"] = json!("vnl-x");
        it.container()["volumeMounts"][0]["name"] = json!("vnl-x");
    }),
    ("volume that nobody mounts", |it| {
        let volumes = it.revision()["volumes"].as_array_mut().unwrap();
        volumes.push(json!({"name": "v", "emptyDir": {}}));
    }),
    ("sidecar", |it| sidecar(it, 1)),
    ("sidecar that stands first", |it| sidecar(it, 0)),
    ("minimum of the service", |it| it.annotate_service("run.googleapis.com/minScale", "1")),
    ("maximum of the service", |it| it.annotate_service("run.googleapis.com/maxScale", "9")),
    ("manual scaling", |it| {
        it.annotate_service("run.googleapis.com/scalingMode", "manual");
        it.annotate_service("run.googleapis.com/manualInstanceCount", "3");
    }),
    ("description", |it| it.annotate_service("run.googleapis.com/description", "theirs")),
    ("custom audiences", |it| it.annotate_service("run.googleapis.com/custom-audiences", r#"["https://a"]"#)),
    ("no default URL", |it| it.annotate_service("run.googleapis.com/default-url-disabled", "true")),
    ("no check of invokers", |it| it.annotate_service("run.googleapis.com/invoker-iam-disabled", "true")),
    ("identity-aware proxy", |it| it.annotate_service("run.googleapis.com/iap-enabled", "true")),
    ("binary authorization", |it| it.annotate_service("run.googleapis.com/binary-authorization", "default")),
    ("label of the service", |it| it.0["metadata"]["labels"] = json!({"team": "blue"})),
    // Ours: set back, by name.
    ("image", |it| it.container()["image"] = json!("r/other@sha256:2")),
    ("memory", |it| it.container()["resources"]["limits"]["memory"] = json!("1Gi")),
    ("processors", |it| it.container()["resources"]["limits"]["cpu"] = json!("2")),
    ("the same processors", |it| it.container()["resources"]["limits"]["cpu"] = json!("1000m")),
    ("concurrency", |it| it.revision()["containerConcurrency"] = json!(7)),
    ("timeout", |it| it.revision()["timeoutSeconds"] = json!(7)),
    ("account", |it| it.revision()["serviceAccountName"] = json!("b@p.iam.gserviceaccount.com")),
    ("execution environment", |it| it.annotate("run.googleapis.com/execution-environment", "gen1")),
    ("no CPU boost", |it| it.annotate("run.googleapis.com/startup-cpu-boost", "False")),
    ("CPU boost as gcloud writes it", |it| it.annotate("run.googleapis.com/startup-cpu-boost", "True")),
    ("minimum of the revision", |it| it.annotate("autoscaling.knative.dev/minScale", "1")),
    ("maximum of the revision", |it| it.annotate("autoscaling.knative.dev/maxScale", "9")),
    ("port", |it| it.container()["ports"][0]["containerPort"] = json!(9090)),
    ("value of a variable", |it| it.container()["env"][1]["value"] = json!("false")),
    ("our variable from a secret", |it| {
        let from = json!({"secretKeyRef": {"name": "s", "key": "1"}});
        it.container()["env"][1] = json!({"name": "ON", "valueFrom": from});
    }),
    ("version of the secret", |it| {
        it.revision()["volumes"][0]["secret"]["items"][0]["key"] = json!("latest");
    }),
    ("another secret", |it| it.revision()["volumes"][0]["secret"]["secretName"] = json!("other")),
    ("startup probe by TCP", |it| {
        it.container()["startupProbe"] = json!({"tcpSocket": {"port": 8080}, "periodSeconds": 9});
    }),
    ("port of the startup probe", |it| it.container()["startupProbe"]["httpGet"]["port"] = json!(9090)),
    ("ingress", |it| it.annotate_service("run.googleapis.com/ingress", "internal")),
    // Cloud Run's own words: nobody has set anything.
    ("what Cloud Run writes itself", |it| {
        it.container()["name"] = json!("");
        it.container()["ports"][0]["name"] = json!("http1");
        it.container()["resources"]["requests"] = json!({});
        it.container()["startupProbe"]["successThreshold"] = json!(1);
        it.revision()["nodeSelector"] = json!({});
        it.template()["metadata"]["labels"]["run.googleapis.com/startupProbeType"] = json!("Custom");
        it.template()["metadata"]["labels"]["client.knative.dev/nonce"] = json!("abc");
        it.annotate("run.googleapis.com/client-name", "gcloud");
        it.annotate_service("serving.knative.dev/creator", "ada@example.com");
        it.annotate_service("run.googleapis.com/lastUpdatedTime.x", "now");
    }),
];

fn sidecar(it: &mut Document<'_>, at: usize) {
    let proxy = json!({"name": "proxy", "image": "r/proxy@sha256:3", "env": [{"name": "A", "value": "1"}]});
    it.revision()["containers"].as_array_mut().unwrap().insert(at, proxy);
    it.annotate("run.googleapis.com/container-dependencies", r#"{"proxy":[]}"#);
}

/// A service that says no more than it has to.
fn plain() -> Spec {
    Spec { network: None, cloud_sql: Vec::new(), service_scaling: Scaling::default(), ..spec() }
}

/// The next commit's deploy: the lines of its plan, and the service after it.
fn deployed(live: &Live, hands: Hands) -> (Vec<String>, Live) {
    let next = Spec { image: "r/a-mcp@sha256:9".into(), ..plain() };
    let wish = hands.apply(next, Some(live));
    let changed = difference(&live.spec, &wish);
    // That each deploy brings another image is no news.
    let ours = plain().image;
    let lines = changed.iter().filter(|changed| changed.from.as_deref() != Some(&ours));
    let lines = lines.map(Changed::text).chain(wish.kept()).chain(live.stays()).collect();
    let manifest = Manifest {
        live: Some(live),
        template: Template::New(&wish, "a-mcp-abc-1a2b3c"),
        traffic: vec![Target::whole("a-mcp-abc-1a2b3c")],
        history: None,
        ..first(&wish)
    };
    let after = written(&manifest, |_| {});
    assert_eq!(difference(&after.spec, &wish), [], "what was written is what was wanted");
    (lines, after)
}

/// What a document says that has nothing to do with this deploy.
fn essence(live: &Live) -> (Value, Value) {
    let mut template = keyed::keyed(&live.document["spec"]["template"]);
    template["spec"]["containers"][keyed::SERVER]["image"] = Value::Null;
    let mut service = live.essence();
    let annotations = service["annotations"].as_object_mut().unwrap();
    annotations.remove("validibot.com/served");
    (template, json!({"labels": service["labels"], "annotations": service["annotations"]}))
}

/// Whether everything that stood in the one stands in the other.
fn stands_in(one: &Value, other: &Value) -> bool {
    match (one.as_object(), other.as_object()) {
        (Some(one), Some(other)) => {
            one.iter().all(|(name, value)| other.get(name).is_some_and(|other| stands_in(value, other)))
        }
        _ => one == other,
    }
}

/// Whether a service still says all that it said.
fn is_kept(live: &Live, after: &Live) -> bool {
    let ((template, service), (after, after_service)) = (essence(live), essence(after));
    stands_in(&template, &after) && stands_in(&service, &after_service)
}

#[test]
fn nothing_that_somebody_else_has_set_is_lost_in_silence() {
    let mut table = String::new();
    for (name, hand) in HANDS {
        let spec = plain();
        let live = written(&first(&spec), |document| hand(&mut Document(document)));
        let _ = writeln!(table, "{name}");
        for (title, hands) in [("as usual", Hands::Usual), ("--take-over", Hands::TakeOver)] {
            let (lines, after) = deployed(&live, hands);
            let kept = is_kept(&live, &after);
            assert!(!lines.is_empty() || kept, "{name}, {title}: lost in silence");
            for line in lines {
                let _ = writeln!(table, "  {title}: {line}");
            }
            let now = if kept { "as the hand left it" } else { "as the deploy wants it" };
            let _ = writeln!(table, "  {title}, afterwards: {now}");
        }
    }
    expect_test::expect_file!["drift.txt"].assert_eq(&table);
}

#[test]
fn what_stays_is_there_after_the_next_deploy_and_the_one_after_it() {
    for (name, hand) in HANDS {
        let spec = plain();
        let live = written(&first(&spec), |document| hand(&mut Document(document)));
        let (_, once) = deployed(&live, Hands::Usual);
        let (lines, twice) = deployed(&once, Hands::Usual);
        assert_eq!(essence(&once), essence(&twice), "{name}");
        assert!(lines.iter().all(|line| line.starts_with("stays")), "{name}: {lines:?}");
        // What was set back apart, nothing is different from what the hand has left.
        let set_back = !difference(&live.spec, &Hands::Usual.apply(plain(), Some(&live))).is_empty();
        assert!(set_back || is_kept(&live, &once), "{name}");
    }
}

#[test]
fn a_service_of_an_earlier_tool_is_taken_over_unless_it_is_to_be_kept() {
    let spec = plain();
    let live = written(&first(&spec), |document| {
        let template = &mut document["spec"]["template"];
        template["metadata"]["labels"] = json!({});
        template["spec"]["containers"][0]["args"] = json!(["--old"]);
    });
    let args = |hands: Hands| {
        let (_, after) = deployed(&live, hands);
        after.document["spec"]["template"]["spec"]["containers"][0]["args"].clone()
    };
    assert_eq!(args(Hands::Usual), Value::Null);
    assert_eq!(args(Hands::Keep), json!(["--old"]));
}

#[test]
fn a_setting_that_gcloud_cannot_write_is_refused_by_name_and_can_be_let_go() {
    let spec = plain();
    let live = written(&first(&spec), |document| {
        document["spec"]["scaling"] = json!({"manualInstanceCount": 3});
        document["spec"]["template"]["spec"]["containers"][0]["sourceCode"] = json!({"x": 1});
    });
    let refused = Hands::Usual.check("a-mcp", Some(&live)).unwrap_err().to_string();
    for part in ["spec.scaling: {\"manualInstanceCount\":3}", "containers[0].sourceCode", "--take-over"] {
        assert!(refused.contains(part), "{refused}");
    }
    Hands::TakeOver.check("a-mcp", Some(&live)).unwrap();
    let (lines, after) = deployed(&live, Hands::TakeOver);
    assert_eq!(after.unknown(), [""; 0]);
    for part in
        ["sourceCode: {\"x\":1} -> (none)", "scaling of the service: {\"manualInstanceCount\":3} -> (none)"]
    {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}\n{lines:?}");
    }
    // A write that leaves the template alone does not lose it either: gcloud refuses the document.
    let kept = Manifest { live: Some(&live), template: Template::Kept, service: None, ..first(&spec) };
    assert!(kept.text().contains("manualInstanceCount") && kept.text().contains("sourceCode"));
}

#[test]
fn a_variable_of_ours_that_is_not_set_any_more_does_not_stay() {
    let spec = plain();
    let live = written(&first(&spec), |_| {});
    let mut next = plain();
    next.env.remove("ON");
    let stays = next.clone().keeping(&live);
    assert!(stays.env.contains_key("ON"));
    next.foreign.unset.insert("ON".into());
    assert!(!next.keeping(&live).env.contains_key("ON"));
}

#[test]
fn a_revision_that_somebody_made_by_hand_is_known_by_its_name() {
    let spec = plain();
    for (name, ours) in [
        ("a-mcp-1111111-1a2b3c", true),
        ("a-mcp-closed-1a2b3c", true),
        ("a-mcp-00007-abc", false),
        ("a-mcp-by-hand", false),
    ] {
        let live = written(&first(&spec), |document| {
            document["status"]["latestCreatedRevisionName"] = json!(name);
        });
        assert_eq!(live.newest_is_ours(), ours, "{name}");
    }
}
