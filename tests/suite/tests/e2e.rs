//! `cargo xtask test-e2e` and `cargo xtask diagnose` against a live server, by what the stage's files say.

use std::path::PathBuf;
use std::time::Duration;

use sandbox::{Fault, Route, Sandbox, fixtures};
use suite::binary;
use suite::process::{Output, run};
use suite::server::Server;
use tempfile::TempDir;
use tokio::process::Command;

/// The tool builds the server where that is not done yet.
const DEADLINE: Duration = Duration::from_mins(10);

/// A live server, and the files of a stage that names it.
struct Stage {
    sandbox: Sandbox,
    server: Server,
    tree: TempDir,
}

impl Stage {
    async fn start() -> Self {
        let sandbox = Sandbox::builder().start().await.expect("a sandbox");
        let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
        Self { sandbox, server, tree: tempfile::tempdir().expect("a folder") }
    }

    fn write(&self, text: &str) {
        let path = self.file();
        std::fs::create_dir_all(path.parent().expect("its folder")).expect("a folder");
        std::fs::write(path, text.replace("{url}", self.server.base())).expect("written");
    }

    fn file(&self) -> PathBuf {
        self.tree.path().join("staging/google-cloud/.test")
    }

    async fn xtask(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary::xtask());
        command.args(args).args(["--stage", "staging"]).arg("--envs").arg(self.tree.path());
        for variable in envs::VARIABLES.iter().flat_map(|area| area.iter()) {
            command.env_remove(variable.name);
        }
        run(&mut command, DEADLINE).await.expect("it ends")
    }
}

fn complete() -> String {
    format!(
        "VALIDIBOT_E2E_URL={{url}}\nVALIDIBOT_E2E_TOKEN='{}'\nVALIDIBOT_E2E_ORG_SLUG=acme\n\
         VALIDIBOT_E2E_WORKFLOW=energy-model\n\
         VALIDIBOT_E2E_GOOD_FILE=tests/sandbox/samples/good-energy-model.json\n\
         VALIDIBOT_E2E_BAD_FILE=tests/sandbox/samples/bad-energy-model.json\n",
        fixtures::DEMO_TOKEN
    )
}

