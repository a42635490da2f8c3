//! The Dockerfile's own stage compiles the same program as this machine, bit for bit. It takes longer than all other tests of images
//! together, and is no part of `cargo test`: `cargo xtask verify` runs it.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use suite::docker::{RELEASE_IMAGE, docker, engine, release_image};
use suite::process::{self, on_path};
use suite::{require, workspace};
use tokio::process::Command;

/// Compiling everything with full optimisation, on a busy machine.
const DEADLINE: Duration = Duration::from_hours(1);

#[tokio::test]
async fn the_builder_stage_and_this_machine_make_the_same_program() {
    require!(engine().await);
    require!(on_path("debootstrap").map(|_| ()).ok_or_else(|| "no debootstrap on the PATH".to_owned()));
    release_image().await;
    let base = "validibot-mcp-builder:test";
    let script = workspace().join("tests/suite/builder-image");
    let made = process::run(Command::new("bash").arg(script).arg(base), DEADLINE).await.expect("it ends");
    let _ = made.expect_success("builder-image");

    let revision = "{{index .Config.Labels \"org.opencontainers.image.revision\"}}";
    let revision = docker(&["image", "inspect", "--format", revision, RELEASE_IMAGE]).await;
    let built = "validibot-mcp:built-in-docker";
    let mut compile = Command::new("docker");
    // Without a network: everything that it is made from is in the base image.
    compile
        .args([
            "build",
            "--network",
            "none",
            "--provenance=false",
            "--file",
            "server/Dockerfile",
            "--tag",
            built,
        ])
        .args(["--build-arg", "SOURCE=built", "--build-arg", &format!("BUILDER={base}")])
        .args(["--build-arg", &format!("VALIDIBOT_MCP_COMMIT={revision}"), "."])
        .current_dir(workspace());
    let _ = process::run(&mut compile, DEADLINE).await.expect("it ends").expect_success("docker build");

    let folder = tempfile::tempdir().expect("a folder");
    let here = program(RELEASE_IMAGE, &folder.path().join("here")).await;
    let there = program(built, &folder.path().join("there")).await;
    docker(&["image", "rm", "--force", built, base]).await;
    let rustc =
        process::run(Command::new("rustc").args(["--print", "sysroot"]), DEADLINE).await.expect("it ends");
    let sysroot = rustc.expect_success("rustc").stdout.trim().to_owned();
    for place in [sysroot.as_bytes(), workspace().as_os_str().as_encoded_bytes()] {
        let name = String::from_utf8_lossy(place);
        assert!(place_of(&here, place).is_none(), "where it was compiled shows in the program: {name}");
    }
    let (here, there) = (hash(&here), hash(&there));
    assert_eq!(here, there, "another folder and another machine gave another program");
    suite::skip::say(&format!("the server compiled here and in the Dockerfile's stage: {here}"));
}

/// The program in an image.
async fn program(image: &str, copy: &Path) -> Vec<u8> {
    let container = docker(&["create", image]).await;
    docker(&["cp", &format!("{container}:/validibot-mcp"), &copy.display().to_string()]).await;
    docker(&["rm", &container]).await;
    std::fs::read(copy).expect("the program was copied")
}

/// Where in the bytes these stand.
fn place_of(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn hash(program: &[u8]) -> String {
    Sha256::digest(program).iter().fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"))
}
