//! Bad input gets a clear answer, and Validibot never hears of it.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use sandbox::fixtures;
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::net::http_client;

use crate::Stack;

/// Nothing but the question who is calling.
fn assert_only_auth(stack: &Stack, what: &dyn std::fmt::Display) {
    let others: Vec<String> =
        stack.asked().into_iter().filter(|asked| asked != "GET /api/v1/auth/me/").collect();
    assert_eq!(others, Vec::<String>::new(), "{what}");
}

fn encoded(prefix: &str, json: &str) -> String {
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
}

#[tokio::test]
async fn references_that_are_none_are_refused_here() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let common =
        ["", " ", "/", "..", "../../license/features", "%2F", "a b", "wf", "run", "wf_", "run_", "wf_%2F"];
    let payloads =
        ["[1]", "1", "null", "\"text\"", "{}", r#"{"org":"acme"}"#, r#"{"org":"","workflow":" "}"#];
    let mut workflow_refs: Vec<String> = common.map(str::to_owned).to_vec();
    workflow_refs.extend(payloads.map(|payload| encoded("wf_", payload)));
    workflow_refs.push(encoded("run_", r#"{"org":"acme","workflow":"energy-model"}"#));
    workflow_refs.push(format!("{}/../..", fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL)));
    workflow_refs.push(format!("{}%2e%2e", fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL)));
    workflow_refs.push("wf_\u{202e}".to_owned());
    workflow_refs.push(format!("wf_{}", "A".repeat(100_000)));
    for reference in &workflow_refs {
        for (tool, mut arguments) in [
            ("get_workflow_details", json!({})),
            ("validate_file", json!({ "file_content": "e30=", "file_name": "a.json" })),
        ] {
            arguments["workflow_ref"] = reference.as_str().into();
            let result = client.call_tool(tool, arguments).await;
            assert_eq!(result.error_code(), "INVALID_PARAMS", "{tool} {reference:?}");
            assert!(result.text.contains("workflow_ref"), "the field is named: {}", result.text);
        }
    }
    let mut run_refs: Vec<String> = common.map(str::to_owned).to_vec();
    run_refs.extend(payloads.map(|payload| encoded("run_", payload)));
    for payload in [
        r#"{"kind":"member","org":"acme","run_id":"no-uuid"}"#,
        r#"{"kind":"member","org":"acme","run_id":"../../auth/me"}"#,
        r#"{"kind":"member","run_id":"ea71cf20-ed08-4db4-84e3-5b631a6acf2d"}"#,
        r#"{"kind":"other","org":"acme","run_id":"ea71cf20-ed08-4db4-84e3-5b631a6acf2d"}"#,
    ] {
        run_refs.push(encoded("run_", payload));
    }
    for reference in &run_refs {
        for tool in ["get_run_status", "wait_for_run"] {
            let result = client.call_tool(tool, json!({ "run_ref": reference })).await;
            assert_eq!(result.error_code(), "INVALID_PARAMS", "{tool} {reference:?}");
            assert!(result.text.contains("run_ref"), "the field is named: {}", result.text);
        }
    }
    assert_only_auth(&stack, &"a bad reference");
}

#[tokio::test]
async fn files_that_cannot_be_one_are_refused_here() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let over = BASE64_STANDARD.encode(vec![b'x'; 10 * 1024 * 1024 + 1]);
    let cases: [(&str, &str, &str); 7] = [
        ("file_content", "", "a.json"),
        ("file_content", "not base64!", "a.json"),
        ("file_content", "e30", "\u{7}"),
        ("file_content", "{\"plain\": true}", "a.json"),
        ("file_content", &over, "a.json"),
        ("file_name", "e30=", ""),
        ("file_name", "e30=", "a\nb.json"),
    ];
    for (field, content, name) in cases {
        let arguments = json!({ "file_content": content, "file_name": name, "workflow_ref": reference });
        let result = client.call_tool("validate_file", arguments).await;
        assert_eq!(result.error_code(), "INVALID_PARAMS", "{field} {name:?}");
        assert!(result.text.contains(field) || name.contains('\u{7}'), "the field is named: {}", result.text);
        assert!(result.body.len() < 4096, "the file is not quoted back");
    }
    assert_only_auth(&stack, &"a bad file");
}

