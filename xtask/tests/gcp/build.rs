//! `gcp build`, on a real engine and a real registry on loopback.

use std::path::PathBuf;
use std::process::Command;

use gcp_emulator::{Registry, installed};
use serde_json::json;
use test_support::{require, toolchain};

use crate::stage::{Finished, Stage};

/// A checkout with an image of its own, and a stage that pushes to the registry.
struct Checkout {
    stage: Stage,
    registry: Registry,
}

impl Checkout {
    fn new() -> Self {
        let checkout = Self { stage: Stage::dev(), registry: Registry::start().unwrap() };
        let host = checkout.registry.address();
        let settings = format!("GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\nGCP_REGISTRY_HOST={host}\n");
        checkout.stage.write(".gcp", &settings);
        let root = checkout.root();
        std::fs::create_dir_all(root.join("server")).unwrap();
        std::fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
        let dockerfile = "FROM scratch\nCOPY Cargo.toml target/image/prebuilt/validibot-mcp /\n";
        std::fs::write(root.join("server/Dockerfile"), dockerfile).unwrap();
        std::fs::write(root.join(".gitignore"), "target\n").unwrap();
        toolchain::stand_in(&checkout.stage.path("bin"), &root).unwrap();
        checkout.git(&["init", "--quiet"]);
        checkout.commit("first");
        checkout
    }

    fn root(&self) -> PathBuf {
        self.stage.path("checkout")
    }

    fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
            .args(args)
            .current_dir(self.root());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let finished = Finished::of(&command.env("HOME", self.stage.path("")).output().unwrap());
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.err);
        finished.out.trim().to_owned()
    }

    /// Commits a change to what the image holds; the short name of the commit.
    fn commit(&self, text: &str) -> String {
        std::fs::write(self.root().join("Cargo.toml"), format!("[workspace]\n# {text}\n")).unwrap();
        // What an operator's configuration may say, and what must not change an image's name.
        self.git(&["config", "core.abbrev", "5"]);
        self.git(&["config", "status.showUntrackedFiles", "no"]);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", text]);
        self.git(&["rev-parse", "--short=12", "HEAD"])
    }

    fn build(&self, args: &[&str]) -> Finished {
        Finished::of(&self.command(&[&["build", "dev"], args].concat()).output().unwrap())
    }

    /// The tool, in the checkout, with a toolchain that compiles nothing.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.stage.command(args);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.stage.path("bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("CARGO_MANIFEST_DIR", self.root()).current_dir(self.root());
        command
    }

    /// The label of the image that the engine has under this tag.
    fn label(&self, tag: &str, name: &str) -> String {
        let image = format!("{}/demo-proj/validibot/validibot-mcp:{tag}", self.registry.address());
        let format = format!("{{{{index .Config.Labels \"{name}\"}}}}");
        let output = Command::new("docker").args(["image", "inspect", "--format", &format, &image]).output();
        Finished::of(&output.unwrap()).out.trim().to_owned()
    }

    fn digest(&self, tag: &str) -> String {
        let image = format!("demo-proj/validibot/validibot-mcp:{tag}");
        self.registry.digest(&image).unwrap().unwrap_or_default()
    }
}

impl Drop for Checkout {
    /// Takes the images off the engine: their names carry the registry's port, so they are this test's own.
    fn drop(&mut self) {
        let docker = |args: &[&str]| Command::new("docker").args(args).output();
        let name = format!("{}/demo-proj/validibot/validibot-mcp", self.registry.address());
        let listed = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", &name]);
        for image in listed.map(|output| Finished::of(&output).out).unwrap_or_default().lines() {
            let _ = docker(&["image", "rm", image]);
        }
    }
}

