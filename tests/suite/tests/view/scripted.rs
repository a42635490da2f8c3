//! Before a server that is none: files that will not do, connections that break, and findings that somebody has planted.

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::require;
use suite::server::Server;

use crate::{Host, assert_seen, input};

/// 32 bytes in base64, made for these tests.
const SEAL_KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Plays a script; the view itself comes from the real server.
async fn play(host: &Host, script: &str, fast_forward: u32) -> Value {
    let mut more = json!({ "script": script });
    if fast_forward > 1 {
        more["fast_forward"] = fast_forward.into();
    }
    play_with(host, &more).await
}

async fn play_with(host: &Host, more: &Value) -> Value {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_SEAL_KEYS", SEAL_KEYS);
    let server = server.on_its_own_base_url().start().await;
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE);
    host.show(input(&server.mcp_url(), fixtures::DEMO_TOKEN, &workflow, more)).await
}

#[tokio::test]
async fn files_that_will_not_do_and_connections_that_break_are_each_said_and_nothing_is_lost() {
    let host = require!(Host::find().await);
    let seen = play(&host, "files", 1).await;
    assert_eq!(seen["calls_before"], 0, "what will not do is known before anybody is asked");
    let said = seen["said"].as_array().expect("a list");
    for (said, words) in said.iter().zip([
        "large.json has 11.0 MB: Validibot takes at most 10.5 MB.",
        "empty.json is empty",
        "model.pdf is of a type that this workflow does not take. It takes .json .csv.",
        "One file at a time: good.json is still under way.",
        "run out",
        "The file is larger than Validibot accepts",
        "It asks to be left alone for 58 seconds.",
        "Switched off for maintenance",
        "the server answered with 502",
    ]) {
        assert_seen(said, words);
    }
    assert_eq!(said.len(), 9);
    assert_eq!(
        seen["tickets_for_one_file"], 1,
        "a repeat of one file has the same ticket, and so starts no second run"
    );
    let uploads = seen["uploads"].as_array().expect("a list");
    assert_eq!(uploads[2]["bytes"], 3_000_000, "{uploads:?}");
    assert_ne!(uploads[3]["ticket"], uploads[4]["ticket"], "a ticket that has run out is replaced");
}

#[tokio::test]
async fn findings_are_text_by_severity_and_place_and_a_stored_result_says_what_it_can_still_do() {
    let host = require!(Host::find().await);
    let seen = play(&host, "findings", 1).await;
    assert_eq!(seen["calls_on_mount"], 0, "a stored result is shown as it is");
    assert_eq!((&seen["elements"], &seen["hacked"]), (&json!(0), &Value::Null), "nothing of it runs");
    assert_seen(&seen["text"], "<img src=x onerror=\"window.hacked=1\">");
    assert_seen(&seen["text"], "abcd");
    let text = seen["text"].as_str().expect("text");
    assert!(text.len() < 40_000 && !text.contains(['\u{202e}', '\u{200b}', '\u{e0041}']), "{}", text.len());
    assert_eq!(seen["groups"], json!(["ERROR (43)", "WARNING (2)"]));
    assert_eq!(seen["places"], 5);
    assert_seen(&seen["said"][0], "The rest cannot be read any more: There is no such run");
    assert_eq!(seen["messages_before"], 0);
    let asked = seen["messages"][0]["content"][0]["text"].to_string();
    assert!(asked.contains("run_1") && !asked.contains("img"), "{asked}");
    assert_eq!(seen["torn_down"], true);
}

#[tokio::test]
async fn a_run_without_an_end_and_a_host_without_a_word_are_given_up_with_a_sentence() {
    let host = require!(Host::find().await);
    let seen = play(&host, "endless", 500).await;
    assert_seen(&seen["text"], "has not ended after half an hour. It goes on without this view.");
    let polls = seen["calls"].as_array().expect("a list").len();
    assert!((100..300).contains(&polls), "{polls} readings");
    let seen = play(&host, "silent", 1).await;
    assert_seen(&seen["text"], "prepare_upload");
    assert_eq!(seen["calls"], json!([]));
}

#[tokio::test]
async fn a_large_file_goes_by_the_hosts_own_upload_where_the_frame_may_not_connect() {
    let host = require!(Host::find().await);
    let seen = play_with(&host, &json!({ "script": "chatgpt", "deny": true, "openai": true })).await;
    assert_eq!(seen["before"], json!(["Send it through ChatGPT", "Show a command"]));
    assert_seen(&seen["said"][0], "It may have arrived: look at your runs before you send it again.");
    assert_eq!(seen["uploaded"], json!({ "name": "a.json", "bytes": 3_000_000, "library": false }));
    assert_eq!(seen["kept"], json!({ "run_ref": "run_1" }));
    let calls = seen["calls"].as_array().expect("a list");
    let given = &calls[1]["arguments"]["file"];
    assert_eq!(
        given,
        &json!({ "download_url": "https://files.example/file_1", "file_id": "file_1", "file_name": "a.json" })
    );
    assert_seen(&seen["text"], "Passed");
}
