//! A dev stage with nothing wrong, in an emulated project with nothing wrong, and ways to spoil either.
//!
//! A gcloud start costs a second of processor: what the real gcloud says of the healthy project is asked once. A
//! fault asks again only what it touches.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use gcp_emulator::{Cloud, Emulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::cli::Doctor;
use xtask::commands::doctor;
use xtask::config::context::Context;
use xtask::config::env::Environment;
use xtask::core::command::Command;
use xtask::core::exit::Exit;
use xtask::core::interrupt::Interrupts;
use xtask::core::output::Printer;
use xtask::core::runner::{Outcome, Runner, Streams};

pub(crate) const REGION: &str = "us-west1";
pub(crate) const HOST: &str = "mcp.acme.example";
pub(crate) const ADDRESS: &str = "203.0.113.7";
pub(crate) const ACCOUNT: &str = "serviceAccount:validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";
pub(crate) const ACCESSOR: &str = "roles/secretmanager.secretAccessor";
pub(crate) const MCP: &str =
    "VALIDIBOT_LOG_LEVEL=INFO\nVALIDIBOT_MCP_SEAL_KEYS=k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

/// This checkout's commit, and the one that the service runs.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A commit that holds this checkout's and more.
pub(crate) const AHEAD: &str = "ffff0000";

const APIS: [&str; 7] = [
    "artifactregistry.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
];

/// What gcloud said, by command.
type Said = BTreeMap<String, Outcome>;

/// The stage, its project, and this machine's resolver.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) emulator: Emulator,
    pub(crate) names: BTreeMap<String, Result<IpAddr, String>>,
    /// An answer in gcloud's place, for a command that contains this.
    pub(crate) instead: Option<(&'static str, Outcome)>,
}

/// The MCP server's service, and what the web application is told about it.
pub(crate) struct Service {
    pub(crate) metadata: Value,
    pub(crate) template: Value,
    pub(crate) ready: Result<(), &'static str>,
    pub(crate) callers: &'static str,
    pub(crate) web_env: Value,
}

impl Service {
    fn healthy() -> Self {
        let env = json!([
            {"name": "VALIDIBOT_API_BASE_URL", "value": "https://app.acme.example"},
            {"name": "VALIDIBOT_MCP_BASE_URL", "value": format!("https://{HOST}")},
            {"name": "VALIDIBOT_MCP_ENABLED", "value": "true"},
        ]);
        let container = json!({
            "image": format!("us-west1-docker.pkg.dev/demo-proj/validibot/validibot-mcp@sha256:{}", "a".repeat(64)),
            "ports": [{"containerPort": 8080}],
            "env": env,
            "volumeMounts": [{"name": "secret-0", "mountPath": "/secrets"}],
        });
        let secret = json!({"secretName": "mcp-env-dev", "items": [{"key": "1", "path": ".env"}]});
        Self {
            metadata: json!({
                "name": "validibot-mcp-dev",
                "annotations": {"run.googleapis.com/ingress": "internal-and-cloud-load-balancing"},
            }),
            template: json!({
                "metadata": {"labels": {"validibot-commit": COMMIT}},
                "spec": {
                    "serviceAccountName": ACCOUNT.strip_prefix("serviceAccount:"),
                    "containers": [container],
                    "volumes": [{"name": "secret-0", "secret": secret}],
                },
            }),
            ready: Ok(()),
            callers: "allUsers",
            web_env: json!([{"name": "MCP_OIDC_AUDIENCE", "value": "https://app.acme.example"}]),
        }
    }
}

impl Stage {
    /// All but one part of a healthy stage; `""` leaves out nothing.
    pub(crate) fn without(part: &str) -> Self {
        Self::made(part, &Service::healthy())
    }

    /// A stage in which only the service is not as it was.
    pub(crate) fn with_service(spoil: impl FnOnce(&mut Service)) -> Self {
        let mut service = Service::healthy();
        spoil(&mut service);
        Self::made("", &service)
    }

