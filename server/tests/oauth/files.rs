//! Files that an agent's host hands over by their address, on an Internet of the test's own.

use std::time::Duration;

use sandbox::fixtures;
use serde_json::{Value, json};

use crate::sites::{PUBLIC, Sites};
use crate::stack::Stack;

const FILE: &str = "https://files.example/readings.csv?sig=secret";
/// The largest file, and one byte.
const TOO_LARGE: usize = 10_483_712 + 1;

fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn whole(body: &str) -> String {
    response("200 OK", &format!("Content-Length: {}\r\n", body.len()), body)
}

fn table() -> String {
    String::from_utf8(fixtures::BAD_TABLE.to_vec()).expect("text")
}

async fn world(hosts: &str) -> (Stack, Sites) {
    let sites = Sites::start().await;
    sites.answer(FILE, whole(&table()));
    let stack = Stack::with(1, &[("VALIDIBOT_MCP_FILE_HOSTS", hosts)], sites.outbound.clone()).await;
    (stack, sites)
}

async fn validate(stack: &Stack, more: Value) -> Value {
    let mut arguments =
        json!({ "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE) });
    for (key, value) in more.as_object().expect("an object") {
        arguments[key] = value.clone();
    }
    stack.tool(fixtures::DEMO_TOKEN, "validate_file", arguments).await
}

fn handed(url: &str) -> Value {
    json!({ "file": { "download_url": url, "file_id": "file_1", "mime_type": "text/csv", "file_name": "readings.csv" } })
}

#[tokio::test]
async fn a_file_of_a_listed_host_is_fetched_without_a_credential_and_validated() {
    let (stack, sites) = world("files.example, *.usercontent.example").await;
    let tools = stack.tools(fixtures::DEMO_TOKEN).await;
    let tool = tools.iter().find(|tool| tool["name"] == "validate_file").expect("the tool");
    assert_eq!(tool["_meta"]["openai/fileParams"], json!(["file"]));
    assert_eq!(tool["inputSchema"]["properties"]["file"]["required"], json!(["download_url", "file_id"]));
    for tool in &tools {
        let schemes = &tool["_meta"]["securitySchemes"];
        assert_eq!(schemes, &json!([{ "type": "oauth2", "scopes": ["validibot:mcp"] }]), "{tool}");
    }

    let result = validate(&stack, handed(FILE)).await;
    assert_eq!(result["structuredContent"]["overview"]["result"], "FAIL", "{result}");
    let stored = stack.sandbox.stored();
    assert_eq!((stored.len(), stored[0].bytes.as_ref()), (1, fixtures::BAD_TABLE));
    let head = sites.last().to_ascii_lowercase();
    assert!(head.starts_with("get /readings.csv?sig=secret "), "{head}");
    for credential in ["authorization", "cookie", "x-validibot"] {
        assert!(!head.contains(credential), "{head}");
    }

    // The argument's own name comes first; a redirect within the host is followed.
    let moved = "https://files.example/moved";
    sites.answer(moved, response("302 Found", "Location: /readings.csv?sig=secret\r\n", ""));
    let mut given = handed(moved);
    given["file_name"] = "other.csv".into();
    let result = validate(&stack, given).await;
    assert_eq!(result["structuredContent"]["overview"]["result"], "FAIL", "{result}");
    assert!(stack.sandbox.stored()[1].name.starts_with("other."), "{:?}", stack.sandbox.stored()[1].name);
}

#[tokio::test]
async fn any_other_address_is_refused_before_validibot_hears_of_it() {
    let (stack, sites) = world("files.example").await;
    let at = |path: &str| format!("https://files.example/{path}");
    let large = "x".repeat(TOO_LARGE);
    sites.answer(&at("elsewhere"), response("302 Found", "Location: https://moved.example/x\r\n", ""));
    sites.answer("https://moved.example/x", whole(&table()));
    sites.answer(&at("twice"), response("302 Found", "Location: /twice\r\n", ""));
    sites.answer(&at("large"), whole(&large));
    sites.answer(&at("endless"), response("200 OK", "", &large));
    sites.answer(&at("empty"), whole(""));
    sites.answer(&at("gone"), response("403 Forbidden", "Content-Length: 0\r\n", ""));
    sites.answer(&at("short"), response("200 OK", "Content-Length: 5000\r\n", "a"));
    sites.answer(&at("gzip"), response("200 OK", "Content-Encoding: br\r\n", "a"));
    sites.answer(&at("program.csv"), whole("MZ"));
    let cases = [
        ("https://evil.example/x".to_owned(), "of a host from which this server fetches no files", 0),
        ("https://files.example.evil.example/x".to_owned(), "of a host from which", 0),
        ("https://93.184.216.34/x".to_owned(), "of a host from which", 0),
        ("http://files.example/x".to_owned(), "https address", 0),
        ("https://files.example:8443/x".to_owned(), "https address", 0),
        ("https://user:pass@files.example/x".to_owned(), "https address", 0),
        ("/mnt/data/readings.csv".to_owned(), "has to have the file's address", 0),
        ("x".repeat(9_000), "has to have the file's address", 0),
        (at("elsewhere"), "its host cannot be reached", 1),
        (at("twice"), "answered with 302", 2),
        (at("large"), "it is too large: a file may have at most 10483712 bytes", 1),
        (at("endless"), "it is too large", 1),
        (at("empty"), "it is empty", 1),
        (at("gone"), "answered with 403", 1),
        (at("short"), "ended early", 1),
        (at("gzip"), "came compressed", 1),
        (at("program.csv"), "begins as", 1),
    ];
    for (url, says, visits) in cases {
        let before = sites.visits();
        let result = validate(&stack, handed(&url)).await;
        let error = &result["structuredContent"]["error"];
        assert_eq!(
            (&result["isError"], &error["code"]),
            (&json!(true), &json!("INVALID_PARAMS")),
            "{url}: {result}"
        );
        assert_eq!(error["data"]["errors"][0]["field"], "file", "{url}: {error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(says)), "{url}: {error}");
        assert_eq!(sites.visits() - before, visits, "{url}");
    }
    // A name that leads into this network, alone or beside a public address, and one that changes its mind.
    for lookups in [
        &[&["10.0.0.7"] as &[&str]] as &[&[&str]],
        &[&["127.0.0.1"]],
        &[&["169.254.169.254"]],
        &[&["::ffff:127.0.0.1"]],
        &[&[PUBLIC, "192.168.0.1"]],
        &[&[]],
    ] {
        sites.resolve(lookups);
        let before = sites.visits();
        let result = validate(&stack, handed(FILE)).await;
        let message = result["structuredContent"]["error"]["message"].to_string();
        assert!(message.contains("its host cannot be reached"), "{lookups:?}: {message}");
        assert_eq!(sites.visits(), before, "{lookups:?}");
    }
    sites.resolve(&[&[PUBLIC]]);
    for (given, says) in [
        (
            json!({ "file": "readings.csv", "file_name": "readings.csv" }),
            "has to be the object that the host puts there",
        ),
        (json!({ "file": {}, "file_name": "readings.csv" }), "has to have the file's address"),
        (
            json!({ "file": { "download_url": 7 }, "file_name": "readings.csv" }),
            "has to have the file's address",
        ),
        (json!({ "file": { "download_url": FILE, "file_id": "1" } }), "file_name is missing"),
    ] {
        let result = validate(&stack, given).await;
        let message = result["structuredContent"]["error"]["message"].to_string();
        assert!(message.contains(says), "{message}");
    }
    let mut both = handed(FILE);
    both["text"] = "a,b".into();
    let result = validate(&stack, both).await;
    assert!(result["structuredContent"]["error"]["message"].to_string().contains("both given"), "{result}");

    assert!(stack.sandbox.stored().is_empty(), "nothing came to Validibot");
    let result = validate(&stack, handed(FILE)).await;
    assert_eq!(result["structuredContent"]["overview"]["result"], "FAIL", "the control: {result}");
}

/// How many bytes come is the other side's to say: each file is charged as the largest, before it is fetched.
#[tokio::test]
async fn one_caller_has_so_many_files_on_their_way_and_no_more() {
    let (stack, sites) = world("files.example").await;
    let stack = std::sync::Arc::new(stack);
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let stack = stack.clone();
            tokio::spawn(async move { validate(&stack, handed("https://files.example/never")).await })
        })
        .collect();
    let all_there = async {
        while sites.visits() < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), all_there).await.expect("four wait for their bytes");
    let result = validate(&stack, handed(FILE)).await;
    let error = &result["structuredContent"]["error"];
    assert_eq!(error["code"], "SERVICE_UNAVAILABLE", "{result}");
    assert!(error["data"]["retry_after_seconds"].is_u64(), "{error}");
    assert_eq!(sites.visits(), 4);
    for one in slow {
        one.abort();
        let _ = one.await;
    }
    assert!(stack.sandbox.stored().is_empty());
}

#[tokio::test]
async fn without_a_list_of_hosts_there_is_no_such_argument() {
    let (stack, sites) = world("").await;
    let tools = stack.tools(fixtures::DEMO_TOKEN).await;
    let tool = tools.iter().find(|tool| tool["name"] == "validate_file").expect("the tool");
    assert!(tool["_meta"].get("openai/fileParams").is_none(), "{tool}");
    assert!(tool["inputSchema"]["properties"].get("file").is_none(), "{tool}");
    let mut given = handed(FILE);
    given["file_name"] = "readings.csv".into();
    let result = validate(&stack, given).await;
    let message = result["structuredContent"]["error"]["message"].to_string();
    assert!(message.contains("file is not an argument of this tool"), "{message}");
    assert_eq!(sites.visits(), 0);
}
