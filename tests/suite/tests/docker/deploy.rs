//! From an empty project to a service that MCP clients use, and through everything that a deploy can meet: the real
//! tool, the real gcloud, images in a real registry, containers behind the emulated Cloud Run.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use gcp_emulator::{Docker, Emulator, Options, Registry, engine_is_here, gcloud_is_here};
use sandbox::{GoogleVerification, Sandbox, fixtures};
use serde_json::Value;
use suite::docker::docker;
use suite::process::{self, Output};
use suite::python::Python;
use suite::require;
use suite::xtask::Xtask;

use crate::{RELEASE_IMAGE, release_image};

const SERVICE: &str = "validibot-mcp-dev";
const ACCOUNT: &str = "validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";
/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(15);

const DEPLOY: [&str; 4] = ["deploy", "dev", "--yes", "--allow-dirty"];

/// What an image is made from here: the program that ships.
const DOCKERFILE: &str = "FROM scratch\nCOPY ca-certificates.crt /etc/ssl/certs/\nCOPY validibot-mcp Cargo.toml /\n\
                          USER 65532:65532\nENTRYPOINT [\"/validibot-mcp\"]\nCMD [\"@COMMAND@\"]\n";

/// Plays git: to compile the program from another commit takes minutes, and only its tag has to differ here.
const GIT: &str = "#!/bin/sh\ncd '@HOME@' && case \"$*\" in\n'rev-parse HEAD') cat head ;;\n\
                   'rev-parse --short HEAD') cat short ;;\n*status*) cat changed ;;\nesac\n";

/// What becomes of a commit's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Image {
    /// It is what it says.
    Good,
    /// It ends at its start.
    Ends,
    /// It comes up, and is not built from the commit.
    Another,
}

/// A checkout, a project, and a Validibot that believes its service account.
struct Project {
    emulator: Emulator,
    engine: Arc<Docker>,
    web: Sandbox,
    registry: Registry,
    xtask: Xtask,
    /// The commit that the program names.
    named: String,
}