#[tokio::test]
async fn everything_wrong_with_the_arguments_is_said_at_once() {
    let stack = Stack::start().await;
    let arguments = json!({ "file_content": 7, "workflow_ref": ["x"], "file_nmae": "a.json" });
    let result = stack.client(Era::Modern).call_tool("validate_file", arguments).await;
    assert_eq!(result.error_code(), "INVALID_PARAMS");
    for field in ["file_content", "file_name", "workflow_ref", "file_nmae"] {
        assert!(result.text.contains(field), "{field} is not named: {}", result.text);
    }
    assert_only_auth(&stack, &"bad arguments");
}

#[tokio::test]
async fn unknown_tools_and_wrong_types_are_answered_clearly() {
    let stack = Stack::start().await;
    for era in Era::BOTH {
        let client = stack.client(era);
        let reply = client.request("tools/call", json!({ "name": "validate", "arguments": {} })).await;
        let error = reply.error();
        assert_eq!(error["code"], -32602, "{error}");
        assert!(
            error["message"].as_str().is_some_and(|m| m.contains("validate_file")),
            "it says what there is: {error}"
        );
        for seconds in [json!("soon"), json!(1.5), json!([]), json!(true)] {
            let arguments = json!({ "run_ref": "run_x", "timeout_seconds": seconds });
            let result = client.call_tool("wait_for_run", arguments).await;
            assert_eq!(result.error_code(), "INVALID_PARAMS");
            assert!(result.text.contains("timeout_seconds"), "{}", result.text);
        }
        for params in [
            json!({ "name": 7 }),
            json!({ "name": "list_workflows", "arguments": [] }),
            json!({ "name": "list_workflows", "arguments": "{}" }),
        ] {
            let error = client.request("tools/call", params).await.error();
            assert_eq!(error["code"], -32602, "{error}");
            assert!(error["message"].as_str().is_some_and(|m| m.contains("`name` has to be")), "{error}");
        }
        let unknown = client.request("tools/destroy", json!({})).await.error();
        assert_eq!(unknown["code"], -32601, "{unknown}");
        assert_eq!(unknown["message"], "There is no method tools/destroy here");
        let long = client.request(&"x".repeat(10_000), json!({})).await;
        assert_eq!(long.error()["code"], -32601);
        assert!(long.body.len() < 1024, "it is not repeated whole");
    }
    let warnings = stack.server.logs.entries().into_iter().filter(|entry| entry["severity"] == "WARNING");
    assert_eq!(warnings.count(), 0, "hosts ask for what is not offered on every connection");
    assert_only_auth(&stack, &"an unknown tool");
}

#[tokio::test]
async fn bodies_that_are_no_json_rpc_are_refused_in_json_rpc_and_the_server_goes_on() {
    let stack = Stack::start().await;
    let post = async |body: Vec<u8>| {
        let request = plain_request(&stack).header("mcp-protocol-version", "2025-11-25");
        request.body(body).send().await.expect("an answer")
    };
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("\u{0}\u{1}", -32700),
        ("[]", -32600),
        ("7", -32600),
        ("null", -32600),
        ("{}", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
    ] {
        let answer = post(body.as_bytes().to_vec()).await;
        assert_eq!(answer.status(), 400, "{body:?}");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["error"]["code"], code, "{body:?}: {answer}");
    }
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(post(deep.into_bytes()).await.status().is_client_error(), "nested too deep");
    assert!(post(vec![b'x'; 32 << 20]).await.status().is_client_error(), "too large");
    stack.client(Era::Modern).call_tool("list_workflows", json!({})).await.success();
}

/// What is wrong outside the body, each one header away from a control that succeeds.
#[tokio::test]
async fn a_header_that_keeps_a_request_out_is_named() {
    let stack = Stack::start().await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string();
    let send = async |name: &str, value: &str| {
        let mut request = plain_request(&stack).body(call.clone()).build().expect("a request");
        if !name.is_empty() {
            let name: reqwest::header::HeaderName = name.parse().expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        http_client().execute(request).await.expect("an answer")
    };
    assert_eq!(send("", "").await.status(), 200, "the control: no version header means an older version");
    for (name, value, status, says) in [
        ("accept", "text/html", 406, "text/event-stream"),
        ("content-type", "text/plain", 415, "application/json"),
        ("host", "evil.example", 403, "VALIDIBOT_MCP_EXTRA_HOSTS"),
        ("origin", "https://evil.example", 403, "VALIDIBOT_MCP_ALLOWED_ORIGINS"),
    ] {
        let answer = send(name, value).await;
        assert_eq!(answer.status(), status, "{name}");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["error"]["code"], -32600, "{name}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains(says)), "{answer}");
    }
}

#[tokio::test]
async fn the_member_of_a_message_that_cannot_be_read_is_named() {
    let stack = Stack::start().await;
    for (body, says, id) in [
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "`id`", Value::Null),
        (r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}"#, "`id`", Value::Null),
        (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, "`jsonrpc`", json!(7)),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "Batches", Value::Null),
    ] {
        let answer = plain_request(&stack).body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{body}");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &id), "{body}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains(says)), "{answer}");
    }
}

