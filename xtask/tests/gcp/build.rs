//! `gcp build`, on a real engine and a real registry on loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gcp_emulator::is_here;
use tempfile::TempDir;

use crate::stage::{Finished, Stage};

/// A registry that ends with the test.
struct Registry {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
            folder.path().join("data").display()
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < Duration::from_mins(1), "the registry did not come up");
            std::thread::yield_now();
        }
        Self { child, address, _folder: folder }
    }

    /// The manifest's status and digest, asked of the registry itself.
    fn manifest(&self, path: &str) -> (bool, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
        let request = format!(
            "HEAD /v2/{path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let digest = answer.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: "));
        (answer.contains(" 200 "), digest.unwrap_or_default().trim().to_owned())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A checkout with an image of its own, and a stage that pushes to the registry.
struct Checkout {
    stage: Stage,
    registry: Registry,
}

impl Checkout {
    fn new() -> Self {
        let checkout = Self { stage: Stage::dev(), registry: Registry::start() };
        let host = checkout.registry.address;
        let settings = format!("GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\nGCP_REGISTRY_HOST={host}\n");
        checkout.stage.write(".gcp", &settings);
        let root = checkout.root();
        std::fs::create_dir_all(root.join("server")).unwrap();
        std::fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
        std::fs::write(root.join("server/Dockerfile"), "FROM scratch\nCOPY Cargo.toml /\n").unwrap();
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
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", text]);
        self.git(&["rev-parse", "--short", "HEAD"])
    }

    fn build(&self, args: &[&str]) -> Finished {
        let mut command = self.stage.command(&[&["build", "dev"], args].concat());
        command.env("CARGO_MANIFEST_DIR", self.root()).current_dir(self.root());
        Finished::of(&command.output().unwrap())
    }

    fn digest(&self, tag: &str) -> String {
        self.registry.manifest(&format!("demo-proj/validibot/validibot-mcp/manifests/{tag}")).1
    }
}

impl Drop for Checkout {
    /// Takes the images off the engine: their names carry the registry's port, so they are this test's own.
    fn drop(&mut self) {
        let docker = |args: &[&str]| Command::new("docker").args(args).output();
        let name = format!("{}/demo-proj/validibot/validibot-mcp", self.registry.address);
        let listed = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", &name]);
        for image in listed.map(|output| Finished::of(&output).out).unwrap_or_default().lines() {
            let _ = docker(&["image", "rm", image]);
        }
    }
}

/// Whether there is an engine that answers, with what it needs, and a registry.
fn engine_is_here(test: &str) -> bool {
    let answers = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    is_here(
        test,
        "a docker engine with buildx",
        answers("docker", &["version"]) && answers("docker", &["buildx", "version"]),
    ) && is_here(test, "docker-registry", answers("docker-registry", &["--version"]))
}

#[test]
fn a_commit_is_built_once_and_named_by_its_digest() {
    if !engine_is_here("a_commit_is_built_once_and_named_by_its_digest") {
        return;
    }
    let checkout = Checkout::new();
    let first = checkout.git(&["rev-parse", "--short", "HEAD"]);
    let built = checkout.build(&["--yes"]);
    assert_eq!(built.code, Some(0), "{}", built.err);
    let digest = checkout.digest(&first);
    assert!(
        digest.starts_with("sha256:") && built.out.trim_end().ends_with(&format!("validibot-mcp@{digest}"))
    );
    assert_eq!(checkout.digest("latest"), digest);

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
fn a_tree_that_is_not_the_commit_says_so_in_its_tag() {
    if !engine_is_here("a_tree_that_is_not_the_commit_says_so_in_its_tag") {
        return;
    }
    let checkout = Checkout::new();
    std::fs::write(checkout.root().join("Cargo.toml"), "[workspace]\n# changed\n").unwrap();
    let refused = checkout.build(&["--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("Cargo.toml") && refused.err.contains("--allow-dirty"), "{}", refused.err);
    let built = checkout.build(&["--yes", "--allow-dirty"]);
    assert_eq!(built.code, Some(0), "{}", built.err);
    let tag = format!("{}-dirty", checkout.git(&["rev-parse", "--short", "HEAD"]));
    assert!(checkout.digest(&tag).starts_with("sha256:"));
}

#[test]
fn a_registry_that_is_down_is_not_an_empty_one() {
    if !engine_is_here("a_registry_that_is_down_is_not_an_empty_one") {
        return;
    }
    let mut checkout = Checkout::new();
    checkout.registry.child.kill().unwrap();
    checkout.registry.child.wait().unwrap();
    let refused = checkout.build(&["--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("could not tell what is there"), "{}", refused.err);
}
