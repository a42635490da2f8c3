//! Pages and desktop programs that an operator allows: what a browser has to be told before it lets them call.

use reqwest::Method;
use sandbox::{Edition, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::net::http_client;
use suite::server::Server;

const PAGE: &str = "https://inspector.example:6274";
/// Origins as desktop programs, editors and sandboxed frames have them.
const PROGRAMS: [&str; 3] = ["app://obsidian.md", "vscode-webview://0a1b2c", "null"];

async fn stack() -> (Sandbox, Server) {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let origins = format!("{PAGE}, {}", PROGRAMS.join(","));
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_ALLOWED_ORIGINS", origins).start().await;
    sandbox.clear_received();
    (sandbox, server)
}

async fn preflight(server: &Server, path: &str, origin: &str, method: &str) -> reqwest::Response {
    http_client()
        .request(Method::OPTIONS, format!("{}{path}", server.base()))
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header(
            "access-control-request-headers",
            "authorization,content-type,mcp-protocol-version,mcp-param-workflow_ref",
        )
        .send()
        .await
        .expect("an answer")
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_preflight_is_permitted_before_anybody_is_asked_who_calls() {
    let (sandbox, server) = stack().await;
    for origin in [PAGE].into_iter().chain(PROGRAMS) {
        for path in ["/mcp", "/mcp/"] {
            let answer = preflight(&server, path, origin, "POST").await;
            assert_eq!(answer.status(), 204, "{path} {origin}");
            assert_eq!(header(&answer, "access-control-allow-origin"), origin);
            assert_eq!(header(&answer, "access-control-allow-methods"), "POST");
            assert!(header(&answer, "vary").to_lowercase().contains("origin"));
            assert!(!answer.headers().contains_key("access-control-allow-credentials"));
            let granted = header(&answer, "access-control-allow-headers").to_lowercase();
            for name in [
                "authorization",
                "content-type",
                "accept",
                "mcp-protocol-version",
                "mcp-method",
                "mcp-name",
                "last-event-id",
                "mcp-param-workflow_ref",
            ] {
                assert!(granted.split(", ").any(|granted| granted == name), "{name} is not in {granted}");
            }
        }
    }
    let answer = preflight(&server, "/mcp", "https://evil.example", "POST").await;
    assert_eq!(answer.status(), 403);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert!(answer.text().await.expect("text").contains("VALIDIBOT_MCP_ALLOWED_ORIGINS"));
    assert_eq!(sandbox.received().len(), 0, "nobody is asked");
}

#[tokio::test]
async fn a_page_may_read_every_answer_a_refusal_too() {
    let (sandbox, server) = stack().await;
    let post = async |path: &str, token: Option<&str>, body: Value| {
        let request = http_client().post(format!("{}{path}", server.base())).header("origin", PAGE);
        let request = request.header("accept", "application/json, text/event-stream").json(&body);
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.expect("an answer")
    };
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let token = Some(fixtures::DEMO_TOKEN);
    for (what, answer, status) in [
        ("the list", post("/mcp", token, list.clone()).await, 200),
        ("without a token", post("/mcp", None, list.clone()).await, 401),
        ("no message", post("/mcp/", token, json!([])).await, 400),
    ] {
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(header(&answer, "access-control-allow-origin"), PAGE, "{what}");
        assert!(header(&answer, "vary").to_lowercase().contains("origin"), "{what}");
        assert!(header(&answer, "access-control-expose-headers").contains("WWW-Authenticate"), "{what}");
    }
    sandbox.set_edition(Edition::Community);
    assert_eq!(preflight(&server, "/mcp", PAGE, "POST").await.status(), 204, "whatever the licence says");

    let strange = http_client().post(server.mcp_url()).header("origin", "https://evil.example").json(&list);
    let strange = strange.bearer_auth(fixtures::DEMO_TOKEN).send().await.expect("an answer");
    assert_eq!(strange.status(), 403);
    assert!(!strange.headers().contains_key("access-control-allow-origin"));
    assert!(header(&strange, "vary").to_lowercase().contains("origin"), "caches tell origins apart");
}

#[tokio::test]
async fn what_is_no_origin_is_refused_with_what_to_write() {
    let exit = Server::for_api("http://127.0.0.1:1")
        .env("VALIDIBOT_MCP_SERVICE_KEY", "key")
        .env("VALIDIBOT_MCP_ALLOWED_ORIGINS", "https://good.example, *, bad.example")
        .run_to_exit()
        .await;
    assert_eq!(exit.code, Some(64));
    for said in ["\\\"*\\\"", "bad.example", "https://host[:port]"] {
        assert!(
            exit.log.contains(said) || exit.log.contains(&said.replace('\\', "")),
            "{said}: {}",
            exit.log
        );
    }
    assert!(!exit.log.contains("good.example\""), "{}", exit.log);
}
