//! Before the real server: a file goes from the frame straight to `/uploads`, and where the host lets nothing through, by it.

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::require;
use suite::server::Server;

use crate::{Host, artefacts, assert_seen, input, write};

/// 32 bytes in base64, made for these tests.
const SEAL_KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

async fn server(sandbox: &Sandbox) -> Server {
    let server = Server::for_sandbox(sandbox).env("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS);
    server.on_its_own_base_url().start().await
}

fn workflow() -> String {
    fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE)
}

/// The table with findings, and good rows behind them until it is so large.
fn table(bytes: usize) -> Vec<u8> {
    let mut table = fixtures::BAD_TABLE.to_vec();
    if !table.ends_with(b"\n") {
        table.push(b'\n');
    }
    let good = b"2026-01-12T08:00:00Z,S-0001,20.5,41.0,612\n";
    while table.len() + good.len() <= bytes {
        table.extend_from_slice(good);
    }
    table
}

/// The bytes of files that Validibot was sent.
fn stored(sandbox: &Sandbox) -> Vec<usize> {
    sandbox.stored().iter().map(|file| file.bytes.len()).collect()
}

fn calls(seen: &Value) -> Vec<&str> {
    seen["calls"].as_array().expect("a list").iter().filter_map(|call| call["name"].as_str()).collect()
}

#[tokio::test]
async fn nine_megabytes_go_straight_from_the_frame_and_the_findings_are_on_the_page() {
    let host = require!(Host::find().await);
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(9_000_000);
    let file = write(folder.path(), "table.csv", &table);
    for (mode, same_origin) in [("auto", true), ("legacy", false)] {
        let sandbox = Sandbox::builder().start().await.expect("a sandbox");
        let server = server(&sandbox).await;
        let more = json!({
            "mode": mode, "same_origin": same_origin, "file": file, "slow": 6_000_000, "inspect": true, "artefacts": artefacts(),
        });
        let seen = host.show(input(&server.mcp_url(), fixtures::DEMO_TOKEN, &workflow(), &more)).await;

        assert_eq!(seen["view"]["mimeType"], "text/html;profile=mcp-app", "{seen}");
        assert_eq!(seen["view"]["meta"]["ui"]["csp"]["connectDomains"], json!([server.base()]));
        assert_eq!(seen["listed"][0]["uri"], seen["view"]["uri"]);
        assert_eq!(seen["extension"], json!({}), "the server declares it");
        let own = if same_origin { "http://localhost" } else { "null" };
        assert!(seen["origin"].as_str().is_some_and(|origin| origin.starts_with(own)), "{}", seen["origin"]);

        assert_eq!(stored(&sandbox), [table.len()], "one file, whole");
        let uploads = format!("{}/uploads", server.base());
        let requests = seen["requests"].as_array().expect("a list");
        let methods: Vec<&str> = requests.iter().filter_map(|request| request["method"].as_str()).collect();
        assert_eq!(methods.iter().filter(|method| **method == "PUT").count(), 1, "{requests:?}");
        assert!(methods.iter().all(|method| ["PUT", "OPTIONS"].contains(method)), "{requests:?}");
        assert!(
            requests.iter().all(|request| request["url"] == uploads),
            "nothing goes anywhere else: {requests:?}"
        );
        let calls = calls(&seen);
        assert_eq!(calls.first(), Some(&"prepare_upload"));
        assert!(calls[1..].iter().all(|name| *name == "get_run_status") && calls.len() > 1, "{calls:?}");
        assert!(seen["calls"].to_string().len() < 4_000, "the host sees none of the bytes");
        let moves: Vec<u64> =
            seen["moves"].as_array().expect("moves").iter().filter_map(Value::as_u64).collect();
        let between = moves.iter().filter(|percent| (1..100).contains(*percent)).count();
        assert!(between >= 3 && moves.is_sorted(), "progress moves: {moves:?}");

        for words in ["Failed", "ERROR", "temperature_c", "197.8"] {
            assert_seen(&seen["text"], words);
        }
        // The model hears of the run before the wait, and of its end.
        let contexts = seen["contexts"].as_array().expect("a list");
        assert_eq!(contexts.len(), 2, "{contexts:?}");
        assert_eq!(contexts[0]["structuredContent"]["state"], "started");
        assert_eq!(contexts[1]["structuredContent"]["result"], "FAIL");
        assert_eq!(contexts[0]["structuredContent"]["run_ref"], contexts[1]["structuredContent"]["run_ref"]);
        assert!(!contexts[1].to_string().contains("temperature_c"), "no text of the file's goes along");
        assert_eq!(seen["messages"], json!([]), "nothing is asked of the model by itself");
        assert_eq!(seen["violations"], json!([]), "axe");
        assert!(
            seen["wider"].as_array().is_some_and(|wider| wider.iter().all(|wider| *wider == json!(false)))
        );
        assert!(seen["sizes"].as_array().is_some_and(|sizes| !sizes.is_empty()));
    }
}

#[tokio::test]
async fn where_the_frame_may_not_connect_a_small_file_goes_through_the_host_and_a_large_one_by_a_command() {
    let host = require!(Host::find().await);
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = server(&sandbox).await;
    let show = async |file: &std::path::Path| {
        let more = json!({ "deny": true, "file": file });
        host.show(input(&server.mcp_url(), fixtures::DEMO_TOKEN, &workflow(), &more)).await
    };
    let small = write(folder.path(), "small.csv", &table(300_000));
    let seen = show(&small).await;
    assert_eq!(calls(&seen)[..2], ["prepare_upload", "validate_file"]);
    assert!(
        seen["calls"][1]["arguments"]["characters"].as_u64().is_some_and(|count| count > 390_000),
        "{seen}"
    );
    assert_eq!(stored(&sandbox), [table(300_000).len()]);
    assert_seen(&seen["text"], "197.8");

    let large = write(folder.path(), "large.csv", &table(3_000_000));
    let seen = show(&large).await;
    assert_eq!(calls(&seen), ["prepare_upload"]);
    assert_eq!(stored(&sandbox).len(), 1, "nothing else was sent");
    assert_seen(&seen["text"], "does not let its views upload");
    assert_seen(&seen["command"], "curl ");
}
