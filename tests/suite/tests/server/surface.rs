//! What anybody may ask, and who may ask for `/mcp` from where.

use serde_json::{Value, json};
use suite::mcp::Era;
use suite::net::http_client;

use crate::Stack;

#[tokio::test]
async fn the_open_routes_answer_without_a_token_and_ask_nobody() {
    let stack = Stack::start().await;
    let get = async |path: &str| {
        http_client().get(format!("{}{path}", stack.server.base())).send().await.expect("an answer")
    };
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(path).await.status(), 200, "{path}");
    }
    let version: Value = get("/version").await.json().await.expect("JSON");
    assert_eq!(version["service"], "validibot-mcp");
    let descriptor: Value = get("/").await.json().await.expect("JSON");
    assert_eq!(descriptor["service"], "validibot-mcp");
    let endpoint = descriptor["surfaces"]["authenticated"]["endpoint"].as_str().expect("text");
    assert!(endpoint.ends_with("/mcp"), "{endpoint}");
    assert!(descriptor["surfaces"].get("public").is_none(), "{descriptor}");
    assert_eq!(get("/nothing-here").await.status(), 404);
    assert_eq!(stack.asked(), Vec::<String>::new());
}

/// SEP-2127; AI catalogue 1.0.
#[tokio::test]
async fn a_catalogue_leads_to_the_servers_card_and_any_page_may_read_both() {
    let stack = Stack::start().await;
    let base = stack.server.base();
    let get = async |path: &str, tag: &str| {
        let request =
            http_client().get(format!("{base}{path}")).header("origin", "https://directory.example");
        request.header("if-none-match", tag).send().await.expect("an answer")
    };
    let mut documents = Vec::new();
    for (path, kind) in [
        ("/.well-known/ai-catalog.json", "application/ai-catalog+json"),
        ("/mcp/server-card", "application/mcp-server-card+json"),
    ] {
        let answer = get(path, "\"another\"").await;
        let headers = answer.headers().clone();
        assert_eq!(
            (answer.status().as_u16(), &headers["content-type"]),
            (200, &kind.parse().expect("a value"))
        );
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["cache-control"], "public, max-age=3600");
        documents.push(answer.json::<Value>().await.expect("JSON"));
        let again = get(path, headers["etag"].to_str().expect("text")).await;
        assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &headers["etag"]));
        assert!(again.bytes().await.expect("a body").is_empty());
        let preflight = http_client().request(reqwest::Method::OPTIONS, format!("{base}{path}"));
        let preflight =
            preflight.header("access-control-request-method", "GET").send().await.expect("an answer");
        assert_eq!(
            (preflight.status().as_u16(), &preflight.headers()["access-control-allow-methods"]),
            (204, &"GET".parse().expect("a value"))
        );
    }
    let (catalogue, card) = (&documents[0], &documents[1]);
    assert_eq!(catalogue["specVersion"], "1.0");
    assert_eq!(catalogue["entries"][0]["type"], "application/mcp-server-card+json");
    assert_eq!(catalogue["entries"][0]["url"], "http://localhost:8001/mcp/server-card");
    assert_eq!(card["remotes"][0]["url"], "http://localhost:8001/mcp");
    assert!(stack.asked().is_empty(), "nobody is asked for them");
    let discovered = stack.client(Era::Modern).hello().await;
    let spoken = discovered["supportedVersions"].as_array().expect("a list");
    let named = card["remotes"][0]["supportedProtocolVersions"].as_array().expect("a list");
    assert!(spoken.iter().all(|version| named.contains(version)), "{card} {discovered}");
    // What the deploy tool wrote for a registry says the same.
    let entry = std::fs::read(suite::workspace().join("server/server.json")).expect("the entry");
    let entry: Value = serde_json::from_slice(&entry).expect("JSON");
    for key in ["name", "title", "description", "version", "websiteUrl"] {
        assert!(card[key].is_string() && card[key] == entry[key], "{key}: {card} {entry}");
    }
    let post = http_client().post(format!("{base}/mcp/server-card")).send().await.expect("an answer");
    assert_eq!(post.status(), 405);
}

#[tokio::test]
async fn the_descriptor_names_the_newest_version_that_is_really_spoken() {
    let stack = Stack::start().await;
    let descriptor: Value =
        http_client().get(stack.server.base()).send().await.expect("an answer").json().await.expect("JSON");
    let discovered = stack.client(Era::Modern).hello().await;
    let versions = discovered["supportedVersions"].as_array().expect("a list");
    let newest = versions.iter().filter_map(Value::as_str).max();
    assert_eq!(descriptor["mcp_protocol_version"].as_str(), newest, "{discovered}");
}

#[tokio::test]
async fn strange_hosts_and_origins_are_refused_on_mcp_alone() {
    let stack = Stack::start().await;
    let status = async |name: &'static str, value: &str| {
        let client = stack.client(Era::Modern).with_header(name, value);
        client.request("tools/list", json!({})).await.status
    };
    assert_eq!(status("host", "evil.example").await, 403);
    assert_eq!(status("origin", "https://evil.example").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("origin", "http://localhost:8001").await, 200, "the base URL's own origin");
    let open = http_client().get(format!("{}/livez", stack.server.base())).header("host", "anything.example");
    assert_eq!(open.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn there_are_no_sessions_in_either_era() {
    let stack = Stack::start().await;
    for era in Era::BOTH {
        let client = stack.client(era).with_header("mcp-session-id", "made-up");
        let reply = client.request("tools/list", json!({})).await;
        assert_eq!(reply.status, 200, "{era:?}: {}", reply.body);
        assert_eq!(reply.header("mcp-session-id"), None, "{era:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"), "{era:?}");
    }
}