#[test]
fn a_commit_is_built_once_and_named_by_its_digest() {
    require!(installed::engine());
    let checkout = Checkout::new();
    let first = checkout.git(&["rev-parse", "--short=12", "HEAD"]);
    let planned = checkout.build(&["--dry-run"]);
    for part in
        ["VALIDIBOT_MCP_COMMIT=", "VERSION=", "CREATED=2", "docker push", "3 changes", "SUM_OF_THE_BILL"]
    {
        assert!(planned.out.contains(part), "{part}: {}", planned.out);
    }
    assert_eq!(checkout.digest(&first), "", "a dry run");
    let built = checkout.build(&["--yes"]);
    assert_eq!(built.code, Some(0), "{}", built.err);
    let digest = checkout.digest(&first);
    assert!(
        digest.starts_with("sha256:") && built.out.trim_end().ends_with(&format!("validibot-mcp@{digest}"))
    );
    assert_eq!(checkout.digest("latest"), digest);
    // As every image of the server has one.
    let bill = std::fs::read(checkout.root().join("target/image/validibot-mcp.cdx.json")).unwrap();
    let sum =
        hmac_sha256::Hash::hash(&bill).iter().fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"));
    assert_eq!(checkout.label("latest", "io.validibot.mcp.sbom"), format!("sha256:{sum}"));
    let commit = checkout.git(&["rev-parse", "HEAD"]);
    assert!(String::from_utf8(bill).unwrap().contains(&commit), "it names the commit");

    let again = checkout.build(&[]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.out.contains("nothing to do") && again.out.contains(&digest), "{}", again.out);

    let second = checkout.commit("second");
    assert_eq!(checkout.build(&["--yes"]).code, Some(0));
    assert_ne!(checkout.digest(&second), digest);
    // Back to the first commit: its image is there, only the moving tag has to follow.
    checkout.git(&["checkout", "--quiet", &first]);
    let back = checkout.build(&["--yes"]);
    assert!(back.out.contains("1 change") && back.out.contains("latest"), "{}{}", back.out, back.err);
    assert_eq!(checkout.digest("latest"), digest);
}

#[test]
fn an_empty_project_gets_what_the_contract_names_and_the_second_time_nothing() {
    require!(installed::gcloud());
    require!(installed::engine());
    let checkout = Checkout::new();
    let emulator = &checkout.stage.emulator;
    let all = |args: &[&str]| {
        let mut said = String::new();
        for task in ["setup", "secrets", "build"] {
            let mut command = checkout.command(&[&[task, "dev", "--verbose"], args].concat());
            let finished = Finished::of(&command.output().unwrap());
            assert_eq!(finished.code, Some(0), "{task}: {}\n{}", finished.out, finished.err);
            said += &(finished.out + &finished.err);
        }
        said
    };
    all(&["--yes"]);
    let project = emulator.snapshot();
    let account = "validibot-mcp-dev@demo-proj.iam.gserviceaccount.com";
    assert!(project["serviceAccounts"].to_string().contains(account), "{project}");
    assert_eq!(project["repositories"], json!(["us-west1/validibot"]));
    let secret = &project["secrets"]["mcp-env-dev"];
    assert_eq!(secret["versions"], json!({"1": "ENABLED"}));
    let member = format!("serviceAccount:{account}");
    let accessor = json!([{"role": "roles/secretmanager.secretAccessor", "members": [member]}]);
    assert_eq!(secret["policy"], accessor);
    let digest = checkout.digest("latest");
    assert!(digest.starts_with("sha256:"));

    emulator.take_calls();
    let said = all(&[]);
    assert_eq!(said.matches("nothing to do").count(), 3, "{said}");
    assert_eq!(emulator.writes(), [""; 0]);
    assert!(!emulator.calls().is_empty(), "it looked");
    for write in ["running: docker push", "running: docker build ", "imagetools create"] {
        assert!(!said.contains(write), "{write}\n{said}");
    }
    assert_eq!(checkout.digest("latest"), digest);
    assert_eq!(emulator.unexpected(), [""; 0]);
}

#[test]
fn a_tree_that_is_not_the_commit_says_so_in_its_tag() {
    require!(installed::engine());
    let checkout = Checkout::new();
    checkout.git(&["config", "status.showUntrackedFiles", "no"]);
    std::fs::write(checkout.root().join("unknown.rs"), "").unwrap();
    let refused = checkout.build(&["--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("unknown.rs"), "a file that git does not know: {}", refused.err);
    std::fs::remove_file(checkout.root().join("unknown.rs")).unwrap();
    std::fs::write(checkout.root().join("Cargo.toml"), "[workspace]\n# changed\n").unwrap();
    let refused = checkout.build(&["--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("Cargo.toml") && refused.err.contains("--allow-dirty"), "{}", refused.err);
    let built = checkout.build(&["--yes", "--allow-dirty"]);
    assert_eq!(built.code, Some(0), "{}", built.err);
    let tag = format!("{}-dirty", checkout.git(&["rev-parse", "--short=12", "HEAD"]));
    assert!(checkout.digest(&tag).starts_with("sha256:"));
}

#[test]
fn a_registry_that_is_down_is_not_an_empty_one() {
    require!(installed::engine());
    let mut checkout = Checkout::new();
    checkout.registry.kill().unwrap();
    let refused = checkout.build(&["--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("could not tell what is there"), "{}", refused.err);
}
