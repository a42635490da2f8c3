//! What people read: every command's help, and every error that a wrong command line or a wrong file gets.
//!
//! After a change that is meant: `UPDATE_EXPECT=1 cargo test -p xtask --test golden`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use clap::{Command as Clap, CommandFactory as _};
use expect_test::expect_file;
use xtask::cli::Cli;

#[test]
fn help() {
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let mut text = xtask::core::output::plain(&xtask::commands::help::overview(100));
    text += "\n──── cargo xtask help all\n\n";
    text += &xtask::core::output::plain(&xtask::commands::help::all(100));
    pages(&mut cli, &mut text);
    expect_file!["golden/help.txt"].assert_eq(&text);
}

fn pages(command: &mut Clap, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let help = command.clone().term_width(100).render_long_help();
    let _ = write!(text, "\n──── {name} --help\n\n{help}");
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        pages(inner, text);
    }
}

/// An environment tree to run commands against; the paths in their answers begin with TREE.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The command line, its exit code and everything it says.
    fn run(&self, args: &[&str], environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).args(["--envs".as_ref(), self.path().as_os_str()]);
        for variable in envs::VARIABLES.iter().flat_map(|area| area.iter()) {
            command.env_remove(variable.name);
        }
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let set =
            environment.iter().fold(String::new(), |set, (name, value)| format!("{set}{name}={value} "));
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap().replace(&self.path().display().to_string(), "TREE");
        format!("$ {set}cargo xtask {}\n{said}[exit {}]\n\n", args.join(" "), output.status.code().unwrap())
    }
}

#[test]
fn errors() {
    let tree = Tree::new(&[
        ("local/.build", "# switches\nENABLE_MCP_SERVER=maybe\n"),
        (
            "dev/google-cloud/.build",
            "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_BASEURL=https://mcp.acme.example\nAPP_OWN_SWITCH=1\n\
             VALIDIBOT_MCP_ENABLED=perhaps\nENABLE_MCP_SERVER=yes\n",
        ),
        (
            "dev/google-cloud/.mcp",
            "VALIDIBOT_OAUTH_CLIENT_SECRET='short'\nVALIDIBOT_MCP_SEAL_KEYS='<id:base64 of 32 random bytes>'\n\
             GCP_PROJECT_ID=acme-prod\nSOMETHING_ELSE=1\n",
        ),
        ("dev/google-cloud/.django", "odd = line\nIDP_OIDC_MCP_SERVER_CLIENT_SECRET='longer'\n"),
        ("staging/google-cloud/.gcp", "GCP_PROJECT_ID = acme\nGCP_REGION=$REGION\n"),
    ]);
    let mut text = String::new();
    for args in [
        &["lokal"][..],
        &["local"],
        &["local", "up", "--runner", "podman"],
        &["local", "up", "--port", "8001"],
        &["local", "up", "--mcp-port", "0"],
        &["local", "up", "--pro"],
        &["local", "logs", "--state-dir", "/nonexistent"],
        &["local", "clean", "--state-dir", "/"],
        &["env", "explain", "VALIDIBOT_API_BASEURL"],
        &["env", "explain", "DATABASE"],
        &["env", "explain", "e2e"],
        &["secrets", "dev"],
        &["doctor", "gcp", "local"],
        &["env", "explain", "PORT", "--stage", "production-2"],
        &["env", "check", "dev"],
        &["env", "check", "staging"],
        &["env", "check", "prod"],
        &["test-e2e", "--stage", "prod"],
        &["doctor", "prodd"],
        &["diagnose", "--stage", "prod"],
        &["diagnose", "https://mcp.acme.example", "--stage", "prod", "--token"],
        &["completions", "tcsh"],
    ] {
        text += &tree.run(args, &[]);
    }
    text += &tree.run(&["local", "up", "--pro"], &[("ENABLE_MCP_SERVER", "on")]);
    text += &Tree::new(&[]).run(&["generate", "--chek"], &[]);
    expect_file!["golden/errors.txt"].assert_eq(&text);
}

