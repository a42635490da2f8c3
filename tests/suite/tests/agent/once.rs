//! A launch by the REST API is one run, whatever is lost on the way and however often it is made.

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, Version, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::server::Server;

use super::uploads::put;

async fn start() -> (Sandbox, Server) {
    super::backends::stack(Version::V0_16, "auto").await
}

fn energy() -> String {
    fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL)
}

fn file() -> Value {
    let text = String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL);
    json!({ "workflow_ref": energy(), "file_name": "m.json", "text": text })
}

async fn ticket(client: &Client) -> Value {
    let wanted = json!({ "workflow_ref": energy(), "file_name": "m.json" });
    client.call_tool("prepare_upload", wanted).await.success()
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_within_the_call() {
    let (sandbox, server) = start().await;
    let client = super::client(&server, Era::Modern);
    for fault in [Fault::CutMidway, Fault::TruncatedJson, Fault::Cut, Fault::Status(503)] {
        let before = sandbox.runs();
        sandbox.misbehave_times(Route::OrgLaunch, fault.clone(), 1);
        let run = client.call_tool("validate_file", file()).await;
        if fault == Fault::TruncatedJson {
            // Half of a JSON document that says it is whole: nobody knows, and the next call finds out.
            assert_eq!(run.structured["error"]["data"]["run_started"], "unknown", "{}", run.text);
            let again = client.call_tool("validate_file", file()).await.success();
            assert!(
                again["message"].as_str().is_some_and(|text| text.contains("no other was started")),
                "{again}"
            );
        } else {
            let run = run.success();
            assert_eq!(run["result"], "PASS", "{fault:?}: {run}");
            assert_eq!(run.get("message"), None, "{fault:?}: the call was made once");
        }
        assert_eq!(sandbox.runs(), before + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_call_after_one_whose_answers_were_all_lost_gets_its_run_and_one_after_an_answer_gets_another() {
    let (sandbox, server) = start().await;
    let client = super::client(&server, Era::Modern);
    sandbox.misbehave_times(Route::OrgLaunch, Fault::CutMidway, 3);
    let lost = client.call_tool("validate_file", file()).await;
    assert_eq!(lost.error_code(), "UPSTREAM_UNAVAILABLE");
    assert_eq!(lost.structured["error"]["data"]["run_started"], "unknown");
    assert!(lost.text.contains("Call validate_file again with the same arguments"), "{}", lost.text);
    // Another file meanwhile, and the same one by somebody else, are other launches.
    let mut other = file();
    other["file_name"] = "n.json".into();
    client.call_tool("validate_file", other).await.success();
    server.client(Era::Modern, fixtures::SECOND_TOKEN).call_tool("validate_file", file()).await.success();
    assert_eq!(sandbox.runs(), 3);

    let again = client.call_tool("validate_file", file()).await.success();
    assert_eq!(again["result"], "PASS", "{again}");
    assert!(again["message"].as_str().is_some_and(|text| text.contains("no other was started")), "{again}");
    assert_eq!(sandbox.runs(), 3);
    // That one was answered: whoever asks for another run of the same file gets one.
    let another = client.call_tool("validate_file", file()).await.success();
    assert_ne!(another["run_ref"], again["run_ref"]);
    assert_eq!(sandbox.runs(), 4);
}

#[tokio::test]
async fn ten_uploads_at_once_with_one_ticket_on_two_instances_are_one_run() {
    let (sandbox, one) = start().await;
    let two =
        super::server(&sandbox).env("VALIDIBOT_MCP_BASE_URL", one.base()).env("PORT", "0").start().await;
    let upload = ticket(&super::client(&one, Era::Modern)).await;
    let mut elsewhere = upload.clone();
    elsewhere["url"] = upload["url"].as_str().expect("a URL").replace(one.base(), two.base()).into();
    let puts =
        (0..10).map(|n| put(if n % 2 == 0 { &upload } else { &elsewhere }, fixtures::GOOD_ENERGY_MODEL));
    let answers = join_all(puts).await;
    let first = &answers[0].1["run_ref"];
    assert!(first.is_string(), "{answers:?}");
    assert!(
        answers.iter().all(|(status, answer)| *status == 202 && answer["run_ref"] == *first),
        "{answers:?}"
    );
    assert_eq!(sandbox.runs(), 1);
    // The other instance remembers nothing of the file, and Validibot does.
    let three =
        super::server(&sandbox).env("VALIDIBOT_MCP_BASE_URL", one.base()).env("PORT", "0").start().await;
    elsewhere["url"] = upload["url"].as_str().expect("a URL").replace(one.base(), three.base()).into();
    let (status, answer) = put(&elsewhere, fixtures::BAD_ENERGY_MODEL).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("TICKET_USED")), "{answer}");
    assert_eq!(sandbox.runs(), 1);
}

/// The last attempt was refused, and the one before it may have started a run.
#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_make_its_fate_known() {
    let (sandbox, server) = start().await;
    let client = super::client(&server, Era::Modern);
    sandbox.misbehave(Route::OrgLaunch, Fault::StatusWithRetryAfter(429, 600));
    let refused = client.call_tool("validate_file", file()).await;
    assert_eq!(refused.error_code(), "RATE_LIMITED");
    assert_eq!(refused.structured["error"]["data"].get("run_started"), None, "{}", refused.text);
    sandbox.misbehave_times(Route::OrgLaunch, Fault::CutMidway, 1);
    let refused = client.call_tool("validate_file", file()).await;
    assert_eq!(refused.error_code(), "RATE_LIMITED");
    assert_eq!(refused.structured["error"]["data"]["run_started"], "unknown", "{}", refused.text);
    sandbox.behave();
    let found = client.call_tool("validate_file", file()).await.success();
    assert!(found["message"].is_string(), "{found}");
    assert_eq!(sandbox.runs(), 1);
}

#[tokio::test]
async fn ten_launches_at_once_with_one_name_on_two_instances_are_one_run() {
    let (sandbox, one) = start().await;
    let two =
        super::server(&sandbox).env("VALIDIBOT_MCP_BASE_URL", one.base()).env("PORT", "0").start().await;
    let clients = [super::client(&one, Era::Modern), super::client(&two, Era::Modern)];
    let named = |name: &str| {
        let mut arguments = file();
        arguments["idempotency_key"] = name.into();
        arguments
    };
    let calls = (0..10).map(|n| clients[n % 2].call_tool("validate_file", named("nightly")));
    let runs: Vec<Value> = join_all(calls).await.into_iter().map(|run| run.success()).collect();
    assert!(runs.iter().all(|run| run["run_ref"] == runs[0]["run_ref"]), "{runs:?}");
    assert_eq!(sandbox.runs(), 1);
    // All but one are told that theirs is the run of another call.
    let told = runs.iter().filter(|run| run["message"].is_string()).count();
    assert_eq!(told, 9, "{runs:?}");

    // The same bytes by another user, for another workflow, and under another name.
    let other = one.client(Era::Modern, fixtures::SECOND_TOKEN);
    other.call_tool("validate_file", named("nightly")).await.success();
    let mut elsewhere = named("nightly");
    elsewhere["workflow_ref"] = fixtures::workflow_ref(fixtures::ACME, fixtures::ANNUAL_SIMULATION).into();
    clients[0].call_tool("validate_file", elsewhere).await.success();
    clients[1].call_tool("validate_file", named("weekly")).await.success();
    let references: std::collections::BTreeSet<String> =
        runs.iter().map(|run| run["run_ref"].to_string()).collect();
    assert_eq!((references.len(), sandbox.runs()), (1, 4));
}

/// Claude Code names each use of a tool, and repeats a call under the same id.
#[tokio::test]
async fn a_call_that_the_host_repeats_is_one_run_on_any_instance() {
    let (sandbox, one) = start().await;
    let two =
        super::server(&sandbox).env("VALIDIBOT_MCP_BASE_URL", one.base()).env("PORT", "0").start().await;
    let call = async |server: &Server, id: &str| {
        let meta = json!({ "claudecode/toolUseId": id });
        let params = json!({ "name": "validate_file", "arguments": file(), "_meta": meta });
        super::client(server, Era::Modern).request("tools/call", params).await.tool_result()
    };
    let first = call(&one, "toolu_01").await.success();
    let again = call(&two, "toolu_01").await.success();
    assert_eq!((&again["run_ref"], sandbox.runs()), (&first["run_ref"], 1));
    let another = call(&two, "toolu_02").await.success();
    assert_ne!(another["run_ref"], first["run_ref"]);

    // The answer is lost, and it is the model that calls again: its host has another id for that.
    sandbox.misbehave_times(Route::OrgLaunch, Fault::CutMidway, 3);
    assert_eq!(call(&one, "toolu_03").await.error_code(), "UPSTREAM_UNAVAILABLE");
    let again = call(&one, "toolu_04").await.success();
    assert!(again["message"].as_str().is_some_and(|text| text.contains("no other was started")), "{again}");
    assert_eq!(sandbox.runs(), 3);
}

/// The error of a launch whose answer was lost names it, so that whichever instance is next finds the run.
#[tokio::test]
async fn a_launch_whose_answer_was_lost_is_found_by_its_name_on_another_instance() {
    let (sandbox, one) = start().await;
    let two =
        super::server(&sandbox).env("VALIDIBOT_MCP_BASE_URL", one.base()).env("PORT", "0").start().await;
    sandbox.misbehave_times(Route::OrgLaunch, Fault::CutMidway, 3);
    let lost = super::client(&one, Era::Modern).call_tool("validate_file", file()).await;
    let name = &lost.structured["error"]["data"]["idempotency_key"];
    assert!(name.as_str().is_some_and(|name| lost.text.contains(name)), "{}", lost.text);
    let mut again = file();
    again["idempotency_key"] = name.clone();
    super::client(&two, Era::Modern).call_tool("validate_file", again).await.success();
    assert_eq!(sandbox.runs(), 1);

    // By an upload it is the ticket that is sent again.
    let upload = ticket(&super::client(&one, Era::Modern)).await;
    sandbox.misbehave_times(Route::OrgLaunch, Fault::CutMidway, 3);
    let (_, lost) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
    assert_eq!(lost["error"]["data"]["run_started"], "unknown", "{lost}");
    assert!(lost["error"]["message"].as_str().is_some_and(|text| text.contains("same ticket")), "{lost}");
    let (status, answer) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
    assert_eq!((status, sandbox.runs()), (202, 2), "{answer}");
}

#[tokio::test]
async fn a_name_that_the_helper_api_does_not_take_is_said_not_to_count() {
    let (sandbox, server) = super::backends::stack(Version::V0_15, "auto").await;
    let mut named = file();
    named["idempotency_key"] = "nightly".into();
    let client = super::client(&server, Era::Modern);
    for _ in 0..2 {
        let run = client.call_tool("validate_file", named.clone()).await.success();
        assert!(run["message"].as_str().is_some_and(|text| text.contains("idempotency_key")), "{run}");
    }
    assert_eq!(sandbox.runs(), 2);
}

/// Contract of 0.16, B4: Validibot keeps a refusal for a day under its key, though its cause may be gone in a minute.
#[tokio::test]
async fn a_refusal_that_validibot_keeps_is_not_the_answer_for_a_day() {
    let (sandbox, server) = start().await;
    let client = super::client(&server, Era::Modern);
    let upload = ticket(&client).await;
    sandbox.pause_workflows(true);
    for _ in 0..3 {
        let (status, answer) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
        assert_eq!((status, &answer["error"]["code"]), (409, &json!("WORKFLOW_INACTIVE")), "{answer}");
    }
    sandbox.pause_workflows(false);
    let (status, answer) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(sandbox.runs(), 1);
}

#[tokio::test]
async fn a_key_that_stays_at_work_is_waited_for_and_then_said_to_be() {
    let (sandbox, server) = start().await;
    let upload = ticket(&super::client(&server, Era::Modern)).await;
    sandbox.die_in_launches(1);
    let (status, answer) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("CONFLICT")), "{answer}");
    assert_eq!(answer["error"]["data"]["run_started"], "unknown", "{answer}");
    assert_eq!(sandbox.runs(), 0);
}