#[tokio::test]
async fn a_version_that_is_none_is_told_which_there_are() {
    let stack = Stack::start().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let long = "9".repeat(4000);
    for (version, says) in [
        ("2099-01-01", "no version that this server speaks"),
        ("2025-06-18, 2025-06-18", "more than once"),
        (long.as_str(), "2026-07-28"),
    ] {
        let request = plain_request(&stack).header("mcp-protocol-version", version).body(ping.clone());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{version}");
        let text = answer.text().await.expect("text");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(answer["error"]["code"], -32022, "{answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains(says)), "{answer}");
        let supported = answer["error"]["data"]["supported"].as_array().expect("the versions");
        assert!(supported.contains(&json!("2025-11-25")), "{answer}");
        assert!(text.len() < 1024, "it is not repeated whole");
    }
}

#[tokio::test]
async fn a_client_that_takes_json_alone_gets_json_alone() {
    let stack = Stack::start().await;
    let request = |body: &Value| {
        let request = http_client().post(stack.server.mcp_url()).bearer_auth(fixtures::DEMO_TOKEN);
        request.header("accept", "application/json").json(body)
    };
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ANNUAL_SIMULATION);
    let client = stack.client(Era::Legacy);
    let run = client.call_tool(
        "validate_file",
        json!({ "workflow_ref": workflow, "file_name": "model.json", "text": String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL) }),
    );
    let run = run.await.success();
    // With progress on the way, which would come as events.
    let wait = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "wait_for_run",
        "arguments": { "run_ref": run["run_ref"], "timeout_seconds": 1 },
        "_meta": { "progressToken": "p" },
    } });
    for body in [&list, &wait] {
        let answer = request(body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["id"], body["id"]);
        assert!(answer["result"].is_object(), "{answer}");
    }
}

/// A request that only lacks its body.
fn plain_request(stack: &Stack) -> reqwest::RequestBuilder {
    http_client()
        .post(stack.server.mcp_url())
        .bearer_auth(fixtures::DEMO_TOKEN)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
}

/// The client's fault is not the server's: 400, not 500.
#[tokio::test]
async fn a_body_that_breaks_off_or_is_framed_wrongly_is_400() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stack = Stack::start().await;
    stack.client(Era::Legacy).hello().await;
    for rest in ["transfer-encoding: chunked\r\n\r\nZZ\r\n", "content-length: 400\r\n\r\n{\"jsonrpc\":"] {
        let address = stack.server.base().trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n{rest}",
            fixtures::DEMO_TOKEN
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("half closed");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("broken_body"), "{rest:?}: {answer}");
    }
    assert_only_auth(&stack, &"a broken body");
}

#[tokio::test]
async fn a_foreign_body_never_reaches_the_agent() {
    use sandbox::{Fault, Route};
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    let faults = [
        Fault::Html(200),
        Fault::Html(404),
        Fault::Html(500),
        Fault::Oversized(32 << 20),
        Fault::Redirect("http://127.0.0.1:1/steal".to_owned()),
        Fault::CutMidway,
    ];
    for fault in faults {
        for route in [Route::ListWorkflows, Route::Orgs] {
            stack.sandbox.misbehave(route, fault.clone());
        }
        let result = client.call_tool("list_workflows", json!({})).await;
        result.error_code();
        assert!(!result.body.contains(fixtures::HTML_MARKER), "{fault:?}: {}", result.body);
        assert!(result.body.len() < 4096, "{fault:?}");
        stack.sandbox.behave();
    }
    let list: Value = client.call_tool("list_workflows", json!({})).await.success();
    assert_eq!(list["result"].as_array().map(Vec::len), Some(5));
}
