//! A stage that can be deployed: a checkout of its own, a docker on PATH that plays registry and prober, and an
//! emulated project whose revisions come up as the test says.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use gcp_emulator::Scripted;
use serde_json::Value;

use crate::stage::{Finished, Stage};

pub(crate) const SERVICE: &str = "validibot-mcp-dev";

/// Plays docker: the registry has every tag whose file is there, and a probe passes unless its address matches
/// `unfit`. It notes each probe, and may do something first (`before-probe`). Validibot is licensed, unless `unlicensed` is
/// there.
const DOCKER: &str = r#"#!/bin/sh
home='@HOME@'
case "$1 $2" in
'buildx imagetools')
    tag=${4##*:}
    if [ -e "$home/tags/$tag" ]; then printf '{"digest": "sha256:%s"}' "$(cat "$home/tags/$tag")"; exit 0; fi
    echo "ERROR: $4: not found" >&2; exit 1 ;;
'run --rm')
    case " $* " in *' license '*)
        [ -e "$home/unlicensed" ] || exit 0
        echo 'this Validibot is the community edition' >&2; exit 1 ;;
    esac
    while [ "$1" != probe ]; do shift; done
    echo "$2 $5" >> "$home/probes"
    [ -e "$home/before-probe" ] && . "$home/before-probe"
    if [ -e "$home/unfit" ] && expr "$2" : ".*$(cat "$home/unfit")" > /dev/null; then
        echo '{"checks": [{"name": "ready", "status": "failed", "detail": "/readyz gives HTTP 503"}]}'; exit 1
    fi
    echo '{"proven": "challenge", "checks": []}' ;;
*) echo "no $*" >&2; exit 125 ;;
esac
"#;

/// See the module.
pub(crate) struct Deployment {
    pub(crate) stage: Stage,
    pub(crate) engine: Arc<Scripted>,
}

impl Deployment {
    /// After `setup` and `secrets`; the first commit's image is in the registry.
    pub(crate) fn new() -> Self {
        let engine = Arc::new(Scripted::default());
        let stage = Stage::ready_with(engine.clone());
        stage.write(".mcp", "A=1\n");
        stage.emulator.cloud().seed_version("mcp-env-dev", "A=1");
        stage.write(
            ".build",
            "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.example.com\n\
             VALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n",
        );
        let deployment = Self { stage, engine };
        let docker = deployment.path("bin/docker");
        for folder in ["bin", "home/tags", "checkout/envs"] {
            std::fs::create_dir_all(deployment.path(folder)).unwrap();
        }
        // The server's size, as it ships.
        let fleet = include_str!("../../../envs/fleet.toml");
        std::fs::write(deployment.path("checkout/envs/fleet.toml"), fleet).unwrap();
        let home = deployment.path("home");
        std::fs::write(&docker, DOCKER.replace("@HOME@", &home.display().to_string())).unwrap();
        std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
        deployment.git(&["init", "--quiet"]);
        deployment.commit("first");
        deployment
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.stage.path(name)
    }

    /// A file that the played docker looks at.
    pub(crate) fn say(&self, name: &str, text: &str) {
        std::fs::write(self.path("home").join(name), text).unwrap();
    }

    fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=T", "-c", "user.email=t@example.com"]).args(args);
        command.current_dir(self.path("checkout"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let finished = Finished::of(&command.env("HOME", self.path("")).output().unwrap());
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.err);
        finished.out.trim().to_owned()
    }

    /// Commits, and puts an image of it into the registry; its digest.
    pub(crate) fn commit(&self, text: &str) -> String {
        std::fs::write(self.path("checkout/Cargo.toml"), format!("[workspace]\n# {text}\n")).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", text]);
        let commit = self.git(&["rev-parse", "HEAD"]);
        let digest = format!("{commit}{}", "0".repeat(64 - commit.len()));
        self.say(&format!("tags/{}", self.git(&["rev-parse", "--short=12", "HEAD"])), &digest);
        digest
    }

    /// The tool, in the checkout, with the played docker.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.stage.command(args);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.path("bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("CARGO_MANIFEST_DIR", self.path("checkout")).current_dir(self.path("checkout"));
        command.env("USER", "ada");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        Finished::of(&self.command(args).output().unwrap())
    }

    /// Runs the tool, which has to end with this code.
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> Finished {
        let finished = self.run(args);
        assert_eq!(finished.code, Some(code), "{args:?}\n{}\n{}", finished.out, finished.err);
        finished
    }

    pub(crate) fn deploy(&self) -> Finished {
        self.ends(0, &["deploy", "dev", "--yes"])
    }

    /// The service's document.
    pub(crate) fn service(&self) -> Value {
        self.stage.emulator.snapshot()["services"][SERVICE].clone()
    }

    /// Where the traffic goes, and under which tags: `[(digest's first letters, percent, tag)]`.
    pub(crate) fn traffic(&self) -> Vec<(String, u64, String)> {
        let service = self.service();
        let entries = service["status"]["traffic"].as_array().cloned().unwrap_or_default();
        let target = |entry: &Value| {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            (text("revisionName"), entry["percent"].as_u64().unwrap_or(0), text("tag"))
        };
        entries.iter().map(target).collect()
    }

    /// The revision that gets everything.
    pub(crate) fn serving(&self) -> String {
        let traffic = self.traffic();
        assert!(matches!(traffic.as_slice(), [(_, 100, tag)] if tag.is_empty()), "{traffic:?}");
        traffic[0].0.clone()
    }

    /// The first revision that gets traffic, and its share.
    pub(crate) fn serving_share(&self) -> (String, u64) {
        let traffic = self.traffic().into_iter().find(|(_, percent, _)| *percent > 0);
        traffic.map(|(revision, percent, _)| (revision, percent)).unwrap()
    }

    pub(crate) fn probes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("home/probes")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The writes since the last call, without the host and the project.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.stage.emulator.take_calls();
        let line = |line: String| {
            let path = line.split_whitespace().nth(2).unwrap_or_default();
            let path = path.split(['?']).next().unwrap_or_default();
            let method = line.split_whitespace().nth(1).unwrap_or_default();
            format!("{method} {}", path.rsplit('/').next().unwrap_or_default())
        };
        calls.iter().filter(|call| call.is_write()).map(|call| line(call.line())).collect()
    }

    /// Whether somebody holds the lock.
    pub(crate) fn is_locked(&self) -> bool {
        !self.stage.emulator.snapshot()["secrets"]["validibot-mcp-deploy-lock-dev"].is_null()
    }
}
