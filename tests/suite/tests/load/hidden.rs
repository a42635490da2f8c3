//! JSON that is hidden in strings, behind keys by which `serde_json` is led to parse them once more.

use bytes::Bytes;
use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::memory::Memory;
use suite::post::{Framing, Post, call};
use suite::server::Server;

const RAW: &str = "$serde_json::private::RawValue";
/// What is hidden: a hundred and fifty times as much as a tree.
const SIZES: [usize; 2] = [3_700_000, 14_500_000];
/// Bodies that are under way, their buffers and nothing of their trees.
const MORE_THAN_IDLE: u64 = 24_000_000;
/// What a server gets by for that has no more than this in data, in KiB.
const DATA_LIMIT_KIB: u64 = 64 * 1024;

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |text, letter| text + &format!("\\u{letter:04x}"))
}

/// An object that hides so many bytes of `[1],[1],…`.
fn hidden(key: &str, bytes: usize) -> String {
    format!(r#"{{"{key}":"[{}[1]]"}}"#, "[1],".repeat(bytes / 4))
}

/// As it is, and hidden in every spelling; in every place of a request, with why it is refused.
fn bodies(bytes: usize) -> impl Iterator<Item = (Bytes, &'static str)> {
    let plain = format!("{{\"a\":[{}[1]]}}", "[1],".repeat(bytes / 4));
    let keys = [RAW.to_owned(), escaped(RAW), RAW.replace('$', "\\u0024")];
    let hidden = keys.into_iter().map(move |key| (hidden(&key, bytes), "reserved_key"));
    std::iter::once((plain, "payload_too_complex")).chain(hidden).flat_map(|(hidden, why)| {
        let nested = format!(r#"{{"a":[{{"b":{hidden}}}]}}"#);
        let meta = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"_meta":{{"x":{hidden}}},"name":"list_workflows","arguments":{{}}}}}}"#
        );
        let call = |arguments: &str| call(Era::Legacy, "list_workflows", arguments);
        [(call(&hidden), why), (call(&nested), why), (meta.into(), why)]
    })
}

#[tokio::test]
async fn a_request_that_hides_json_in_a_string_is_refused_and_costs_no_more_than_its_bytes() {
    let sandbox = Sandbox::builder().throttle(1_000_000).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).data_limit_kib(DATA_LIMIT_KIB).start().await;
    server.client(Era::Legacy, fixtures::DEMO_TOKEN).hello().await;
    let before = Memory::of(server.pid()).peak;
    for bytes in SIZES {
        for (body, why) in bodies(bytes) {
            for framing in [Framing::Length, Framing::Chunked] {
                let post = Post::new(server.mcp_url(), Era::Legacy, framing);
                let at_once = if bytes == SIZES[0] { 3 } else { 1 };
                let answers = join_all((0..at_once).map(|_| post.until_done("list_workflows", &body))).await;
                for answer in answers {
                    assert_eq!((answer.status, &answer.body["error"]), (413, &json!(why)));
                }
            }
        }
    }
    let after = Memory::of(server.pid()).peak;
    assert!(after < before + MORE_THAN_IDLE, "{before} bytes before, {after} at the highest");
    server.client(Era::Legacy, fixtures::DEMO_TOKEN).hello().await;
}

#[tokio::test]
async fn an_answer_that_hides_json_in_a_string_costs_no_more_than_its_bytes() {
    let sandbox = Sandbox::builder().throttle(1_000_000).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).data_limit_kib(DATA_LIMIT_KIB).start().await;
    let client = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
    client.hello().await;
    let entries = client.call_tool("list_workflows", json!({})).await.success();
    let first = entries["result"][0].clone();
    let reference = first["workflow_ref"].clone();
    let before = Memory::of(server.pid()).peak;
    for bytes in SIZES {
        for key in [RAW.to_owned(), escaped(RAW), "plain".to_owned()] {
            let schema = match key.as_str() {
                "plain" => format!("[{}[1]]", "[1],".repeat(bytes / 4)),
                key => hidden(key, bytes),
            };
            let answers = |text: String| Fault::Body {
                status: 200,
                content_type: "application/json".to_owned(),
                bytes: text.into(),
            };
            let at_once = if bytes == SIZES[0] { 3 } else { 1 };
            for definition in [
                format!(r#"{{"slug":"a","steps":[],"input_schema":{schema}}}"#),
                format!(r#"{{"slug":"a","steps":[{{"config":{{"a":[{schema}]}}}}],"input_schema":{{}}}}"#),
            ] {
                sandbox.misbehave(Route::WorkflowDetails, answers(definition));
                let details =
                    || client.call_tool("get_workflow_details", json!({ "workflow_ref": reference }));
                for details in join_all((0..at_once).map(|_| details())).await {
                    assert_eq!(details.error_code(), "API_ERROR");
                }
            }
            for (report, whole) in [
                (format!(r#""steps":[],"output":{schema}"#), false),
                // A finding as long as that is counted, and not kept.
                (
                    format!(r#""steps":[{{"name":"a","issues":[{{"severity":"ERROR","meta":{schema}}}]}}]"#),
                    true,
                ),
            ] {
                let run = "ea71cf20-ed08-4db4-84e3-5b631a6acf2d";
                sandbox.misbehave(
                    Route::RunStatus,
                    answers(format!(
                        r#"{{"id":"{run}","run_id":"{run}","org":"acme","workflow_slug":"a","status":"FAILED","state":"COMPLETED",
                            "result":"FAIL","error":"",{report}}}"#
                    )),
                );
                let run_ref = fixtures::run_ref(fixtures::ACME, run.parse().expect("an id"));
                let status = || client.call_tool("get_run_status", json!({ "run_ref": run_ref }));
                for status in join_all((0..at_once).map(|_| status())).await {
                    if whole {
                        assert_eq!(status.success()["overview"]["findings"]["left_out"], 1);
                    } else {
                        assert_eq!(status.error_code(), "API_ERROR");
                    }
                }
            }
            if bytes == SIZES[0] {
                // The text of a schema, which is compared with the one that the agent reads.
                let text = serde_json::Value::String(schema.clone());
                let definition = format!(
                    r#"{{"slug":"a","steps":[{{"ruleset":{{"schema":{text}}}}}],"input_schema":{{"type":"object"}}}}"#
                );
                sandbox.misbehave(Route::WorkflowDetails, answers(definition));
                client
                    .call_tool("get_workflow_details", json!({ "workflow_ref": reference }))
                    .await
                    .success();
                // One author's entry takes the list from nobody.
                let list =
                    format!(r#"[{first},{{"workflow_ref":"wf_x","slug":"x","input_schema":{schema}}}]"#);
                sandbox.misbehave(Route::ListWorkflows, answers(list));
                let read = client.call_tool("list_workflows", json!({})).await.success();
                assert_eq!(read["result"].as_array().map(Vec::len), Some(1));
                let resources = client.request("resources/list", json!({})).await.result();
                let listed = resources["resources"].as_array().expect("a list");
                let is_workflow = |resource: &&serde_json::Value| {
                    resource["uri"].as_str().is_some_and(|uri| uri.starts_with("validibot://workflows/"))
                };
                assert_eq!(listed.iter().filter(is_workflow).count(), 1, "{resources}");
            }
        }
    }
    let after = Memory::of(server.pid()).peak;
    assert!(after < before + MORE_THAN_IDLE, "{before} bytes before, {after} at the highest");
}
