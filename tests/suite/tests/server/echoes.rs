//! What a client sends is not sent back at length, wherever it was put.

use sandbox::fixtures;
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::net::http_client;

use crate::Stack;

/// No answer to any of these needs more.
const MAX_BYTES: usize = 8 * 1024;
/// Above and below what is looked into before rmcp gets it.
const LENGTHS: [usize; 2] = [30_000, 1_000_000];
/// What fits a head.
const HEADER: usize = 6_000;

struct Case {
    method: String,
    params: Value,
    headers: Vec<(&'static str, String)>,
}

fn case(method: &str, params: Value) -> Case {
    Case { method: method.to_owned(), params, headers: Vec::new() }
}

impl Case {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// Requests of both eras with a long text in each place that an answer may quote.
fn cases(long: &str) -> Vec<Case> {
    let modern = |version: &str| {
        json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        })
    };
    let header = &long[..HEADER];
    let client = json!({ "name": long, "version": long });
    let hello =
        |version: &str| json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
    let list = |meta: Value| json!({ "name": "list_workflows", "arguments": {}, "_meta": meta });
    let (old, new) = (Era::Legacy.version(), Era::Modern.version());
    vec![
        case(long, json!({})).with("mcp-protocol-version", old),
        case("initialize", hello(long)),
        case("initialize", hello(long)).with("mcp-protocol-version", old),
        case("initialize", hello(old)).with("mcp-protocol-version", header),
        case("tools/call", list(modern(long))).with("mcp-protocol-version", old),
        case("tools/call", list(modern(long)))
            .with("mcp-protocol-version", new)
            .with("mcp-method", "tools/call")
            .with("mcp-name", "list_workflows"),
        case("tools/call", list(modern(header)))
            .with("mcp-protocol-version", header)
            .with("mcp-method", "tools/call")
            .with("mcp-name", "list_workflows"),
        case("tools/call", list(modern(new))).with("mcp-protocol-version", new).with("mcp-method", header),
        case("tools/call", list(modern(new)))
            .with("mcp-protocol-version", new)
            .with("mcp-method", "tools/call")
            .with("mcp-name", header),
        case("tools/call", json!({ "name": long, "arguments": {}, "_meta": modern(new) }))
            .with("mcp-protocol-version", new)
            .with("mcp-method", "tools/call")
            .with("mcp-name", "list_workflows"),
        case("server/discover", json!({ "_meta": modern(long) }))
            .with("mcp-protocol-version", new)
            .with("mcp-method", "server/discover"),
        case("tools/call", list(json!({}))).with("mcp-protocol-version", header),
        case("tools/call", json!({ "name": long, "arguments": {} })).with("mcp-protocol-version", old),
        case("tools/call", json!({ "name": "list_workflows", "arguments": { long: 1 } }))
            .with("mcp-protocol-version", old),
        case("tools/call", json!({ "name": "get_run_status", "arguments": { "run_ref": long } }))
            .with("mcp-protocol-version", old),
        case("tools/call", json!({ "name": long, "arguments": [] })).with("mcp-protocol-version", old),
        case("resources/read", json!({ "uri": long })).with("mcp-protocol-version", old),
        case("resources/subscribe", json!({ "uri": long })).with("mcp-protocol-version", old),
        case("resources/list", json!({ "cursor": long })).with("mcp-protocol-version", old),
        case("tools/list", json!({ "cursor": long })).with("mcp-protocol-version", old),
        case("prompts/get", json!({ "name": long })).with("mcp-protocol-version", old),
        case("logging/setLevel", json!({ "level": long })).with("mcp-protocol-version", old),
        case("completion/complete", json!({ "ref": { "type": "ref/prompt", "name": long }, "argument": { "name": long, "value": long } }))
            .with("mcp-protocol-version", old),
    ]
}

#[tokio::test]
async fn what_a_client_sends_does_not_come_back_at_length() {
    let stack = Stack::start().await;
    for length in LENGTHS {
        let long = "x".repeat(length);
        for (number, Case { method, params, headers }) in cases(&long).into_iter().enumerate() {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            let mut request = http_client()
                .post(stack.server.mcp_url())
                .bearer_auth(fixtures::DEMO_TOKEN)
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream")
                .body(body.to_string());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let answer = answer.text().await.expect("a body");
            let told = &answer[..answer.len().min(400)];
            // The list of tools is what it is.
            if method != "tools/list" {
                assert!(
                    answer.len() <= MAX_BYTES,
                    "{number}: {length} in, {} out: {status} {told}",
                    answer.len()
                );
            }
            assert!(!answer.contains(&long[..1024]), "{number}: {status} {told}");
        }
    }
}

#[tokio::test]
async fn a_long_token_of_progress_is_as_good_as_none() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Legacy);
    let file = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
        "file_name": "a.json",
        "text": "{}",
    });
    let run = client.call_tool("validate_file", file).await.success()["run_ref"].clone();
    for (token, followed) in
        [("x".repeat(1024), true), ("x".repeat(1025), false), ("x".repeat(1_000_000), false)]
    {
        let params = json!({
            "name": "wait_for_run",
            "arguments": { "run_ref": run },
            "_meta": { "progressToken": token },
        });
        let reply = client.request("tools/call", params).await;
        assert_eq!(reply.body.contains(&token), followed, "{} bytes", token.len());
        reply.tool_result().success();
    }
}
