//! The image that ships, deployed by the real gcloud onto the emulated Cloud Run, whose revisions are containers.

use std::sync::Arc;
use std::time::Duration;

use gcp_emulator::{Docker, Emulator, Options, Registry, installed};
use sandbox::{GoogleVerification, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::docker::{docker, try_docker};
use suite::mcp::{Client, Era};
use suite::net::http_client;
use suite::process::{self, Output};
use suite::require;
use suite::xtask::Xtask;
use tokio::process::Command;

use crate::journey;
use suite::docker::{RELEASE_IMAGE, release_image};

const SERVICE: &str = "validibot-mcp-dev";
/// gcloud waits for revisions to come up, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(5);

/// A project with the image in its registry and a Validibot that believes its service account.
struct Project {
    emulator: Emulator,
    engine: Arc<Docker>,
    web: Sandbox,
    /// By digest.
    image: String,
    _registry: Registry,
}

impl Project {
    async fn start() -> Self {
        release_image().await;
        let registry = Registry::start().expect("a registry");
        let tag = format!("{}/demo-proj/validibot/validibot-mcp:test", registry.address());
        docker(&["tag", RELEASE_IMAGE, &tag]).await;
        docker(&["push", "--quiet", &tag]).await;
        // Gone from here: the engine has to pull it.
        docker(&["image", "rm", &tag]).await;
        let digest = registry.digest("demo-proj/validibot/validibot-mcp:test").expect("it answers");
        let image = tag.replace(":test", &format!("@{}", digest.expect("the image was pushed")));
        let engine = Arc::new(Docker::start().expect("an engine"));
        let options = Options { engine: engine.clone(), ..Options::default() };
        let emulator = Emulator::start_with(options).expect("an emulator");
        let web = Sandbox::builder().no_service_key().start().await.expect("a sandbox");
        let project = Self { emulator, engine, web, image, _registry: registry };
        project.seed();
        project
    }

    /// What `gcp setup` and `gcp secrets` leave behind. The server's own base URL stands in the secret alone.
    fn seed(&self) {
        let mut cloud = self.emulator.cloud();
        cloud.enable(&["run.googleapis.com", "secretmanager.googleapis.com"]);
        let account = cloud.seed_account("mcp-run");
        cloud.seed_secret("mcp-env");
        cloud.seed_version("mcp-env", &format!("VALIDIBOT_MCP_BASE_URL={}\n", self.engine.url(SERVICE)));
        let member = format!("serviceAccount:{account}");
        cloud.bind_secret("mcp-env", "roles/secretmanager.secretAccessor", &member);
        self.web.set_google_verification(Some(GoogleVerification {
            audience: self.web.url().to_owned(),
            allowed_service_accounts: vec![account],
            certs: self.engine.certs(),
        }));
    }

    async fn gcloud(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("gcloud");
        command.args(arguments).arg("--quiet").env_clear();
        command.env("PATH", process::env("PATH").unwrap_or_default()).envs(self.emulator.env());
        process::run(&mut command, DEADLINE).await.expect("gcloud ends")
    }

    async fn deploy(&self, more: &[&str]) -> Output {
        let base = ["run", "deploy", SERVICE, "--image", &self.image, "--region=us-west1", "--port=8080"];
        let account = ["--service-account=mcp-run@demo-proj.iam.gserviceaccount.com", "--memory=512Mi"];
        let probe =
            "--startup-probe=httpGet.path=/readyz,periodSeconds=5,failureThreshold=24,timeoutSeconds=4";
        let mount = "--set-secrets=/secrets/.env=mcp-env:1";
        self.gcloud(&[&base[..], &account, &[probe, mount], more].concat()).await
    }

    async fn status(&self, url: &str) -> u16 {
        http_client().get(format!("{url}/readyz")).send().await.expect("an answer").status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_revision_is_a_container_that_proves_itself_by_identity_token() {
    require!(installed::engine());
    require!(installed::gcloud());
    let project = Project::start().await;
    let url = project.engine.url(SERVICE);
    let api = format!("--set-env-vars=VALIDIBOT_API_BASE_URL={}", project.web.url());
    let _ = project.deploy(&[&api, "--allow-unauthenticated"]).await.expect_success("the first deploy");
    let described = project.emulator.snapshot()["services"][SERVICE]["status"]["url"].clone();
    assert_eq!(described, url.as_str());

    for era in Era::BOTH {
        let client = Client::new(&format!("{url}/mcp"), era).with_token(fixtures::DEMO_TOKEN);
        let list = client.call_tool("list_workflows", json!({})).await.success();
        assert_eq!(list["result"].as_array().map(Vec::len), Some(5), "{list}");
    }
    journey(&Xtask::new(), "dev", "dev/google-cloud", &url).await;
    let received = project.web.received();
    let identified = |name: &str| received.iter().filter(|request| request.header(name).is_some()).count();
    assert!(identified("authorization") > 0, "an identity token came");
    assert_eq!(identified("x-mcp-service-key"), 0, "no shared key did");

    // Outside requests stop at the front end once ingress is locked; the load balancer's do not.
    let balancer = project.engine.balancer_url(SERVICE);
    assert_eq!((project.status(&url).await, project.status(&balancer).await), (200, 200));
    let update = ["run", "services", "update", SERVICE, "--region=us-west1"];
    let lock = "--ingress=internal-and-cloud-load-balancing";
    let _ = project.gcloud(&[&update[..], &[lock]].concat()).await.expect_success("locking ingress");
    assert_eq!((project.status(&url).await, project.status(&balancer).await), (404, 200));
    dead_on_arrival(&project).await;

    let containers = project.engine.containers();
    assert_eq!(containers.len(), 1, "{containers:?}");
    let name = format!("name={}", containers[0]);
    assert_ne!(docker(&["ps", "--quiet", "--filter", &name]).await, "");
    let image = project.image.clone();
    drop(project);
    assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &name]).await, "", "a container is left");
    assert_ne!(try_docker(&["image", "inspect", &image]).await.code, Some(0), "the pulled image is left");
}

/// A revision that ends at once: gcloud says so, its last words are in the log, the traffic stays.
async fn dead_on_arrival(project: &Project) {
    let before = project.emulator.snapshot()["services"][SERVICE]["status"]["traffic"].clone();
    let nobody = "--update-env-vars=VALIDIBOT_API_BASE_URL=not-a-url";
    let failed = project.deploy(&[nobody]).await;
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stderr.contains("failed to start and listen"), "{}", failed.stderr);
    let status = &project.emulator.snapshot()["services"][SERVICE]["status"];
    assert_eq!(status["traffic"], before);
    let revision = status["latestCreatedRevisionName"].as_str().expect("a name");
    let filter =
        format!("resource.type=\"cloud_run_revision\" AND resource.labels.revision_name=\"{revision}\"");
    let read = ["logging", "read", &filter, "--format=json"];
    let read = project.gcloud(&read).await.expect_success("logging read");
    let entries: Vec<Value> = serde_json::from_str(&read.stdout).expect("JSON");
    let texts: Vec<String> = entries.iter().map(Value::to_string).collect();
    assert!(texts[0].contains("Container called exit(64)."), "the newest comes first: {texts:#?}");
    assert!(texts.iter().any(|text| text.contains("VALIDIBOT_API_BASE_URL")), "{texts:#?}");
}
