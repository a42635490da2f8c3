//! `gcp deploy-all`: from an empty project to a fleet, again, and what happens when a step fails.

mod held;
mod inside;
mod killed;
mod kills;
mod maintenance;
mod played;
mod stopped;

use std::sync::{Arc, Mutex};

use gcp_emulator::{Ending, Fault, FaultKind, installed};
use serde_json::Value;
use test_support::require;

use crate::deployment::Deployment;
use crate::stage::Finished;

const APPLICATION: &str = "us-west1-docker.pkg.dev/demo-proj/validibot/validibot-web";
/// The file as it is shipped.
const SHIPPED: &str = include_str!("../../../envs/fleet.toml");

const WORKER_URL: &str = "https://validibot-worker-dev-123456789012.us-west1.run.app";

/// A stage whose database, queue, accounts and secrets are there, and nothing else of the fleet.
struct Fleet {
    deployment: Deployment,
    tag: String,
    /// The revisions of the MCP server that have passed a probe, of those that were played.
    proven: Arc<Mutex<Vec<String>>>,
}

impl Fleet {
    fn new() -> Self {
        let deployment = Deployment::new();
        let mut cloud = deployment.stage.emulator.cloud();
        cloud.seed_application("us-west1", "dev", "-dev");
        drop(cloud);
        let mut fleet = Self { deployment, tag: String::new(), proven: Arc::default() };
        fleet.describe(SHIPPED);
        fleet.release("one", 'a');
        fleet
    }

    /// Writes the fleet's file.
    fn describe(&self, text: &str) {
        std::fs::write(self.deployment.path("envs/fleet.toml"), text).unwrap();
    }

    /// Another image of the application is in the registry, and is what is deployed from now on.
    fn release(&mut self, tag: &str, fill: char) {
        self.deployment.say(&format!("tags/{tag}"), &fill.to_string().repeat(64));
        tag.clone_into(&mut self.tag);
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let image = format!("{APPLICATION}:{}", self.tag);
        self.deployment.command(&[&["deploy-all", "dev", "--image", &image], more].concat())
    }

    fn ends(&self, code: i32, more: &[&str]) -> Finished {
        let finished = Finished::of(&self.command(more).output().unwrap());
        assert_eq!(finished.code, Some(code), "{more:?}\n{}\n{}", finished.out, finished.err);
        assert!(!format!("{}{}", finished.out, finished.err).contains("not-a-secret"), "a secret is shown");
        finished
    }

    /// Within this process, with a played gcloud; has to succeed. What was said.
    fn quick(&self, more: &[&str]) -> String {
        let (done, said, _) = inside::run(self, more, None);
        done.unwrap_or_else(|error| panic!("{error}\n{said}"));
        said
    }

    /// As [`Fleet::quick`], but has to end with this exit code; the error.
    fn fails(&self, code: u8) -> String {
        let error = inside::run(self, &[], None).0.expect_err("it succeeded");
        assert_eq!(error.exit().code(), code, "{error}");
        error.to_string()
    }

    fn state(&self) -> Value {
        self.deployment.stage.emulator.snapshot()
    }

    fn runs(&self) -> usize {
        self.deployment.stage.emulator.cloud().executions_of("validibot-migrate-dev").len()
    }

    fn writes(&self) -> Vec<String> {
        self.deployment.writes()
    }

    /// The image that a service's traffic leads to, by the first letter of its digest; `None` where there is none.
    fn serving(&self, service: &str) -> Option<String> {
        let service = &self.state()["services"][service];
        let revision = service["status"]["traffic"][0]["revisionName"].as_str()?;
        assert_eq!(service["status"]["traffic"][0]["percent"], 100);
        Some(revision.rsplit('-').nth(1)?.to_owned())
    }
}