impl Project {
    async fn start() -> Self {
        release_image().await;
        let registry = Registry::start().expect("a registry");
        let engine = Arc::new(Docker::start().expect("an engine"));
        let options = Options { engine: engine.clone(), ..Options::default() };
        let emulator = Emulator::start_with(options).expect("an emulator");
        let web = Sandbox::builder().no_service_key().start().await.expect("a sandbox");
        web.set_google_verification(Some(GoogleVerification {
            audience: web.url().to_owned(),
            allowed_service_accounts: vec![ACCOUNT.to_owned()],
            certs: engine.certs(),
        }));
        let xtask = Xtask::new();
        for folder in ["checkout/server", "git", "bin"] {
            std::fs::create_dir_all(xtask.path(folder)).expect("a folder");
        }
        let git = xtask.path("bin/git");
        std::fs::write(&git, GIT.replace("@HOME@", &xtask.path("git").display().to_string()))
            .expect("a file");
        std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).expect("it may be run");
        let named = unpack(&xtask).await;
        let project = Self { emulator, engine, web, registry, xtask, named };
        project.write_files(&project.engine.url(SERVICE));
        project
    }

    fn write_files(&self, base_url: &str) {
        let write = |name: &str, text: &str| self.xtask.write(&format!("dev/google-cloud/{name}"), text);
        let registry = self.registry.address();
        write(
            ".gcp",
            &format!("GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\nGCP_REGISTRY_HOST={registry}\n"),
        );
        let api = self.web.url();
        write(
            ".build",
            &format!(
                "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL={api}\nVALIDIBOT_MCP_BASE_URL={base_url}\n"
            ),
        );
        write(".mcp", "VALIDIBOT_LOG_LEVEL=INFO\n");
        write(".test", &format!("VALIDIBOT_E2E_TOKEN={}\n", fixtures::DEMO_TOKEN));
    }

    /// A commit of this short name, with an image that is what is said of it.
    fn commit(&self, short: &str, image: Image) {
        let write = |name: &str, text: &str| std::fs::write(self.xtask.path(name), text).expect("a file");
        let command = if image == Image::Ends { "no-such-command" } else { "serve" };
        write("checkout/server/Dockerfile", &DOCKERFILE.replace("@COMMAND@", command));
        write("checkout/Cargo.toml", &format!("[workspace]\n# {short}\n"));
        let head = self.named.trim_end_matches("-dirty");
        write(
            "git/head",
            if image == Image::Another { "0123456789012345678901234567890123456789" } else { head },
        );
        write("git/short", short);
        // Where the program names a checkout with changes, this is one, too.
        write("git/changed", if head == self.named { "" } else { " M Cargo.toml\n" });
    }

    async fn gcp(&self, arguments: &[&str]) -> Output {
        let mut command = self.xtask.command(None, &[&["gcp"], arguments].concat());
        let checkout = self.xtask.path("checkout");
        let path =
            format!("{}:{}", self.xtask.path("bin").display(), process::env("PATH").unwrap_or_default());
        command.env_clear().env("PATH", path).env("USER", "ada");
        command.envs(self.emulator.env()).env("CARGO_MANIFEST_DIR", &checkout).current_dir(&checkout);
        process::run(&mut command, DEADLINE).await.expect("it ends")
    }

    async fn ends(&self, code: i32, arguments: &[&str]) -> Output {
        let output = self.gcp(arguments).await;
        assert_eq!(output.code, Some(code), "{arguments:?}\n{}\n{}", output.stdout, output.stderr);
        output
    }

    /// Builds and deploys.
    async fn deploy(&self, code: i32) -> Output {
        self.ends(0, &["build", "dev", "--yes", "--allow-dirty"]).await;
        self.ends(code, &DEPLOY).await
    }

    /// The revision that has all traffic; its name holds the commit's short one.
    fn serving(&self) -> String {
        let service = self.emulator.snapshot()["services"][SERVICE].clone();
        let traffic = service["status"]["traffic"].as_array().cloned().unwrap_or_default();
        let whole: Vec<&Value> = traffic.iter().filter(|target| target["percent"] == 100).collect();
        assert_eq!(whole.len(), 1, "{traffic:?}");
        whole[0]["revisionName"].as_str().expect("a name").to_owned()
    }

    /// What `/version` says where users are.
    async fn version(&self, url: &str) -> String {
        let answer = suite::net::http_client().get(format!("{url}/version")).send().await.expect("an answer");
        let text = answer.text().await.expect("a body");
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        document["commit"].as_str().unwrap_or(&text).to_owned()
    }
}