    fn made(part: &str, service: &Service) -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
            emulator: Emulator::start().unwrap(),
            names: BTreeMap::from([(HOST.to_owned(), Ok(ADDRESS.parse().unwrap()))]),
            instead: None,
        };
        stage.write(".gcp", "GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\n");
        stage.write(
            ".build",
            &format!(
                "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.acme.example\n\
                 VALIDIBOT_MCP_BASE_URL=https://{HOST}\n"
            ),
        );
        stage.write(".mcp", MCP);
        if part != "docker login" {
            let folder =
                stage.emulator.env().into_iter().find(|(name, _)| name == "DOCKER_CONFIG").unwrap().1;
            let config = json!({"credHelpers": {"us-west1-docker.pkg.dev": "gcloud"}});
            std::fs::write(Path::new(&folder).join("config.json"), config.to_string()).unwrap();
        }
        seed(&mut stage.emulator.cloud(), part, service);
        stage
    }

    pub(crate) fn healthy() -> Self {
        Self::without("")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("dev/google-cloud").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What doctor finds. The real gcloud is asked what contains one of these; everything else is as it was in health.
    pub(crate) fn doctor(&self, asked: &'static [&'static str]) -> (Exit, Vec<Value>) {
        let healthy = said_in_health();
        let (real, instead) = (self.gcloud(), self.instead.clone());
        let touched = Arc::new(Mutex::new(Vec::new()));
        let touching = touched.clone();
        let found = self.run(move |command| {
            let line = command.render();
            if let Some((_, outcome)) = instead.as_ref().filter(|(words, _)| line.contains(words)) {
                return outcome.clone();
            }
            let words: Vec<_> = asked.iter().filter(|words| line.contains(**words)).collect();
            touching.lock().unwrap().extend(words.iter().map(|words| **words));
            match healthy.get(&line).filter(|_| words.is_empty()) {
                Some(outcome) => outcome.clone(),
                None => real(command),
            }
        });
        let touched = touched.lock().unwrap();
        let unasked: Vec<_> = asked.iter().filter(|words| !touched.contains(*words)).collect();
        assert!(unasked.is_empty(), "doctor asks nothing like {unasked:?}");
        found
    }

    /// The real gcloud against this project.
    fn gcloud(&self) -> impl Fn(&Command) -> Outcome + Send + Sync + use<> {
        let environment = self.emulator.env();
        move |command: &Command| {
            let runner = Runner::real(Printer::captured(), Interrupts::none());
            // A busy machine takes its time.
            let mut command = command.clone().no_deadline().env_remove("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE");
            for (name, value) in &environment {
                command = command.env(name, value.clone());
            }
            runner
                .run(&command.env("CLOUDSDK_CORE_ACCOUNT", "operator@example.com"), Streams::Captured)
                .unwrap()
        }
    }

    fn run(&self, gcloud: impl Fn(&Command) -> Outcome + Send + Sync + 'static) -> (Exit, Vec<Value>) {
        let answer = move |command: &Command| match command.name().as_str() {
            "docker" => Outcome::success("28.0"),
            "git" => match command.arguments()[0].to_str().unwrap() {
                "rev-parse" => Outcome::success(COMMIT),
                "rev-list" if command.render().contains(AHEAD) => Outcome::success("0"),
                "rev-list" => Outcome::success("3"),
                // Nothing is tracked.
                _ => Outcome::failure(1, ""),
            },
            _ => gcloud(command),
        };
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), answer);
        let mut variables = self.emulator.env();
        variables.push(("PATH".to_owned(), std::env::var_os("PATH").unwrap().into_string().unwrap()));
        let environment: Environment =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let envs = Some(self.folder.path().to_owned());
        let context = Context::new(environment, envs, printer.clone(), runner, here).unwrap();
        let stage = vec!["gcp".to_owned(), "dev".to_owned()];
        let args = Doctor { stage, offline: false, at_once: 2, json: true };
        let resolve = |host: &str| match self.names.get(host) {
            Some(Ok(address)) => Ok(vec![*address]),
            Some(Err(words)) => Err(io::Error::other(words.clone())),
            None => panic!("nobody was to look up {host}"),
        };
        let exit = doctor::examine(&context, &args, &resolve).unwrap();
        let report: Value = serde_json::from_str(&printer.stdout()).unwrap();
        (exit, report["findings"].as_array().unwrap().clone())
    }
}

