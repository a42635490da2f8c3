//! Uploads from pages: the views of MCP Apps run under origins that nobody can list beforehand.

use reqwest::{Method, Response};
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::net::http_client;
use suite::server::Server;

/// A sandboxed frame, an editor, a host's frame, and a page that nobody knows.
const ORIGINS: [&str; 4] =
    ["null", "vscode-webview://0a1b2c", "https://abc.claudemcpcontent.com", "https://unknown.example"];

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What a browser asks before it sends an upload (Fetch standard, CORS-preflight fetch).
async fn preflight(server: &Server, path: &str, origin: &str) -> Response {
    http_client()
        .request(Method::OPTIONS, format!("{}{path}", server.base()))
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type,x-validibot-upload-ticket")
        .send()
        .await
        .expect("an answer")
}

#[track_caller]
fn assert_permitted(answer: &Response, what: &str) {
    assert_eq!(answer.status(), 204, "{what}");
    assert_eq!(header(answer, "access-control-allow-origin"), "*", "{what}");
    assert_eq!(header(answer, "access-control-allow-methods"), "PUT, OPTIONS", "{what}");
    assert_eq!(
        header(answer, "access-control-allow-headers"),
        "Content-Type, X-Validibot-Upload-Ticket",
        "{what}"
    );
    assert!(header(answer, "access-control-max-age").parse::<u32>().is_ok_and(|age| age > 0), "{what}");
    assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{what}");
}

#[tokio::test]
async fn every_origin_may_upload_and_is_told_so_before_the_licence_and_the_limits() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let off = Server::for_api("http://127.0.0.1:1").env("VALIDIBOT_MCP_ENABLED", "false").start().await;
    sandbox.clear_received();
    for origin in ORIGINS {
        for path in ["/uploads", "/uploads/"] {
            assert_permitted(&preflight(&server, path, origin).await, origin);
        }
        assert_permitted(&preflight(&off, "/uploads", origin).await, "switched off");
    }
    let bare = http_client().request(Method::OPTIONS, format!("{}/uploads", server.base()));
    let bare = bare.send().await.expect("an answer");
    assert_permitted(&bare, "without an origin");
    assert_eq!(header(&bare, "allow"), "PUT, OPTIONS");
    assert_eq!(sandbox.received().len(), 0, "Validibot is asked nothing");
    // The routes of MCP keep to their list.
    let mcp = preflight(&server, "/mcp", "https://unknown.example").await;
    assert_eq!((mcp.status().as_u16(), header(&mcp, "access-control-allow-origin")), (403, ""));
}

#[tokio::test]
async fn a_page_reads_every_answer_to_its_upload() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let off = super::server(&sandbox).env("VALIDIBOT_MCP_ENABLED", "false").start().await;
    let client = super::client(&server, Era::Modern);
    let arguments = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE),
        "file_name": "table.csv",
    });
    let ticket = async || {
        let upload = client.call_tool("prepare_upload", arguments.clone()).await.success();
        upload["headers"]["X-Validibot-Upload-Ticket"].as_str().expect("a ticket").to_owned()
    };
    let put = async |server: &Server, ticket: &str, body: Vec<u8>| {
        let request = http_client().put(format!("{}/uploads", server.base())).header("origin", "null");
        let request = request.header("x-validibot-upload-ticket", ticket).body(body);
        request.send().await.expect("an answer")
    };
    let table = fixtures::GOOD_TABLE.to_vec();
    let good = ticket().await;
    let mut answers = vec![
        ("an upload", 202, put(&server, &good, table.clone()).await),
        ("no good ticket", 401, put(&server, "k1.AAAA", table.clone()).await),
        ("another file", 409, put(&server, &good, b"a,b\n".to_vec()).await),
        ("too large", 413, put(&server, &ticket().await, vec![b'x'; 11_000_000]).await),
        ("switched off", 503, put(&off, &good, table.clone()).await),
    ];
    let launches = |fault: &Fault| {
        for route in [Route::LaunchRun, Route::OrgLaunch] {
            sandbox.misbehave(route, fault.clone());
        }
    };
    launches(&Fault::Status(429));
    answers.push(("throttled", 429, put(&server, &ticket().await, table.clone()).await));
    launches(&Fault::Status(500));
    answers.push(("Validibot's trouble", 502, put(&server, &ticket().await, table.clone()).await));
    let get = http_client().get(format!("{}/uploads", server.base())).header("origin", "null");
    answers.push(("another method", 405, get.send().await.expect("an answer")));
    for (what, status, answer) in answers {
        assert_eq!(answer.status().as_u16(), status, "{what}");
        assert_eq!(header(&answer, "access-control-allow-origin"), "*", "{what}");
        assert!(header(&answer, "access-control-expose-headers").contains("Retry-After"), "{what}");
        let answer: Value = answer.json().await.expect("JSON");
        assert!(status < 300 || answer["error"].is_object() || answer["error"].is_string(), "{answer}");
    }
}