/// Puts the program that ships into the checkout, with its certificates; the commit that it names.
async fn unpack(xtask: &Xtask) -> String {
    let container = docker(&["create", RELEASE_IMAGE]).await;
    for from in ["/validibot-mcp", "/etc/ssl/certs/ca-certificates.crt"] {
        let to = xtask.path("checkout");
        docker(&["cp", &format!("{container}:{from}"), to.to_str().expect("UTF-8")]).await;
    }
    docker(&["rm", &container]).await;
    let format = r#"{{index .Config.Labels "org.opencontainers.image.revision"}}"#;
    docker(&["image", "inspect", "--format", format, RELEASE_IMAGE]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_project_becomes_a_service_and_only_what_is_proven_serves() {
    let test = "an_empty_project_becomes_a_service_and_only_what_is_proven_serves";
    if !(engine_is_here(test) && gcloud_is_here(test)) {
        return;
    }
    let python = require!(Python::with_clients().await);
    let project = Project::start().await;
    project.commit("1111111", Image::Good);
    project.ends(0, &["setup", "dev", "--yes"]).await;
    project.ends(0, &["secrets", "dev", "--yes"]).await;
    let deployed = project.deploy(0).await;
    assert!(deployed.stdout.contains(&format!("serves commit {}", project.named)), "{}", deployed.stdout);
    assert!(deployed.stderr.contains("proven as far as the list of tools"), "{}", deployed.stderr);
    let url = project.engine.url(SERVICE);
    assert_eq!(project.version(&url).await, project.named);
    listed_through_both_chains(&project, &python, &url).await;

    project.emulator.take_calls();
    let again = project.ends(0, &DEPLOY).await;
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    assert_eq!(project.emulator.writes(), [""; 0], "no write, no lock");

    project.commit("2222222", Image::Good);
    project.deploy(0).await;
    let good = project.serving();
    assert!(good.contains("-2222222-"), "{good}");

    project.commit("3333333", Image::Ends);
    let failed = project.deploy(1).await;
    for part in ["candidate: ", "the traffic stays where it was", "wrote last:", "no-such-command"] {
        assert!(failed.stderr.contains(part), "{part}\n{}", failed.stderr);
    }
    assert_eq!((project.serving(), project.version(&url).await), (good.clone(), project.named.clone()));

    project.commit("4444444", Image::Another);
    let failed = project.deploy(1).await;
    for part in ["proof: ", "another build answers", "the traffic stays where it was", "wrote last:"] {
        assert!(failed.stderr.contains(part), "{part}\n{}", failed.stderr);
    }
    assert_eq!((project.serving(), project.version(&url).await), (good.clone(), project.named.clone()));

    project.ends(0, &["rollback", "dev", "--yes"]).await;
    assert!(project.serving().contains("-1111111-"), "{}", project.serving());
    project.commit("5555555", Image::Good);
    project.deploy(0).await;
    assert!(project.serving().contains("-5555555-"), "{}", project.serving());
    let status = project.ends(0, &["status", "dev"]).await;
    assert!(status.stdout.starts_with("dev: LIVE\n"), "{}", status.stdout);
    behind_a_load_balancer(&project).await;
    assert_eq!(project.emulator.unexpected(), [""; 0]);
}

/// `fastmcp`, the user by an API token, the server by its identity token.
async fn listed_through_both_chains(project: &Project, python: &Python, url: &str) {
    project.web.clear_received();
    let mut script = python.script("list_workflows.py");
    script.arg(format!("{url}/mcp")).arg(fixtures::DEMO_TOKEN);
    let output = process::run(&mut script, DEADLINE).await.expect("it ends").expect_success("fastmcp");
    let seen: Value = serde_json::from_str(output.stdout.trim()).expect("JSON");
    assert_eq!(seen["is_error"], false, "{seen}");
    assert_eq!(seen["result"]["result"].as_array().map(Vec::len), Some(5), "{seen}");
    let received = project.web.received();
    let identified = |name: &str| received.iter().filter(|request| request.header(name).is_some()).count();
    assert!(identified("authorization") > 0, "an identity token came");
    assert_eq!(identified("x-mcp-service-key"), 0, "no shared key did");
}

/// With ingress locked, the candidate cannot be asked: its startup probe counts, then the public address at once.
async fn behind_a_load_balancer(project: &Project) {
    let balancer = project.engine.balancer_url(SERVICE);
    project.write_files(&balancer);
    project.emulator.cloud().seed_endpoint_group("us-west1", "validibot-mcp-neg-dev", SERVICE);
    project.ends(0, &DEPLOY).await;
    assert_eq!(project.version(&balancer).await, project.named);
    let good = project.serving();

    project.commit("6666666", Image::Another);
    let failed = project.deploy(1).await;
    for part in ["its startup probe is its proof", "public address: ", "the traffic is back where it was"] {
        assert!(failed.stderr.contains(part), "{part}\n{}", failed.stderr);
    }
    assert_eq!((project.serving(), project.version(&balancer).await), (good, project.named.clone()));
}
