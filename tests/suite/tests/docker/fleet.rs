//! The whole fleet on an empty project: the real tool, the real gcloud, and every container real. The stand-in's image takes
//! the place of the application's: web, worker and the migration job run it, the MCP server is the one that ships.

use gcp_emulator::installed;
use sandbox::fixtures;
use serde_json::{Value, json};
use suite::docker::docker;
use suite::mcp::{Client, Era};
use suite::net::http_client;
use suite::process::Output;
use suite::require;

use crate::project::{Image, Project, SERVICE as SERVER};
use crate::{SANDBOX_IMAGE, images};

/// The file as it is shipped.
const SHIPPED: &str = include_str!("../../../../envs/fleet.toml");

const WEB: &str = "validibot-web-dev";
const WORKER: &str = "validibot-worker-dev";
const MIGRATION: &str = "validibot-migrate-dev";

/// In place of the application's own recipe; the key is what its identity tokens are checked with.
const DOCKERFILE: &str = "FROM scratch\nCOPY validibot-sandbox /\nENV VALIDIBOT_SANDBOX_GOOGLE_KEY=@KEY@\n\
                          USER 65532:65532\nENTRYPOINT [\"/validibot-sandbox\"]\n";

/// A project with what a first deploy needs, and a checkout of the application.
pub(crate) struct Fleet {
    pub(crate) project: Project,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        images().await;
        let project = Project::start().await;
        project.commit("1111111", Image::Good);
        project.seed();
        project.emulator.cloud().seed_application("us-west1", "dev", "-dev");
        let fleet = Self { project };
        fleet.describe();
        fleet.check_out().await;
        fleet
    }

    /// The shipped file, but for the two things that the stand-in is asked for instead: the program that plays the
    /// migration's script, and the path of the health check, which Django answers to known names alone.
    fn describe(&self) {
        let (web, server) = (self.project.engine.url(WEB), self.project.engine.url(SERVER));
        self.project.write_files(&web, &server);
        let described = SHIPPED
            .replacen(
                "command = [\"/bin/bash\", \"-c\"]",
                "command = [\"/validibot-sandbox\", \"manage\"]",
                1,
            )
            .replace("proof = { startup = \"tcp\" }", "proof = { startup = \"/health/\" }");
        assert_eq!(described.matches("\"/health/\"").count(), 2, "web and worker are proven over HTTP");
        assert!(described.contains("\"manage\""), "the migration is played");
        self.project.xtask.write("fleet.toml", &described);
    }

    async fn check_out(&self) {
        let folder = self.project.xtask.path("application");
        let recipe = folder.join("compose/production/django/Dockerfile");
        std::fs::create_dir_all(recipe.parent().expect("a folder")).expect("a folder");
        let key = self.project.engine.certs().public();
        std::fs::write(recipe, DOCKERFILE.replace("@KEY@", &key)).expect("a file");
        std::fs::write(folder.join("pyproject.toml"), "[project]\nversion = \"1.4.2\"\n").expect("a file");
        let container = docker(&["create", SANDBOX_IMAGE]).await;
        let to = folder.display().to_string();
        docker(&["cp", &format!("{container}:/validibot-sandbox"), &to]).await;
        docker(&["rm", &container]).await;
    }

    /// `gcp` of the tool, which knows where the application's checkout is.
    pub(crate) fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = self.project.command(arguments);
        command.env("VALIDIBOT_DIR", self.project.xtask.path("application"));
        command
    }

    pub(crate) async fn deploy(&self) -> Output {
        let command = self.command(&["deploy-all", "dev", "--yes", "--allow-dirty"]);
        self.project.run(command).await.expect_success("deploy-all")
    }

    async fn status(&self, url: &str) -> u16 {
        http_client().get(format!("{url}/health/")).send().await.expect("an answer").status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_project_becomes_a_fleet_of_containers() {
    require!(installed::engine());
    require!(installed::gcloud());
    let fleet = Fleet::start().await;
    let Project { emulator, engine, .. } = &fleet.project;
    let deployed = fleet.deploy().await;
    assert!(deployed.stderr.contains("proven as far as the list of tools"), "{}", deployed.stderr);

    let services: Vec<String> =
        emulator.snapshot()["services"].as_object().expect("services").keys().cloned().collect();
    assert_eq!(services, [SERVER, WEB, WORKER]);
    let running = engine.running();
    assert_eq!(running.len(), 3, "{running:?}");
    let runs = emulator.cloud().executions_of(MIGRATION);
    let [run] = runs.as_slice() else { panic!("the migration runs once: {runs:?}") };
    let wrote = emulator.cloud().lines_of(run);
    assert_eq!(wrote.first().map(String::as_str), Some("check_migration_history: done"), "{wrote:?}");
    assert_eq!(wrote.last().map(String::as_str), Some("initialize_validibot: done"), "{wrote:?}");
    let jobs = emulator.snapshot()["scheduler"].clone();
    assert_eq!(jobs.as_object().map(serde_json::Map::len), Some(10));
    let target = &jobs["validibot-clear-sessions-dev"]["httpTarget"];
    assert_eq!(target["oidcToken"]["audience"], engine.url(WORKER));

    // Users reach the web service, and nobody from outside the worker.
    assert_eq!((fleet.status(&engine.url(WEB)).await, fleet.status(&engine.url(WORKER)).await), (200, 404));
    // The server's identity token is believed: what the deploy stamps on both sides agrees.
    let url = format!("{}/mcp", engine.url(SERVER));
    let client = Client::new(&url, Era::Modern).with_token(fixtures::DEMO_TOKEN);
    let list = client.call_tool("list_workflows", json!({})).await.success();
    assert_eq!(list["result"].as_array().map(Vec::len), Some(5), "{list}");

    // An image with changes that are in no commit is built anew each time.
    if !fleet.project.named.ends_with("-dirty") {
        emulator.take_calls();
        let again = fleet.deploy().await;
        assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
        assert_eq!(emulator.writes(), [""; 0], "no write, no lock");
    }
    assert_eq!(emulator.unexpected(), [""; 0]);
    let containers: Value = engine.containers().into();
    drop(fleet);
    for name in containers.as_array().expect("names") {
        let filter = format!("name={}", name.as_str().expect("a name"));
        assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &filter]).await, "", "a container is left");
    }
}
