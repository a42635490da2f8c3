//! What people type for the address, and what a client then shows them.

use reqwest::Method;
use sandbox::fixtures;
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::net::http_client;

use crate::Stack;

#[tokio::test]
async fn a_slash_at_the_end_is_the_same_address() {
    let stack = Stack::start().await;
    for era in Era::BOTH {
        let client =
            Client::new(&format!("{}/", stack.server.mcp_url()), era).with_token(fixtures::DEMO_TOKEN);
        client.hello().await;
        client.call_tool("list_workflows", json!({})).await.success();
    }
    let anonymous = http_client().post(format!("{}/", stack.server.mcp_url())).send().await;
    assert_eq!(anonymous.expect("an answer").status(), 401);
}

#[tokio::test]
async fn wherever_there_is_nothing_the_answer_names_the_address() {
    let stack = Stack::start().await;
    for (method, path, status) in [
        (Method::POST, "/", 405),
        (Method::DELETE, "/version", 405),
        (Method::GET, "/uploads", 405),
        (Method::POST, "/nothing-here", 404),
        (Method::GET, "/mcp/sse", 404),
        (Method::GET, "/sse", 404),
    ] {
        let url = format!("{}{path}", stack.server.base());
        let answer = http_client().request(method.clone(), url).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{method} {path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["mcp_endpoint"], "http://localhost:8001/mcp", "{method} {path}: {body}");
        let said = body["error_description"].as_str().expect("text");
        assert!(said.contains("http://localhost:8001/mcp"), "{said}");
    }
    let get = http_client().get(stack.server.mcp_url()).bearer_auth(fixtures::DEMO_TOKEN).send().await;
    let get = get.expect("an answer");
    assert_eq!((get.status().as_u16(), &get.headers()["allow"]), (405, &"POST".parse().expect("a value")));
    let body: Value = get.json().await.expect("JSON");
    assert_eq!(body["mcp_endpoint"], "http://localhost:8001/mcp", "{body}");
}

#[tokio::test]
async fn without_oauth_nobody_is_told_to_sign_in() {
    let stack = Stack::start().await;
    for path in ["/register", "/.well-known/oauth-protected-resource/mcp"] {
        let url = format!("{}{path}", stack.server.base());
        let answer = http_client().post(url).json(&json!({})).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert!(body["error_description"].as_str().is_some_and(|text| text.contains("API token")), "{body}");
    }
    let anonymous = http_client().post(stack.server.mcp_url()).send().await.expect("an answer");
    let body: Value = anonymous.json().await.expect("JSON");
    let said = body["error_description"].as_str().expect("text");
    assert!(said.contains("API token") && !said.contains("Sign in"), "{said}");
}
