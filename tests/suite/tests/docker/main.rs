//! Images and stacks on a real Docker engine.

mod cloud_run;
mod composed;
mod deploy;
mod errors;
mod fleet;
mod image;
mod kills;
mod local;
mod maintenance;
mod poll;
mod project;
mod self_hosted;

use sandbox::fixtures;
use suite::docker::{docker, try_docker};
use suite::xtask::Xtask;
use tokio::sync::OnceCell;

/// The server's image of a local stack.
const SERVER_IMAGE: &str = "validibot-mcp:local";
/// The stand-in's image of a local stack.
const SANDBOX_IMAGE: &str = "validibot-sandbox:local";

/// The images, built from nothing by `local up`, once for all tests.
async fn images() {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    BUILT
        .get_or_init(async || {
            // Where an earlier run left some; a container of somebody else may hold them, which is fine.
            try_docker(&["image", "rm", "--force", SERVER_IMAGE, SANDBOX_IMAGE]).await;
            let xtask = Xtask::new();
            let (web, mcp) = (suite::net::free_port().to_string(), suite::net::free_port().to_string());
            let up = ["up", "--pro", "--runner", "docker", "--port", &web, "--mcp-port", &mcp];
            let up = xtask.local(Some("true"), &up).await;
            let down = xtask.local(None, &["down"]).await;
            let _ = up.expect_success("local up from nothing");
            let _ = down.expect_success("local down");
            docker(&["image", "inspect", SERVER_IMAGE, SANDBOX_IMAGE]).await;
        })
        .await;
}

/// `cargo xtask test-e2e` against what serves at this address, by a stage's `.test` file in this folder.
async fn journey(xtask: &Xtask, stage: &str, folder: &str, url: &str) {
    xtask.write(
        &format!("{folder}/.test"),
        &format!(
            "VALIDIBOT_E2E_URL={url}\nVALIDIBOT_E2E_TOKEN='{}'\nVALIDIBOT_E2E_ORG_SLUG={}\n\
             VALIDIBOT_E2E_WORKFLOW={}\n\
             VALIDIBOT_E2E_GOOD_FILE=tests/sandbox/samples/good-energy-model.json\n\
             VALIDIBOT_E2E_BAD_FILE=tests/sandbox/samples/bad-energy-model.json\n",
            fixtures::DEMO_TOKEN,
            fixtures::ACME,
            fixtures::ENERGY_MODEL
        ),
    );
    let journey = xtask.run(None, &["test-e2e", "--stage", stage]).await.expect_success("test-e2e");
    assert!(journey.stdout.contains("7 steps, 0 failed"), "{}", journey.stdout);
}
