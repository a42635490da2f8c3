//! An attack with all that strangers can hold on to, and members who notice nothing of it.

use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit};
use sandbox::{Sandbox, fixtures};
use serde_json::json;
use suite::hostile::{Attack, Strength, Target};
use suite::mcp::Era;
use suite::memory::Memory;
use suite::net::{free_port, http_client};
use suite::server::{CLIENT_SECRET, Server};
use suite::sign_in::sign_in;

/// Long enough that what is waited for ends, and begins again.
const ROUNDS: usize = 40;
/// Descriptors that this process needs beside the attack's.
const OTHERS: u64 = 1000;

#[tokio::test]
async fn members_and_whoever_signs_in_notice_nothing_of_an_attack() {
    let base = format!("http://127.0.0.1:{}", free_port());
    let sandbox = Sandbox::builder()
        .auto_login(true)
        .oauth_client_secret(CLIENT_SECRET)
        .mcp_base_url(&base)
        .throttle(1_000_000)
        .start()
        .await
        .expect("a sandbox");
    let server = Server::with_sign_in(&sandbox).at(&base).start().await;
    let member = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
    let expected = member.call_tool("list_workflows", json!({})).await.success();

    let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let heads = usize::try_from(descriptors.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    let strength = Strength { heads: heads.min(Strength::WHOLE.heads), ..Strength::WHOLE };
    let target: Target = {
        let base = base.clone();
        Arc::new(move || base.clone())
    };
    let attack = Attack::begin(&target, strength).await;
    for round in 0..ROUNDS {
        // In a full house, what is kept for later does not stay.
        let member = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
        assert_eq!(member.call_tool("list_workflows", json!({})).await.success(), expected, "{round}");
        // A connection of its own.
        let alive = http_client().get(format!("{base}/livez")).send().await.expect("an answer");
        assert_eq!(alive.status(), 200, "{round}");
        let signed_in = sign_in(&base).await;
        let newcomer = server.client(Era::Modern, &signed_in.access_token);
        newcomer.call_tool("list_workflows", json!({})).await.success();
        let file = String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL);
        let run = json!({
            "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
            "file_name": "model.json",
            "text": file,
        });
        member.call_tool("validate_file", run).await.success();
    }
    drop(attack);
    let memory = Memory::of(server.pid());
    assert!(memory.peak < 100_000_000, "the peak was {} bytes", memory.peak);
}