/// None of these starts a program: mistakes in arguments and files are reported before anything is read.
#[test]
fn errors_of_gcp() {
    let tree = Tree::new(&[
        ("dev/google-cloud/.build", "ENABLE_MCP_SERVER=true\n"),
        (
            "dev/google-cloud/.gcp",
            "GCP_PROJECT_ID=Acme\nGCP_REGION=europe\nGCP_APP_NAME=-x\n\
             GCP_REGISTRY_HOST=https://registry.example\nGCP_SECRET_VERSIONS_TO_KEEP=none\n",
        ),
        ("staging/google-cloud/.build", "ENABLE_MCP_SERVER=true\n"),
        ("staging/google-cloud/.gcp", "GCP_PROJECT_ID = acme-staging\n"),
        ("production/google-cloud/.build", "ENABLE_MCP_SERVER=no # until the contract is signed\n"),
    ]);
    let bare = Tree::new(&[
        ("dev/google-cloud/.build", "ENABLE_MCP_SERVER=true\n"),
        ("dev/google-cloud/.gcp", "GCP_REGION=europe\n"),
        ("staging/google-cloud/.build", "ENABLE_MCP_SERVER=true\n"),
        ("staging/google-cloud/.gcp", "GCP_PROJECT_ID=acme-staging\n"),
        ("production/google-cloud/.build", "ENABLE_MCP_SERVER=true\n"),
        ("production/google-cloud/.gcp", "GCP_PROJECT_ID=acme-prod\n"),
        (
            "production/google-cloud/.mcp",
            "VALIDIBOT_MCP_SEAL_KEYS='k1:c2hvcnQ='\nVALIDIBOT_LOG_LEVLE=DEBUG\nVALIDIBOT_MCP_ENABLED=perhaps\n",
        ),
    ]);
    let mut text = String::new();
    for args in [
        &["gcp", "setup"][..],
        &["gcp", "setup", "qa"],
        &["gcp", "setup", "dev", "--at-once", "0"],
        &["gcp", "setup", "dev"],
        &["gcp", "build", "staging"],
        &["gcp", "secrets", "prod"],
    ] {
        text += &tree.run(args, &[]);
    }
    text += &tree.run(&["gcp", "setup", "prod"], &[("ENABLE_MCP_SERVER", "of")]);
    for args in [&["gcp", "setup", "dev"][..], &["gcp", "secrets", "staging"], &["gcp", "secrets", "prod"]] {
        text += &bare.run(args, &[]);
    }
    // A stage without any file of its own: all that is missing, and the one command that writes it.
    for args in [&["gcp", "status", "prod", "--check"][..], &["gcp", "deploy", "staging", "--yes"]] {
        text += &Tree::new(&[]).run(args, &[]);
    }
    text += &Tree::new(&[("production/google-cloud/.build", "ENABLE_MCP_SERVER=true\n")])
        .run(&["gcp", "plan", "prod"], &[]);
    expect_file!["golden/gcp-errors.txt"].assert_eq(&text);
}

#[test]
fn explanations() {
    let tree = Tree::new(&[
        (".local/.build", "\nexport ENABLE_MCP_SERVER='yes' # for Pro\n"),
        (".local/.mcp", "VALIDIBOT_MCP_SERVICE_KEY=hush\nVALIDIBOT_LOG_LEVEL=loud\n"),
        (".production/.google-cloud/.just", "export GCP_PROJECT_ID=acme-prod\n"),
        (".production/.google-cloud/.build", "VALIDIBOT_MCP_BASE_URL=https://mcp.acme.example\n"),
        (".production/.google-cloud/.mcp", "VALIDIBOT_MCP_BASE_URL=https://old.acme.example\n"),
    ]);
    let mut text = String::new();
    for args in [
        &["env", "explain", "ENABLE_MCP_SERVER"][..],
        &["env", "explain", "VALIDIBOT_MCP_SERVICE_KEY"],
        &["env", "explain", "VALIDIBOT_LOG_LEVEL"],
        &["env", "explain", "VALIDIBOT_MCP_SEAL_KEYS"],
        &["env", "explain", "GCP_PROJECT_ID", "--stage", "prod"],
        &["env", "explain", "VALIDIBOT_MCP_BASE_URL", "--stage", "prod", "--json"],
    ] {
        text += &tree.run(args, &[]);
    }
    text += &tree.run(&["env", "explain", "ENABLE_MCP_SERVER"], &[("ENABLE_MCP_SERVER", "false")]);
    assert!(!text.contains("hush"));
    expect_file!["golden/explanations.txt"].assert_eq(&text);
}

