//! A project of the emulated Google Cloud in which the real tool builds and deploys: a checkout, a registry, containers
//! behind the emulated Cloud Run, and a Validibot that believes their service account.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use gcp_emulator::{Docker, Emulator, Options, Registry};
use sandbox::{GoogleVerification, Sandbox, fixtures};
use serde_json::Value;
use suite::docker::docker;
use suite::process::{self, Output};
use suite::xtask::Xtask;
use test_support::toolchain;
use tokio::process::Command;

use suite::docker::{RELEASE_IMAGE, release_image};

pub(crate) const SERVICE: &str = "validibot-mcp-dev";
const ACCOUNT: &str = "validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";
/// What a deploy asks Google.
const APIS: [&str; 3] = ["logging.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com"];

/// Generous: nothing is measured with it.
pub(crate) const DEADLINE: Duration = Duration::from_mins(15);

pub(crate) const DEPLOY: [&str; 4] = ["deploy", "dev", "--yes", "--allow-dirty"];

/// What an image is made from here: the program that ships.
const DOCKERFILE: &str = "FROM scratch\nCOPY ca-certificates.crt /etc/ssl/certs/\nCOPY validibot-mcp Cargo.toml /\n\
                          USER 65532:65532\nENTRYPOINT [\"/validibot-mcp\"]\nCMD [\"@COMMAND@\"]\n";

/// Plays git: to compile the program from another commit takes minutes, and only its tag has to differ here.
const GIT: &str = "#!/bin/sh\ncd '@HOME@' && case \"$*\" in\n'rev-parse HEAD') cat head ;;\n\
                   'rev-parse --short=12 HEAD') cat short ;;\n*status*) cat changed ;;\nesac\n";

/// What becomes of a commit's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// It is what it says.
    Good,
    /// It ends at its start.
    Ends,
    /// It comes up, and is not built from the commit.
    Another,
}

/// A checkout, a project, and a Validibot that believes its service account.
pub(crate) struct Project {
    pub(crate) emulator: Emulator,
    pub(crate) engine: Arc<Docker>,
    pub(crate) web: Sandbox,
    registry: Registry,
    pub(crate) xtask: Xtask,
    /// The commit that the program names.
    pub(crate) named: String,
}

impl Project {
    pub(crate) async fn start() -> Self {
        release_image().await;
        let registry = Registry::start().expect("a registry");
        let engine = Arc::new(Docker::start().expect("an engine"));
        let options = Options { engine: engine.clone(), ..Options::default() };
        let emulator = Emulator::start_with(options).expect("an emulator");
        let web = Sandbox::builder().no_service_key().throttle(1_000_000).start().await.expect("a sandbox");
        web.set_google_verification(Some(GoogleVerification {
            audience: web.url().to_owned(),
            allowed_service_accounts: vec![ACCOUNT.to_owned()],
            certs: engine.certs(),
        }));
        let xtask = Xtask::new();
        for folder in ["checkout/server", "checkout/envs", "git", "bin"] {
            std::fs::create_dir_all(xtask.path(folder)).expect("a folder");
        }
        // The server's size, as it ships.
        let fleet = include_str!("../../../../envs/fleet.toml");
        std::fs::write(xtask.path("checkout/envs/fleet.toml"), fleet).expect("a file");
        let git = xtask.path("bin/git");
        std::fs::write(&git, GIT.replace("@HOME@", &xtask.path("git").display().to_string()))
            .expect("a file");
        std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).expect("it may be run");
        // What the image holds is the program that ships.
        toolchain::stand_in(&xtask.path("bin"), &xtask.path("checkout")).expect("a toolchain");
        let named = unpack(&xtask).await;
        let project = Self { emulator, engine, web, registry, xtask, named };
        project.write_files(project.web.url(), &project.engine.url(SERVICE));
        project
    }

    /// What `gcp setup` and `gcp secrets` leave behind, without a second of gcloud for each of their steps.
    pub(crate) fn seed(&self) {
        let mut cloud = self.emulator.cloud();
        cloud.enable(&APIS);
        let account = format!("serviceAccount:{}", cloud.seed_account("validibot-mcp-dev"));
        cloud.seed_repository("us-west1", "validibot");
        cloud.seed_secret("mcp-env-dev");
        cloud.seed_version("mcp-env-dev", "VALIDIBOT_LOG_LEVEL=INFO\n");
        cloud.bind_secret("mcp-env-dev", "roles/secretmanager.secretAccessor", &account);
    }

    /// A Validibot at `api`, and a server that its users reach at `base_url`.
    pub(crate) fn write_files(&self, api: &str, base_url: &str) {
        let write = |name: &str, text: &str| self.xtask.write(&format!("dev/google-cloud/{name}"), text);
        let registry = self.registry.address();
        write(
            ".gcp",
            &format!("GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\nGCP_REGISTRY_HOST={registry}\n"),
        );
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
    pub(crate) fn commit(&self, short: &str, image: Image) {
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

    pub(crate) async fn gcp(&self, arguments: &[&str]) -> Output {
        self.run(self.command(arguments)).await
    }

    pub(crate) async fn run(&self, mut command: Command) -> Output {
        process::run(&mut command, DEADLINE).await.expect("it ends")
    }

    /// `gcp` of the tool, in the checkout, against the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.xtask.command(None, &[&["gcp"], arguments].concat());
        let checkout = self.xtask.path("checkout");
        let path =
            format!("{}:{}", self.xtask.path("bin").display(), process::env("PATH").unwrap_or_default());
        command.env_clear().env("PATH", path).env("USER", "ada");
        command.envs(self.emulator.env()).env("CARGO_MANIFEST_DIR", &checkout).current_dir(&checkout);
        command
    }

    pub(crate) async fn ends(&self, code: i32, arguments: &[&str]) -> Output {
        let output = self.gcp(arguments).await;
        assert_eq!(output.code, Some(code), "{arguments:?}\n{}\n{}", output.stdout, output.stderr);
        output
    }

    /// Builds and deploys.
    pub(crate) async fn deploy(&self, code: i32) -> Output {
        self.ends(0, &["build", "dev", "--yes", "--allow-dirty"]).await;
        self.ends(code, &DEPLOY).await
    }

    /// The revision that has all traffic; its name holds the commit's short one.
    pub(crate) fn serving(&self) -> String {
        let service = self.emulator.snapshot()["services"][SERVICE].clone();
        let traffic = service["status"]["traffic"].as_array().cloned().unwrap_or_default();
        let whole: Vec<&Value> = traffic.iter().filter(|target| target["percent"] == 100).collect();
        assert_eq!(whole.len(), 1, "{traffic:?}");
        whole[0]["revisionName"].as_str().expect("a name").to_owned()
    }

    /// What `/version` says where users are.
    pub(crate) async fn version(&self, url: &str) -> String {
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
