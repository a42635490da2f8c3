//! Reads are answered without rmcp where they say nothing unusual. A client cannot tell the difference: the same request with a type that
//! says its charset goes to rmcp, and is answered alike, to the byte. So is every request where the fast path is off.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use sandbox::{Fault, Route, fixtures};
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::net::http_client;
use suite::server::Server;

use crate::Stack;

/// Status, type and body.
pub(crate) type Answer = (u16, Option<String>, String);

/// Sends a body both ways with the headers of a good request, or with others in their place.
pub(crate) async fn answers(
    stack: &Stack,
    era: Era,
    tool: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (Answer, Answer) {
    let send = async |kind| answer(&stack.server, era, tool, headers, kind, body).await;
    (send("application/json").await, send("application/json; charset=utf-8").await)
}

async fn answer(
    server: &Server,
    era: Era,
    tool: &str,
    headers: &[(&str, &str)],
    kind: &'static str,
    body: &str,
) -> Answer {
    let mut request = http_client()
        .post(server.mcp_url())
        .bearer_auth(fixtures::DEMO_TOKEN)
        .header(CONTENT_TYPE, kind)
        .body(body.to_owned());
    let common =
        [(ACCEPT.as_str(), "application/json, text/event-stream"), ("mcp-protocol-version", era.version())];
    let modern = [("mcp-method", "tools/call"), ("mcp-name", tool)];
    let usual = common.into_iter().chain(modern.into_iter().filter(|_| era == Era::Modern));
    let usual = usual.filter(|(name, _)| !headers.iter().any(|(other, _)| other == name));
    for (name, value) in usual.chain(headers.iter().copied()) {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("an answer");
    let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().expect("text").to_owned());
    (answer.status().as_u16(), kind, answer.text().await.expect("a body"))
}

pub(crate) fn body(era: Era, id: &Value, tool: &str, arguments: &Value) -> String {
    let meta = match era {
        Era::Legacy => json!({ "progressToken": "p", "traceparent": "odd" }),
        Era::Modern => json!({
            "io.modelcontextprotocol/protocolVersion": era.version(),
            "io.modelcontextprotocol/clientCapabilities": {},
        }),
    };
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string()
}

#[tokio::test]
async fn both_ways_answer_alike_good_calls_and_bad_ones() {
    let stack = Stack::start().await;
    for era in Era::BOTH {
        for (tool, arguments) in &calls(&stack).await {
            for id in ids() {
                let body = body(era, &id, tool, arguments);
                let (ours, rmcps) = answers(&stack, era, tool, &[], &body).await;
                assert_eq!(ours, rmcps, "{era:?} {body}");
                // A wait whose progress is followed is a stream of events.
                if *tool != "wait_for_run" {
                    assert_eq!(serde_json::from_str::<Value>(&ours.2).expect("JSON")["id"], id, "{}", ours.2);
                }
            }
        }
    }
}

/// The same requests, to the letter, to a server whose calls all go by rmcp.
#[tokio::test]
async fn a_server_without_the_fast_path_answers_alike() {
    let stack = Stack::start().await;
    let builder = Server::for_sandbox(&stack.sandbox).env("VALIDIBOT_MCP_FAST_PATH", "false");
    let without = builder.start().await;
    for era in Era::BOTH {
        for (tool, arguments) in &calls(&stack).await {
            for id in ids() {
                let body = body(era, &id, tool, arguments);
                let one = answer(&stack.server, era, tool, &[], "application/json", &body).await;
                let other = answer(&without, era, tool, &[], "application/json", &body).await;
                assert_eq!(one, other, "{era:?} {body}");
            }
        }
    }
}

fn ids() -> [Value; 5] {
    [json!(1), json!("ü \"1\""), json!("a"), json!(-3), json!(1_234_567_890_123_456_u64)]
}

/// Calls of every tool, good ones and bad ones, that start nothing, with a finished run to read.
async fn calls(stack: &Stack) -> Vec<(&'static str, Value)> {
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let file = json!({ "workflow_ref": workflow, "file_name": "a.json", "text": "{}" });
    let client = stack.client(Era::Legacy);
    let run = client.call_tool("validate_file", file).await.success()["run_ref"].clone();
    client.call_tool("wait_for_run", json!({ "run_ref": run })).await.success();
    vec![
        ("list_workflows", json!({})),
        ("list_workflows", json!({ "no": "argument" })),
        ("list_workflows", json!({ "no": null })),
        ("list_workflows", json!({ "search": "energy", "organization": "acme" })),
        ("list_workflows", json!({ "search": "no such words" })),
        ("get_workflow_details", json!({ "workflow_ref": workflow, "wait_for_previous": true })),
        ("get_run_status", json!({ "run_ref": run, "findings_limit": null, "findings_offset": 1e0 })),
        ("get_run_status", json!({ "run_ref": run, "findings_limit": 5.5, "findings_offset": "" })),
        ("get_workflow_details", json!({ "workflow_ref": workflow })),
        ("get_workflow_details", json!({ "workflow_ref": "../x" })),
        ("get_workflow_details", json!({ "workflow_ref": fixtures::workflow_ref("none", "such") })),
        ("get_workflow_details", json!({})),
        ("get_run_status", json!({ "run_ref": run, "findings_page": 1 })),
        ("get_run_status", json!({ "run_ref": run })),
        ("get_run_status", json!({ "run_ref": 7 })),
        ("validate_file", json!({ "workflow_ref": workflow, "file_name": "a.json" })),
        ("validate_file", json!({ "workflow_ref": "../x", "file_name": "", "text": "" })),
        ("wait_for_run", json!({ "run_ref": run, "timeout_seconds": 0 })),
        ("wait_for_run", json!({ "run_ref": "run_x" })),
        ("compare_runs", json!({ "before_run_ref": run, "after_run_ref": run })),
        ("compare_runs", json!({ "before_run_ref": run })),
        ("prepare_upload", json!({ "workflow_ref": workflow, "file_name": "a.json" })),
        ("no_such_tool", json!({})),
    ]
}

/// What is too long for a host comes by the page, whichever way it goes.
#[tokio::test]
async fn long_answers_are_shortened_alike() {
    let stack = Stack::start().await;
    let entry = |n| json!({ "workflow_ref": format!("wf_{n}"), "slug": "s", "description": "d".repeat(300) });
    let list = Value::Array((0..200).map(entry).collect());
    let schema = json!({ "type": "object", "description": "x".repeat(30_000) });
    let steps = json!([{ "name": "Schema", "ruleset": { "schema": schema.to_string() } }]);
    let definition = json!({ "slug": "s", "workflow_ref": "wf_0", "input_schema": schema, "steps": steps });
    for (route, answer) in [(Route::ListWorkflows, list), (Route::WorkflowDetails, definition)] {
        let bytes = answer.to_string().into_bytes().into();
        stack.sandbox.misbehave(
            route,
            Fault::Body { status: 200, content_type: "application/json".to_owned(), bytes },
        );
    }
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    for era in Era::BOTH {
        for (tool, arguments) in [
            ("list_workflows", json!({})),
            ("list_workflows", json!({ "offset": 150, "odd": 1 })),
            ("get_workflow_details", json!({ "workflow_ref": workflow })),
        ] {
            let body = body(era, &json!(1), tool, &arguments);
            let (ours, rmcps) = answers(&stack, era, tool, &[], &body).await;
            assert_eq!(ours, rmcps, "{era:?} {tool}");
            let result = serde_json::from_str::<Value>(&ours.2).expect("JSON")["result"].clone();
            let text = result["content"][0]["text"].as_str().expect("text");
            assert!(text.len() <= 40_000, "{tool}: {} characters", text.len());
            let structured: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(structured, result["structuredContent"], "{tool}");
            assert!(structured["next"].is_object(), "{tool}");
        }
    }
}

#[tokio::test]
async fn what_is_unusual_is_judged_alike() {
    let stack = Stack::start().await;
    let tool = "list_workflows";
    for era in Era::BOTH {
        let good = body(era, &json!(1), tool, &json!({}));
        let headers: [&[(&str, &str)]; 9] = [
            &[(ORIGIN.as_str(), "https://evil.example.com")],
            &[(HOST.as_str(), "evil.example.com")],
            &[(ACCEPT.as_str(), "application/json")],
            &[(ACCEPT.as_str(), "*/*")],
            &[(ACCEPT.as_str(), "application/json;q=0.1, text/event-stream")],
            &[("mcp-session-id", "x")],
            &[("mcp-param-region", "eu")],
            &[("mcp-name", "get_run_status")],
            &[("mcp-name", tool), ("mcp-name", "get_run_status")],
        ];
        for headers in headers {
            let (ours, rmcps) = answers(&stack, era, tool, headers, &good).await;
            assert_eq!(ours, rmcps, "{era:?} {headers:?}");
        }
        let bodies = [
            good.replace("2.0", "1.0"),
            good.replace(r#""id":1"#, r#""id":null"#),
            good.replace(r#""id":1"#, r#""id":1,"id":2"#),
            good.replace(r#""id":1"#, r#""id":1,"more":2"#),
            good.replace(r#""id":1,"#, ""),
            good.replace("tools/call", "tools/list"),
            good.replace("\"arguments\":{}", "\"arguments\":null"),
            good.replace("\"arguments\":{}", "\"arguments\":{},\"arguments\":{\"a\":1}"),
            good.replace("\"arguments\":{}", "\"arguments\":[]"),
            good.replace("_meta", "meta"),
            good.replace("io.modelcontextprotocol/clientCapabilities", "capabilities"),
            good.replace("2026-07-28", "2025-11-25"),
            format!(" {good} "),
            format!("{good}}}"),
            format!("[{good}]"),
            good[..good.len() - 2].to_owned(),
        ];
        for body in bodies {
            let (ours, rmcps) = answers(&stack, era, tool, &[], &body).await;
            assert_eq!(ours, rmcps, "{era:?} {body}");
        }
    }
}