/// What the real gcloud says of a healthy project, and that doctor finds nothing there.
fn said_in_health() -> &'static Said {
    static SAID: OnceLock<Said> = OnceLock::new();
    SAID.get_or_init(|| {
        let stage = Stage::healthy();
        let said = Arc::new(Mutex::new(Said::new()));
        let (real, saying) = (stage.gcloud(), said.clone());
        let (exit, findings) = stage.run(move |command| {
            let outcome = real(command);
            saying.lock().unwrap().insert(command.render(), outcome.clone());
            outcome
        });
        let said = said.lock().unwrap().clone();
        assert_eq!((exit, &findings), (Exit::Success, &Vec::new()), "{findings:#?}\n{said:#?}");
        assert_eq!(stage.emulator.writes(), [""; 0], "doctor changes nothing");
        assert_eq!(stage.emulator.unexpected(), [""; 0]);
        said
    })
}

fn seed(cloud: &mut Cloud, without: &str, service: &Service) {
    let apis: Vec<&str> = APIS.into_iter().filter(|api| *api != without).collect();
    cloud.enable(&apis);
    let is = |part: &str| part != without;
    if is("account") {
        cloud.seed_account("validibot-mcp-dev");
    }
    if is("repository") {
        cloud.seed_repository(REGION, "validibot");
    }
    if is("secret") {
        cloud.seed_secret("mcp-env-dev");
    }
    if is("accessor") {
        cloud.bind_secret("mcp-env-dev", ACCESSOR, ACCOUNT);
    }
    if is("version") {
        cloud.seed_version("mcp-env-dev", MCP);
    }
    if is("web") && is("run.googleapis.com") {
        let image = "us-west1-docker.pkg.dev/demo-proj/validibot/validibot-web:1";
        let container = json!({"image": image, "ports": [{"containerPort": 8000}], "env": service.web_env});
        let template = json!({"spec": {"containers": [container]}});
        cloud.seed_service_as(REGION, &json!({"name": "validibot-web-dev"}), &template, Ok(()));
    }
    if is("invoker") {
        cloud.bind_service(REGION, "validibot-web-dev", "roles/run.invoker", ACCOUNT);
    }
    // Cloud Run takes no service whose account or secret is not there; what gcloud says of it is known from health.
    if ["", "networkEndpointGroups"].contains(&without) {
        cloud.seed_service_as(REGION, &service.metadata, &service.template, service.ready);
        cloud.bind_service(REGION, "validibot-mcp-dev", "roles/run.invoker", service.callers);
    }
    let link = |path: &str| format!("https://www.googleapis.com/compute/v1/projects/demo-proj/{path}");
    for (path, document) in [
        (
            "regions/us-west1/networkEndpointGroups/validibot-mcp-neg-dev",
            json!({"networkEndpointType": "SERVERLESS"}),
        ),
        ("global/addresses/validibot-ip-dev", json!({"address": ADDRESS})),
        (
            "global/sslCertificates/validibot-cert-dev",
            json!({"type": "MANAGED", "managed": {"domains": ["app.acme.example", HOST], "status": "ACTIVE"}}),
        ),
        (
            "global/targetHttpsProxies/validibot-https-proxy-dev",
            json!({"sslCertificates": [link("global/sslCertificates/validibot-cert-dev")]}),
        ),
    ] {
        if !path.contains(without) || without.is_empty() {
            cloud.seed_compute(path, document);
        }
    }
}
