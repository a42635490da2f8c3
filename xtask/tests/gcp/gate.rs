//! The gate comes first: closed, no program is started.

use std::os::unix::fs::PermissionsExt as _;

use crate::stage::{Finished, Stage};

/// Runs the tool with programs on PATH that leave a mark when they are started.
fn run(stage: &Stage, args: &[&str], gate: Option<&str>) -> (Finished, bool) {
    let (folder, mark) = (stage.path("bin"), stage.path("started"));
    std::fs::create_dir_all(&folder).unwrap();
    for program in ["gcloud", "docker", "git"] {
        let path = folder.join(program);
        std::fs::write(&path, format!("#!/bin/sh\n: > '{}'\nexit 1\n", mark.display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = stage.command(args);
    command.env("PATH", &folder);
    if let Some(gate) = gate {
        command.env("ENABLE_MCP_SERVER", gate);
    }
    (Finished::of(&command.output().unwrap()), mark.exists())
}

#[test]
fn closed_it_says_why_and_starts_nothing() {
    for command in ["setup", "build", "secrets", "plan", "deploy", "maintenance on --only=mcp"] {
        let stage = Stage::dev();
        stage.write(".build", "ENABLE_MCP_SERVER=no\n");
        // Not even another file is read: this one is broken.
        stage.write(".gcp", "what is this\n");
        let mut args: Vec<&str> = command.split(' ').collect();
        args.push("dev");
        let (finished, started) = run(&stage, &args, None);
        assert_eq!(finished.code, Some(0), "{}", finished.err);
        let command = command.trim_end_matches(" --only=mcp");
        assert!(finished.err.contains(&format!("gcp {command} dev: skipped")), "{}", finished.err);
        assert!(!started);
    }
}

#[test]
fn the_file_alone_opens_it_and_the_command_line_wins() {
    let stage = Stage::dev();
    let (_, started) = run(&stage, &["setup", "dev"], None);
    assert!(started, "the gate stands open in .build");
    let stage = Stage::dev();
    let (finished, started) = run(&stage, &["setup", "dev"], Some("false"));
    assert!(!started && finished.code == Some(0), "{}", finished.err);
    let (finished, started) = run(&stage, &["setup", "dev"], Some("on"));
    assert!(!started && finished.code == Some(64), "{}", finished.err);
}

#[test]
fn where_it_has_to_be_open_a_closed_gate_is_an_error_of_its_own() {
    for command in ["setup", "build", "secrets", "plan", "deploy", "deploy-all"] {
        let args = [command, "dev", "--require-open"];
        let stage = Stage::dev();
        let (finished, started) = run(&stage, &args, Some(""));
        assert_eq!((finished.code, started), (Some(78), false), "{command}: {}", finished.err);
        assert!(
            finished.err.contains("ENABLE_MCP_SERVER is empty in the process environment"),
            "{}",
            finished.err
        );
        stage.write(".build", "");
        let (finished, _) = run(&stage, &args, None);
        assert_eq!(finished.code, Some(78), "{command}: {}", finished.err);
        assert!(finished.err.contains("off, empty or not set in "), "{}", finished.err);
        std::fs::remove_file(stage.path("envs/dev/google-cloud/.build")).unwrap();
        let (finished, _) = run(&stage, &args, None);
        assert_eq!(finished.code, Some(78), "{command}: {}", finished.err);
        assert!(finished.err.contains("there is no file "), "{}", finished.err);
        let (finished, _) = run(&stage, &args, Some("true"));
        assert_ne!(finished.code, Some(78), "{command}: {}", finished.err);
    }
    let stage = Stage::dev();
    let (finished, started) = run(&stage, &["plan", "prod", "--require-open"], None);
    assert_eq!((finished.code, started), (Some(78), false), "{}", finished.err);
    assert!(finished.err.contains("there is no folder "), "{}", finished.err);
}