#[test]
fn a_fresh_environment_is_in_order_once_its_examples_are_replaced() {
    let tree = Tree::new(&[]);
    let init = tree.run(&["env", "init", "self-hosted"], &[]);
    // Which line it is depends on how many variables there are.
    let lines = init.split_inclusive('\n').map(|line| match line.split_once(".mcp:") {
        Some((path, rest)) => format!("{path}.mcp:LINE:{}", rest.split_once(':').unwrap().1),
        None => line.to_owned(),
    });
    expect_file!["golden/init.txt"].assert_eq(&lines.collect::<String>());
    let again = tree.run(&["env", "init", "self-hosted"], &[]);
    assert!(again.contains("left TREE/production/self-hosted/.mcp as it is"), "{again}");
    let check = tree.run(&["env", "check", "self-hosted"], &[]);
    assert!(check.contains(".test:") && check.contains("placeholder"), "{check}");
    std::fs::remove_file(tree.path().join("production/self-hosted/.test")).unwrap();
    let check = tree.run(&["env", "check", "self-hosted"], &[]);
    assert!(check.contains("still holds the template's example") && check.contains("[exit 64]"), "{check}");
    let mcp = tree.path().join("production/self-hosted/.mcp");
    let text = std::fs::read_to_string(&mcp).unwrap().replace(".example.com", ".acme.example");
    std::fs::write(&mcp, text).unwrap();
    let check = tree.run(&["env", "check", "self-hosted"], &[]);
    assert!(check.contains("nothing is wrong") && check.contains("[exit 0]"), "{check}");
}

#[test]
fn a_stage_whose_settings_file_is_gone_is_not_in_order_and_a_closed_gate_is_named() {
    let tree = Tree::new(&[]);
    let init = tree.run(&["env", "init", "dev"], &[]);
    let gate = "TREE/dev/google-cloud/.build:6";
    assert!(init.contains(&format!("{gate}: ENABLE_MCP_SERVER: the gate is closed")), "{init}");
    let file = |name: &str| tree.path().join("dev/google-cloud").join(name);
    std::fs::remove_file(file(".test")).unwrap();
    for name in [".gcp", ".build", ".mcp"] {
        let text = std::fs::read_to_string(file(name)).unwrap();
        let text =
            text.replace("example.com", "acme.test").replace("GCP_PROJECT_ID=", "GCP_PROJECT_ID=acme-dev-");
        std::fs::write(file(name), text).unwrap();
    }
    let check = tree.run(&["env", "check", "dev"], &[]);
    assert!(check.contains("[exit 0]") && check.contains(&format!("the gate is closed: {gate}")), "{check}");
    std::fs::write(file(".test"), "VALIDIBOT_E2E_URL=https://mcp.acme.test\n").unwrap();
    let test = tree.run(&["test-e2e", "--stage", "dev"], &[]);
    assert!(test.contains("  VALIDIBOT_E2E_TOKEN=") && test.contains("[exit 64]"), "{test}");
    assert!(!test.contains("VALIDIBOT_E2E_URL=") && !test.contains("VALIDIBOT_E2E_ORG_SLUG"), "{test}");

    std::fs::remove_file(file(".mcp")).unwrap();
    let check = tree.run(&["env", "check", "dev"], &[("ENABLE_MCP_SERVER", "true")]);
    let missing =
        "TREE/dev/google-cloud/.mcp: does not exist; write it from its template: cargo xtask env init dev";
    assert!(check.contains(missing) && check.contains("[exit 64]"), "{check}");
    assert!(!check.contains("the gate is closed"), "{check}");
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let tree = Tree::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(tree.run(&["completions", shell], &[]).contains("rebuild"), "{shell}");
    }
    let pages = tree.path().join("man");
    assert!(tree.run(&["man", &pages.display().to_string()], &[]).contains("[exit 0]"));
    for page in ["xtask.1", "xtask-local-up.1", "xtask-env-explain.1"] {
        assert!(std::fs::read_to_string(pages.join(page)).unwrap().contains(".SH NAME"), "{page}");
    }
}
