//! What can be wrong with an engine is said in a sentence. None of these tests needs one.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use suite::process::Output;
use suite::xtask::Xtask;

/// Runs `local up` with this folder alone on the `PATH`.
async fn up_with_path(xtask: &Xtask, programs: &[(&str, &str)]) -> Output {
    let bin = xtask.path("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    for (name, script) in programs {
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is a program");
    }
    let state = xtask.path("state").display().to_string();
    let arguments = ["local", "up", "--pro", "--runner", "docker", "--state-dir", &state];
    let mut command = xtask.command(Some("true"), &arguments);
    command.env("PATH", &bin);
    suite::process::run(&mut command, std::time::Duration::from_mins(2)).await.expect("it ends")
}

#[track_caller]
fn assert_says(output: &Output, sentences: &[&str]) {
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    for sentence in sentences {
        assert!(output.stderr.contains(sentence), "{sentence:?} is not said:\n{}", output.stderr);
    }
}

#[tokio::test]
async fn no_docker_at_all() {
    let output = up_with_path(&Xtask::new(), &[]).await;
    assert_says(&output, &["docker is not on the PATH", "--runner native"]);
    // A self-hosted server runs in a container and in no other way.
    let xtask = Xtask::new();
    let mut build = xtask.command(Some("true"), &["self-hosted", "build"]);
    build.env("PATH", xtask.path("nothing"));
    let output = suite::process::run(&mut build, std::time::Duration::from_mins(2)).await.expect("it ends");
    assert_says(&output, &["docker is not on the PATH"]);
    assert!(!output.stderr.contains("--runner"), "{}", output.stderr);
}

#[tokio::test]
async fn an_engine_that_does_not_answer() {
    let script = "echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1";
    let output = up_with_path(&Xtask::new(), &[("docker", script)]).await;
    assert_says(&output, &["the Docker engine does not answer", "Cannot connect", "hint: start it"]);
}

#[tokio::test]
async fn an_engine_without_compose() {
    let script = "case $1 in version) echo 26.1.5 ;; *) exit 1 ;; esac";
    let output = up_with_path(&Xtask::new(), &[("docker", script)]).await;
    assert_says(&output, &["docker compose is not installed", "2.24 or newer"]);
}

#[tokio::test]
async fn engines_and_compose_that_are_too_old() {
    let output = up_with_path(&Xtask::new(), &[("docker", "echo 20.10.24")]).await;
    assert_says(&output, &["the Docker engine is too old: 20.10.24; 23.0 is needed"]);
    let docker = "case $1 in version) echo 26.1.5 ;; *) exit 1 ;; esac";
    let output = up_with_path(&Xtask::new(), &[("docker", docker), ("docker-compose", "echo 1.29.2")]).await;
    assert_says(&output, &["docker compose is too old: 1.29.2; 2.24 is needed"]);
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let docker = "case $1 in version) echo 26.1.5 ;; compose) echo 2.26.1 ;; esac";
    let xtask = Xtask::new();
    let bin = xtask.path("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    std::fs::write(bin.join("docker"), format!("#!/bin/sh\n{docker}\n")).expect("a script");
    std::fs::set_permissions(bin.join("docker"), std::fs::Permissions::from_mode(0o755)).expect("a program");
    let (state, port) = (xtask.path("state").display().to_string(), port.to_string());
    let arguments = ["local", "up", "--runner", "docker", "--port", &port, "--state-dir", &state];
    let mut command = xtask.command(None, &arguments);
    command.env("PATH", &bin);
    let output = suite::process::run(&mut command, std::time::Duration::from_mins(2)).await.expect("it ends");
    assert_says(&output, &[&format!("port {port}, needed by web, is used by"), "--port"]);
}
