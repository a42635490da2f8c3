//! Chain 1 with API tokens: who may come in.

use futures_util::future::join_all;
use reqwest::Method;
use sandbox::{Fault, Route, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::net::http_client;

use crate::Stack;

#[tokio::test]
async fn every_method_is_challenged_before_any_transport_check() {
    let stack = Stack::start().await;
    let http = http_client();
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        let request = http.request(method.clone(), stack.server.mcp_url()).header("accept", "*/*");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{method}");
        let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
        assert!(challenge.starts_with("Bearer "), "{method}: {challenge}");
        assert!(!challenge.contains("error="), "no credential, no error code (RFC 6750, 3.1): {challenge}");
        assert!(!challenge.contains("resource_metadata"), "no OAuth here: {challenge}");
    }
    assert_eq!(stack.asked(), Vec::<String>::new(), "nobody was asked about nothing");
}

#[tokio::test]
async fn other_schemes_and_malformed_bearers_are_refused_without_a_question() {
    let stack = Stack::start().await;
    for authorization in ["Basic dXNlcjpwYXNz", "Token abc", "Bearer", "Bearer ", "Bearer a b", "Bearer ,"] {
        let request = http_client().post(stack.server.mcp_url()).header("authorization", authorization);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{authorization}");
    }
    assert_eq!(stack.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn tokens_that_validibot_refuses_are_401_and_remembered_for_a_moment() {
    let stack = Stack::start().await;
    for token in ["unknown-token", fixtures::REVOKED_TOKEN, fixtures::INACTIVE_TOKEN] {
        stack.sandbox.clear_received();
        for _ in 0..3 {
            let reply = stack.server.client(Era::Modern, token).request("tools/list", json!({})).await;
            assert_eq!(reply.status, 401, "{}", reply.body);
            let challenge = reply.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            assert!(!reply.body.contains(token), "{}", reply.body);
        }
        assert_eq!(stack.asked(), ["GET /api/v1/auth/me/"]);
    }
}

#[tokio::test]
async fn both_forms_of_api_token_are_accepted_in_any_case_of_the_scheme() {
    let stack = Stack::start().await;
    for token in [fixtures::DEMO_TOKEN, fixtures::LEGACY_TOKEN] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let client = suite::mcp::Client::new(&stack.server.mcp_url(), Era::Legacy)
                .with_header("authorization", &format!("{scheme} {token}"));
            client.hello().await;
        }
    }
}

#[tokio::test]
async fn cannot_tell_is_503_with_retry_after_and_is_not_remembered() {
    let faults = [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Cut,
        // A page that is 200 accepts nobody.
        Fault::Html(200),
        Fault::TruncatedJson,
        Fault::Oversized(1 << 20),
        Fault::Redirect("http://127.0.0.1:1/elsewhere".to_owned()),
        // Longer than anybody is asked to wait.
        Fault::Hang,
    ];
    for fault in faults {
        let stack = Stack::start().await;
        stack.sandbox.misbehave_times(Route::AuthMe, fault.clone(), 1);
        let client = stack.client(Era::Modern);
        let reply = client.request("tools/list", json!({})).await;
        assert_eq!(reply.status, 503, "{fault:?}: {}", reply.body);
        assert!(reply.header("retry-after").is_some(), "{fault:?}: {:?}", reply.headers);
        assert!(!reply.body.contains(fixtures::HTML_MARKER), "{fault:?}: {}", reply.body);
        client.request("tools/list", json!({})).await.result();
    }
}

/// Validibot counts only the requests of users whom it has found, so a 429 means that the token is good.
#[tokio::test]
async fn a_user_who_is_throttled_at_the_door_is_told_so_and_for_how_long() {
    let stack = Stack::start().await;
    let client = stack.client(Era::Modern);
    for (fault, status, seconds) in [
        (Fault::StatusWithRetryAfter(429, 58), 429, "58"),
        (Fault::Status(429), 429, "60"),
        (Fault::StatusWithRetryAfter(503, 20), 503, "20"),
        (Fault::StatusWithRetryAfter(503, 1 << 40), 503, "3600"),
    ] {
        stack.sandbox.misbehave_times(Route::AuthMe, fault.clone(), 1);
        let reply = client.request("tools/list", json!({})).await;
        assert_eq!((reply.status, reply.header("retry-after")), (status, Some(seconds)), "{fault:?}");
        assert!(reply.header("www-authenticate").is_none(), "nothing that makes a client drop its token");
    }
    client.request("tools/list", json!({})).await.result();
}

#[tokio::test]
async fn many_first_uses_of_a_token_make_one_request() {
    let stack = Stack::start().await;
    stack.sandbox.misbehave(Route::AuthMe, Fault::Delay(std::time::Duration::from_millis(300)));
    let client = stack.client(Era::Modern);
    let replies = join_all((0..40).map(|_| client.request("tools/list", json!({})))).await;
    for reply in replies {
        reply.result();
    }
    assert_eq!(stack.asked(), ["GET /api/v1/auth/me/"]);
}

#[tokio::test]
async fn the_token_goes_to_validibot_as_contract_and_never_as_authorization_of_the_service() {
    let stack = Stack::start().await;
    stack.client(Era::Modern).call_tool("list_workflows", json!({})).await.success();
    let received = stack.sandbox.received();
    let list =
        received.iter().find(|r| r.path == "/api/v1/mcp/workflows/").expect("the catalogue was asked for");
    assert_eq!(list.header("x-mcp-service-key"), Some(fixtures::SERVICE_KEY));
    assert_eq!(list.header("x-validibot-api-token"), Some(fixtures::DEMO_TOKEN));
    assert_eq!(list.header("x-validibot-user-sub"), None);
    assert_eq!(list.header("authorization"), None);
    assert_eq!(list.header("cookie"), None);
}

#[tokio::test]
async fn each_caller_sees_what_is_his() {
    let stack = Stack::start().await;
    let list = async |token: &str| {
        let list = stack.server.client(Era::Modern, token).call_tool("list_workflows", json!({})).await;
        list.success().to_string()
    };
    let (demo, second) = (list(fixtures::DEMO_TOKEN).await, list(fixtures::SECOND_TOKEN).await);
    assert!(!demo.contains(fixtures::HIDDEN_WORKFLOW) && demo.contains(fixtures::NORTHWIND), "{demo}");
    assert!(second.contains(fixtures::HIDDEN_WORKFLOW) && !second.contains(fixtures::NORTHWIND), "{second}");
}
