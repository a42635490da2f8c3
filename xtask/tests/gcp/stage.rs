//! A stage with its files, an emulated project, and ways to run the tool and gcloud against it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use gcp_emulator::{Emulator, Engine, Options};
use tempfile::TempDir;

/// The APIs that `gcp setup` turns on.
pub(crate) const APIS: [&str; 6] = [
    "artifactregistry.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
];

/// A folder of environment files and the project that they belong to.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) emulator: Emulator,
}

impl Stage {
    /// A dev stage of an empty project, with an open gate and a filled-in `.mcp`.
    pub(crate) fn dev() -> Self {
        Self::dev_with(Options::default())
    }

    fn dev_with(options: Options) -> Self {
        let emulator = Emulator::start_with(options).unwrap();
        let stage = Self { folder: tempfile::tempdir().unwrap(), emulator };
        stage.write(".gcp", "GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\n");
        stage.write(".build", "ENABLE_MCP_SERVER=true\n");
        stage.write(".mcp", &mcp("sentinel-one"));
        stage
    }

    /// As [`Stage::dev`], after `gcp setup`.
    pub(crate) fn ready() -> Self {
        Self::dev().set_up()
    }

    /// As [`Stage::ready`], with revisions that come up as this engine says.
    pub(crate) fn ready_with(engine: Arc<dyn Engine>) -> Self {
        Self::ready_as(Options { engine, ..Options::default() })
    }

    /// As [`Stage::ready`], of a project like this.
    pub(crate) fn ready_as(options: Options) -> Self {
        Self::dev_with(options).set_up()
    }

    fn set_up(self) -> Self {
        let stage = self;
        let mut cloud = stage.emulator.cloud();
        cloud.enable(&APIS);
        let account = format!("serviceAccount:{}", cloud.seed_account("validibot-mcp-dev"));
        cloud.seed_repository("us-west1", "validibot");
        cloud.seed_secret("mcp-env-dev");
        cloud.bind_secret("mcp-env-dev", "roles/secretmanager.secretAccessor", &account);
        drop(cloud);
        stage
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join("envs/dev/google-cloud").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The tool, ready to be run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.emulator.env()).stdin(Stdio::null());
        command.arg("--envs").arg(self.path("envs")).arg("gcp").args(args);
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        Finished::of(&self.command(args).output().unwrap())
    }

    /// Runs the tool, which has to succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Finished {
        let finished = self.run(args);
        assert_eq!(finished.code, Some(0), "{args:?}\n{}\n{}", finished.out, finished.err);
        finished
    }

    /// gcloud itself, as an operator's own hand.
    pub(crate) fn gcloud(&self, args: &[&str]) -> Finished {
        self.gcloud_told(args, "")
    }

    /// The same, with something on its standard input.
    pub(crate) fn gcloud_told(&self, args: &[impl AsRef<OsStr>], input: &str) -> Finished {
        let mut command = Command::new("gcloud");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.emulator.env()).args(args).arg("--quiet");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that does not read is told nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Finished::of(&child.wait_with_output().unwrap())
    }
}

/// How a program ended, and what it said.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// A `.mcp` that passes the checks; `secret` stands in it.
pub(crate) fn mcp(secret: &str) -> String {
    let key = format!("k1:{}=", "A".repeat(43));
    format!(
        "VALIDIBOT_OAUTH_CLIENT_SECRET={secret}-0123456789abcdef0123456789abcdef\n\
         VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL=https://app.example.com\n\
         VALIDIBOT_MCP_SEAL_KEYS={key}\n"
    )
}