#[test]
fn an_empty_project_becomes_a_fleet_and_then_nothing_is_left_to_do() {
    require!(installed::gcloud());
    let fleet = Fleet::new();
    let plan = fleet.quick(&["--dry-run"]);
    for line in [
        "  + job validibot-migrate-dev",
        "  + service validibot-web-dev",
        "  + service validibot-worker-dev",
        "  ? 10 scheduled jobs\n      with the address of worker, which is not there yet",
        "  + service validibot-mcp-dev",
    ] {
        assert!(plan.contains(line), "{line}\n{plan}");
    }
    assert_eq!(fleet.writes(), [""; 0]);
    let shown = |part: &str| plan.lines().filter(|line| line.contains(part)).count();
    for (part, count) in [
        ("gcloud run jobs replace - ", 1),
        ("gcloud run jobs execute validibot-migrate-dev ", 1),
        // The server's is written once more when it is proven.
        ("gcloud run services replace - ", 4),
        ("gcloud run services add-iam-policy-binding ", 3),
        ("gcloud scheduler jobs create http ", 10),
        ("# 10 scheduled jobs, once worker is deployed (ADDRESS_OF_WORKER is its address):", 1),
        ("# service validibot-mcp-dev, once validibot-web-dev is deployed:", 1),
        ("# service validibot-mcp-dev, once its public address is proven:", 1),
    ] {
        assert_eq!(shown(part), count, "{part}\n{plan}");
    }

    let first = fleet.quick(&[]);
    // Each command that was shown is one write of the run, and each write but the lock's was shown.
    let writes = fleet.writes();
    let own = writes.iter().filter(|write| !write.contains("lock-dev") && *write != "POST secrets").count();
    assert_eq!(own, shown(" gcloud "), "{writes:#?}\n{plan}");
    let state = fleet.state();
    let services: Vec<_> = state["services"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(services, ["validibot-mcp-dev", "validibot-web-dev", "validibot-worker-dev"], "{first}");
    assert_eq!(fleet.runs(), 1);
    assert_eq!(state["scheduler"].as_object().unwrap().len(), 10);
    let job = &state["scheduler"]["validibot-purge-expired-outputs-dev"];
    assert_eq!(job["schedule"], "*/5 * * * *");
    assert_eq!(job["httpTarget"]["uri"], format!("{WORKER_URL}/api/v1/scheduled/purge-expired-outputs/"));
    assert_eq!(job["httpTarget"]["oidcToken"]["audience"], WORKER_URL);
    let task = &state["jobs"]["validibot-migrate-dev"]["spec"]["template"]["spec"]["template"]["spec"];
    assert_eq!((&task["maxRetries"], &task["timeoutSeconds"]), (&Value::from(0), &Value::from("300")));
    let told = task["containers"][0]["env"].to_string();
    assert!(
        told.contains("https://mcp.example.com"),
        "the client row gets this server's redirect address: {told}"
    );
    let worker = &state["services"]["validibot-worker-dev"];
    assert_eq!(worker["metadata"]["annotations"]["run.googleapis.com/ingress"], "internal");
    assert_eq!(state["invokers"]["validibot-worker-dev"], serde_json::json!([]), "the worker is private");
    assert!(state["invokers"]["validibot-web-dev"].to_string().contains("allUsers"));
    let web = &state["services"]["validibot-web-dev"];
    let (env, annotations) = (
        web["spec"]["template"]["spec"]["containers"][0]["env"].to_string(),
        &web["spec"]["template"]["metadata"]["annotations"],
    );
    for stamped in ["https://app.example.com", "validibot-mcp-dev@demo-proj.iam.gserviceaccount.com"] {
        assert!(env.contains(stamped), "{env}");
    }
    assert_eq!(annotations["run.googleapis.com/cloudsql-instances"], "demo-proj:us-west1:validibot-db-dev");
    assert_eq!(annotations["run.googleapis.com/vpc-access-egress"], "private-ranges-only");

    fleet.writes();
    assert!(fleet.quick(&[]).contains("\nnothing to do\n"));
    assert_eq!(fleet.writes(), [""; 0], "no write, no lock");
    assert_eq!(fleet.runs(), 1);

    one_cron_line(&fleet);
    assert_eq!(fleet.deployment.stage.emulator.unexpected(), [""; 0]);
}

/// One line changed: exactly that is planned, and one write happens besides the lock's own.
fn one_cron_line(fleet: &Fleet) {
    let changed = SHIPPED.replacen("cron = \"0 2 * * *\"", "cron = \"30 1 * * *\"", 1);
    fleet.describe(&changed);
    let plan = fleet.quick(&["--dry-run", "--only=scheduler"]);
    let line = "  ~ scheduled validibot-clear-sessions-dev\n      schedule: 0 2 * * * -> 30 1 * * *\n";
    assert!(plan.contains(line) && plan.contains("\n1 change\n"), "{plan}");
    fleet.ends(0, &["--yes", "--only=scheduler"]);
    let lock = ["POST secrets", "PATCH validibot-clear-sessions-dev", "DELETE validibot-mcp-deploy-lock-dev"];
    assert_eq!(fleet.writes(), lock);
}

#[test]
fn a_value_that_is_changed_by_hand_is_seen_and_set_right() {
    let fleet = Fleet::new();
    fleet.quick(&[]);
    played::Played(fleet.deployment.stage.emulator.address()).set_env(
        "validibot-worker-dev",
        "APP_ROLE",
        "web",
    );
    let plan = fleet.quick(&["--dry-run"]);
    assert!(plan.contains("      env APP_ROLE: 'web' -> 'worker'\n"), "{plan}");
    assert!(plan.contains("\n1 change\n"), "{plan}");
    fleet.quick(&[]);
    assert!(fleet.quick(&[]).contains("nothing to do"));

    // A worker that somebody has opened is closed again.
    fleet.deployment.stage.emulator.cloud().bind_service(
        "us-west1",
        "validibot-worker-dev",
        "roles/run.invoker",
        "allUsers",
    );
    let plan = fleet.quick(&["--dry-run"]);
    assert!(plan.contains("  - not everybody may call validibot-worker-dev\n"), "{plan}");
    fleet.quick(&[]);
    assert_eq!(fleet.state()["invokers"]["validibot-worker-dev"], serde_json::json!([]));
}

#[test]
fn with_the_gate_closed_everything_but_the_server_is_deployed() {
    let fleet = Fleet::new();
    fleet.deployment.stage.write(".build", "ENABLE_MCP_SERVER=false\n");
    let said = fleet.quick(&[]);
    assert!(said.contains("mcp: skipped, because ENABLE_MCP_SERVER is off"), "{said}");
    let state = fleet.state();
    let services: Vec<_> = state["services"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(services, ["validibot-web-dev", "validibot-worker-dev"]);
    assert!(!state["services"]["validibot-web-dev"].to_string().contains("MCP_OIDC_AUDIENCE"));
    assert_eq!((fleet.runs(), state["scheduler"].as_object().unwrap().len()), (1, 10));
}

#[test]
fn status_shows_the_fleet_and_says_what_it_cannot_read() {
    let fleet = Fleet::new();
    let status = |fleet: &Fleet| {
        let (done, said, writes) = inside::tool(fleet, &["status", "dev"], None);
        done.unwrap_or_else(|error| panic!("{error}\n{said}"));
        assert_eq!(writes, 0);
        said
    };
    let before = status(&fleet);
    for line in
        ["application: NOT_DEPLOYED", "  web: is not deployed", "  migrate: has not run yet", "10 missing"]
    {
        assert!(before.contains(line), "{line}\n{before}");
    }
    fleet.quick(&[]);
    let live = status(&fleet);
    for line in [
        "application: LIVE",
        "  web: validibot-web-dev-one-",
        "(commit one), ingress all",
        "  scheduler: 10 jobs enabled, 0 paused, 0 missing",
        "  queue validibot-validation-queue-dev: runs",
        " has succeeded",
    ] {
        assert!(live.contains(line), "{line}\n{live}");
    }
    fleet
        .deployment
        .stage
        .emulator
        .fail(Fault::new("cloudtasks.googleapis.com/*", FaultKind::PermissionDenied));
    let unknown = status(&fleet);
    assert!(
        unknown.contains("application: UNKNOWN") && unknown.contains("queue-dev: could not be read"),
        "{unknown}"
    );
}

#[test]
fn the_image_of_a_checkout_is_built_once_with_its_version() {
    let fleet = Fleet::new();
    let words = ["deploy-all", "dev", "--yes", "--only", "web"];
    let missing = inside::tool(&fleet, &words, None).0.unwrap_err().to_string();
    assert!(missing.contains("there are no sources of the image django"), "{missing}");
    assert!(missing.contains("hint: set VALIDIBOT_DIR to the checkout, or give an image"), "{missing}");

    let folder = fleet.deployment.path("application/compose/production/django");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    std::fs::write(fleet.deployment.path("application/pyproject.toml"), "[project]\nversion = \"1.4.2\"\n")
        .unwrap();
    let (done, said, _) = inside::tool(&fleet, &words, None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert!(said.contains(&format!("  + image {APPLICATION}:abc1234\n")), "{said}");
    let container =
        fleet.state()["services"]["validibot-web-dev"]["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container["image"], format!("{APPLICATION}@sha256:{}", "c".repeat(64)));
    assert!(
        container["env"].to_string().contains(r#"{"name":"VALIDIBOT_VERSION","value":"v1.4.2"}"#),
        "{container}"
    );
    let (_, again, writes) = inside::tool(&fleet, &words, None);
    assert!(again.contains("nothing to do") && writes == 0, "{again}");

    // What the recipes take from the environment is taken, or refused in so many words.
    let said = |name: &'static str, value: &'static str| {
        let (done, [out, err], _) =
            inside::told(&fleet, &[(name, value)], &[&words[..], &["--dry-run"]].concat());
        done.map(|()| out + &err).map_err(|error| error.to_string())
    };
    let tagged = said("VALIDIBOT_REVISION", "v2.0").unwrap();
    assert!(tagged.contains(&format!("  + image {APPLICATION}:v2.0\n")), "{tagged}");
    let named = said("VALIDIBOT_VERSION", "v9.9.9").unwrap();
    assert!(named.contains("env VALIDIBOT_VERSION: 'v1.4.2' -> 'v9.9.9'"), "{named}");
    let refused = said("VALIDIBOT_REVISION", "a tag").unwrap_err();
    assert!(refused.contains("VALIDIBOT_REVISION is 'a tag', not a tag"), "{refused}");
    let refused = said("GCP_BUILD_VALIDIBOT_CLOUD", "1").unwrap_err();
    assert!(refused.contains("the commercial layers are not built here"), "{refused}");
}

#[test]
fn mistakes_are_named_before_anything_is_started() {
    let fleet = Fleet::new();
    let broken = SHIPPED
        .replacen("port = 8080", "prot = 8080", 1)
        .replacen("cron = \"0 2 * * *\"", "cron = \"0 25 * * *\"", 1)
        .replacen("secret = \"mcp\"", "secret = \"mpc\"", 1);
    fleet.describe(&broken);
    let refused = fleet.ends(64, &["--yes"]);
    for mistake in [
        ": services.mcp.port is missing",
        ": services.mcp.prot: unknown key; did you mean port?",
        ": scheduler.jobs[0].cron: hour: '25' is not from 0 to 23",
        ": there is no secret 'mpc'",
    ] {
        assert!(refused.err.contains(mistake), "{mistake}\n{}", refused.err);
    }
    assert_eq!(fleet.deployment.stage.emulator.calls(), [], "nothing was asked");
    assert_eq!(fleet.deployment.probes(), [""; 0]);
}

/// An empty name would be asked for, or written, as if it were one.
#[test]
fn a_name_without_a_value_is_said_before_anything_is_started() {
    let fleet = Fleet::new();
    let unset = SHIPPED
        .replacen("[values]\n", "[values]\nnone = { build = \"VALIDIBOT_MCP_API_BASE_URL\" }\n", 1)
        .replacen("name = \"django-env{suffix}\"", "name = \"{none}\"", 1)
        .replacen("other = \"{app}-validation-queue-{stage}\"", "other = \"{none}\"", 1);
    fleet.describe(&unset);
    fleet.deployment.stage.write(".build", "ENABLE_MCP_SERVER=true\n");
    for (words, parts) in
        [(["deploy-all", "dev"], &["web.secret", "worker.queue"][..]), (["status", "dev"], &["worker.queue"])]
    {
        let error = inside::tool(&fleet, &words, None).0.unwrap_err();
        assert_eq!(error.exit().code(), 64, "{error}");
        for part in parts {
            let line = format!("VALIDIBOT_MCP_API_BASE_URL is not set, and {part} needs it; write it into ");
            assert!(error.to_string().contains(&line), "{line}\n{error}");
        }
    }
    assert!(fleet.deployment.stage.emulator.calls().iter().all(|call| !call.line().contains("queues")));
}

#[test]
fn a_second_release_is_migrated_and_then_proven_step_by_step() {
    let mut fleet = Fleet::new();
    fleet.deployment.stage.emulator.cloud().executions_end(1, Ending::Succeeded);
    fleet.quick(&[]);
    fleet.release("two", 'b');
    fleet.writes();
    let skipped = fleet.quick(&["--only=web", "--skip-migrate"]);
    assert!(skipped.contains("worker: skipped, because --only leaves it out"), "{skipped}");
    assert_eq!(
        fleet.writes(),
        [
            "POST secrets",
            "PUT validibot-web-dev",
            "PUT validibot-web-dev",
            "DELETE validibot-mcp-deploy-lock-dev"
        ]
    );
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("two"));
    assert_eq!(fleet.serving("validibot-worker-dev").as_deref(), Some("one"));
    assert_eq!(fleet.runs(), 1);

    fleet.quick(&[]);
    assert_eq!(fleet.runs(), 2);
    assert_eq!(fleet.serving("validibot-worker-dev").as_deref(), Some("two"));
    let writes = fleet.writes();
    let migrated = writes.iter().position(|write| write == "POST validibot-migrate-dev:run").unwrap();
    let worker = writes.iter().position(|write| write == "PUT validibot-worker-dev").unwrap();
    assert!(migrated < worker && !writes.contains(&"PUT validibot-web-dev".to_owned()), "{writes:?}");
    let (done, said, _) = inside::tool(&fleet, &["rollback", "dev", "--service", "web", "--yes"], None);
    done.unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("one"));
    // What was gone back from comes again only when it is asked for.
    fleet.fails(1);
    fleet.quick(&["--yes-older"]);
    assert_eq!(fleet.serving("validibot-web-dev").as_deref(), Some("two"));
    let unknown = inside::run(&fleet, &["--only=wbe"], None).0.unwrap_err();
    assert_eq!(unknown.exit().code(), 64);
}