#[tokio::test]
async fn a_live_server_is_taken_through_the_whole_journey() {
    let stage = Stage::start().await;
    stage.write(&complete());
    let output = stage.xtask(&["test-e2e"]).await.expect_success("test-e2e");
    let oks: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("ok ")).collect();
    assert_eq!(oks.len(), 7, "{}", output.stdout);
    assert!(oks[6].contains("fails, 4 findings"), "{}", output.stdout);
    assert!(
        output.stdout.ends_with(" s\n") && output.stdout.contains("7 steps, 0 failed"),
        "{}",
        output.stdout
    );
    let junit = std::fs::read_to_string(suite::workspace().join("target/e2e/junit.xml")).expect("the report");
    assert!(junit.contains(r#"tests="7" failures="0""#), "{junit}");
    let said = format!("{}{}{junit}", output.stdout, output.stderr);
    assert!(!said.contains(fixtures::DEMO_TOKEN), "the token is shown");

    // The same files, without knowledge of what passes: every workflow can be tested.
    stage.write(&complete().lines().take(3).collect::<Vec<_>>().join("\n"));
    let output = stage.xtask(&["test-e2e"]).await.expect_success("test-e2e without files");
    assert!(output.stdout.contains("was judged: FAIL"), "{}", output.stdout);

    // A file that was expected to pass does not.
    stage.write(&complete().replace("good-energy", "bad-energy"));
    let output = stage.xtask(&["test-e2e"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stdout.contains("should pass, and the result is FAIL"), "{}", output.stdout);
    assert!(output.stdout.contains("skipped"), "what comes after is skipped: {}", output.stdout);

    // Validibot fails.
    stage.write(&complete());
    stage.sandbox.misbehave(Route::LaunchRun, Fault::Status(500));
    let output = stage.xtask(&["test-e2e"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stdout.contains("UPSTREAM_UNAVAILABLE"), "{}", output.stdout);

    // `diagnose` takes address and token from the same file.
    let output = stage.xtask(&["diagnose", "--token"]).await.expect_success("diagnose");
    assert!(output.stdout.starts_with(stage.server.base()), "{}", output.stdout);
    assert!(output.stdout.contains("passed       chain 2  list_workflows"), "{}", output.stdout);
    stage.write(&complete().replace(fixtures::DEMO_TOKEN, "vbk_1_unknown"));
    let output = stage.xtask(&["diagnose", "--token"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("FAILED       chain 1  initialize"), "{}", output.stdout);
    let output = stage.xtask(&["test-e2e"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("does not accept VALIDIBOT_E2E_TOKEN"), "{}", output.stdout);
}

#[tokio::test]
async fn what_is_not_written_down_is_asked_for() {
    let stage = Stage::start().await;
    let file = stage.file().display().to_string();
    let refused = async |words: &[&str]| {
        let output = stage.xtask(&["test-e2e"]).await;
        assert_eq!(output.code, Some(64), "{}", output.stderr);
        for word in words.iter().chain(&[file.as_str()]) {
            assert!(output.stderr.contains(word), "{word} is not in {}", output.stderr);
        }
    };
    refused(&["VALIDIBOT_E2E_URL=", "VALIDIBOT_E2E_TOKEN=", "cargo xtask env init staging"]).await;
    stage.write("VALIDIBOT_E2E_URL={url}\n");
    refused(&["no token", "VALIDIBOT_E2E_TOKEN='vbk_1_…'"]).await;
    stage.write("VALIDIBOT_E2E_URL={url}\nVALIDIBOT_E2E_TOKEN='<an API token of a test user>'\n");
    refused(&["no token"]).await;
    stage.write("VALIDIBOT_E2E_TOKEN = x\n");
    refused(&[".test:1"]).await;
    stage.write(&complete().replace("good-energy-model", "no-such-model"));
    refused(&["VALIDIBOT_E2E_GOOD_FILE", ".test:5", "no-such-model"]).await;
}

/// `validibot-mcp validate` with the demo token.
async fn validate(server: &Server, token: Option<&str>, args: &[&str]) -> Output {
    let samples = suite::workspace().join("tests/sandbox/samples");
    let mut command = Command::new(binary::validibot_mcp());
    command
        .arg("validate")
        .arg(server.base())
        .args(["--org", fixtures::ACME])
        .args(args)
        .current_dir(samples);
    match token {
        Some(token) => command.env("VALIDIBOT_E2E_TOKEN", token),
        None => command.env_remove("VALIDIBOT_E2E_TOKEN"),
    };
    run(&mut command, DEADLINE).await.expect("it ends")
}

#[tokio::test]
async fn files_are_validated_from_a_shell() {
    let stage = Stage::start().await;
    let token = Some(fixtures::DEMO_TOKEN);
    let energy = ["--workflow", fixtures::ENERGY_MODEL];
    let of = |files: &[&'static str]| [&energy, files].concat();
    let good = validate(&stage.server, token, &of(&["good-energy-model.json"])).await;
    assert_eq!(
        (good.code, good.stdout.as_str()),
        (Some(0), "good-energy-model.json: PASS\n"),
        "{}",
        good.stderr
    );

    let both =
        validate(&stage.server, token, &of(&["bad-energy-model.json", "good-energy-model.json"])).await;
    assert_eq!(both.code, Some(2), "{}", both.stderr);
    let lines: Vec<_> = both.stdout.lines().collect();
    assert_eq!(lines[0], "bad-energy-model.json: FAIL, 4 findings: 4 ERROR");
    assert_eq!(lines[1], "  ERROR    /building/location/latitude: 153.55 is greater than the maximum of 90");
    assert_eq!((lines.len(), lines[5]), (6, "good-energy-model.json: PASS"), "{}", both.stdout);

    // Everything that is wrong with the command line, before a run is started.
    let launched = stage.sandbox.received().len();
    let wrong = validate(&stage.server, None, &of(&["no-such.json", "good-energy-model.json"])).await;
    assert_eq!(wrong.code, Some(64));
    for part in ["VALIDIBOT_E2E_TOKEN is not set", "no-such.json: No such file"] {
        assert!(wrong.stderr.contains(part), "{part}: {}", wrong.stderr);
    }
    assert_eq!(stage.sandbox.received().len(), launched);

    let unknown = validate(&stage.server, token, &["--workflow", "energi", "good-table.csv"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("no workflow energi can be seen; these can: "), "{}", unknown.stderr);
    let refused = validate(&stage.server, token, &of(&["good-table.csv"])).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("good-table.csv: "), "{}", refused.stderr);
    let stranger = validate(&stage.server, Some("vbk_1_unknown"), &of(&["good-table.csv"])).await;
    assert_eq!(stranger.code, Some(1));
    assert!(stranger.stderr.contains("does not accept VALIDIBOT_E2E_TOKEN"), "{}", stranger.stderr);
}
