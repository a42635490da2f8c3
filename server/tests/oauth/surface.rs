//! What clients find: metadata, challenges, cross-origin access; and nothing of it where OAuth is off.

use axum::http::{Method, StatusCode};
use sandbox::fixtures;
use serde_json::{Value, json};
use validibot_mcp::base::outbound::Outbound;

use crate::stack::{CLIENT_SECRET, Stack};

const PATHS: [&str; 9] = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/register",
    "/authorize",
    "/consent",
    "/token",
    "/revoke",
];

async fn document(stack: &Stack, path: &str) -> Value {
    let response = stack.http.get(stack.url(path)).header("origin", "http://localhost:6274").send().await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "public, max-age=3600");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    response.json().await.expect("JSON")
}

#[tokio::test]
async fn the_metadata_leads_from_the_challenge_to_the_endpoints() {
    let stack = Stack::start().await;
    let base = stack.base.as_str();
    for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::OPTIONS] {
        let answer = stack.http.request(method.clone(), stack.url("/mcp")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method}");
        assert_eq!(
            answer.headers()["www-authenticate"],
            format!(
                "Bearer resource_metadata=\"{base}/.well-known/oauth-protected-resource/mcp\", scope=\"validibot:mcp\""
            )
        );
    }
    for path in PATHS[..2].iter().flat_map(|path| [(*path).to_owned(), format!("{path}/")]) {
        let resource = document(&stack, &path).await;
        assert_eq!(resource["resource"], format!("{base}/mcp"));
        assert_eq!(resource["authorization_servers"], json!([base]));
        assert_eq!(resource["scopes_supported"], json!(["validibot:mcp"]), "no offline_access here");
    }
    for path in PATHS[2..4].iter().flat_map(|path| [(*path).to_owned(), format!("{path}/")]) {
        let server = document(&stack, &path).await;
        assert_eq!(server["issuer"], base, "no slash at the end");
        for (member, path) in [
            ("authorization_endpoint", "/authorize"),
            ("token_endpoint", "/token"),
            ("registration_endpoint", "/register"),
            ("revocation_endpoint", "/revoke"),
        ] {
            assert_eq!(server[member], format!("{base}{path}"));
        }
        assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(server["token_endpoint_auth_methods_supported"], json!(["none"]));
        assert_eq!(server["scopes_supported"], json!(["validibot:mcp", "offline_access"]));
        assert_eq!(server["authorization_response_iss_parameter_supported"], true);
        assert_eq!(server["client_id_metadata_document_supported"], true);
    }
    let descriptor: Value =
        stack.http.get(stack.url("/")).send().await.expect("an answer").json().await.expect("JSON");
    let advertised = descriptor["surfaces"]["authenticated"]["oauth_metadata"].as_str().expect("advertised");
    assert_eq!(advertised, stack.url(PATHS[1]), "what the descriptor advertises is there");
}

/// A client that takes the address of the endpoint for the issuer asks for `/mcp` first, and must not be given another issuer's
/// document (RFC 8414, section 3.3); in a browser it has to be able to read that there is none.
#[tokio::test]
async fn what_is_no_issuer_and_no_resource_has_no_metadata_and_is_told_where_there_is_some() {
    let stack = Stack::start().await;
    for path in [
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/oauth-authorization-server/mcp/",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/oauth-protected-resource/public-mcp",
        "/.well-known/oauth-protected-resource/mcp/other",
    ] {
        let request = stack.http.get(stack.url(path)).header("origin", "http://localhost:6274");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        let body: Value = answer.json().await.expect("JSON");
        let said = body["error_description"].as_str().expect("text");
        for place in [PATHS[1], PATHS[2]] {
            assert!(said.contains(&stack.url(place)), "{path}: {said}");
        }
        assert_eq!(body["mcp_endpoint"], stack.url("/mcp"));
    }
    for path in ["/mcp/.well-known/openid-configuration", "/mcp/.well-known/oauth-authorization-server"] {
        let answer = stack.http.get(stack.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_metadata_never_comes_from_the_host_header() {
    let stack = Stack::start().await;
    for path in &PATHS[..4] {
        let request = stack
            .http
            .get(stack.url(path))
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example");
        let text = request.send().await.expect("an answer").text().await.expect("text");
        assert!(!text.contains("evil.example"), "{text}");
    }
}

#[tokio::test]
async fn browsers_may_call_what_programs_call_and_nothing_else() {
    let stack = Stack::start().await;
    for path in ["/register", "/token", "/revoke", PATHS[0], PATHS[2]] {
        let preflight = stack
            .http
            .request(Method::OPTIONS, stack.url(path))
            .header("origin", "http://localhost:6274")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,mcp-protocol-version");
        let answer = preflight.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    }
    for path in ["/authorize", "/consent", "/auth/callback"] {
        let request = stack.http.get(stack.url(path)).header("origin", "https://evil.example");
        assert!(
            !request.send().await.expect("an answer").headers().contains_key("access-control-allow-origin")
        );
    }
}

#[tokio::test]
async fn with_oauth_on_an_api_token_still_works() {
    let stack = Stack::start().await;
    assert_eq!(stack.call(fixtures::DEMO_TOKEN).await.status(), StatusCode::OK);
    assert_eq!(stack.call(fixtures::REVOKED_TOKEN).await.status(), StatusCode::UNAUTHORIZED);
    let (_, tokens) = stack.sign_in().await;
    assert_eq!(stack.call(tokens["access_token"].as_str().expect("text")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn with_oauth_off_there_is_nothing_of_it() {
    let stack = Stack::with(1, &[("VALIDIBOT_OAUTH_CLIENT_SECRET", "")], Outbound::default()).await;
    for path in PATHS {
        let answer = stack.http.get(stack.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let register = stack.http.post(stack.url("/register")).json(&json!({})).send().await.expect("an answer");
    assert_eq!(register.status(), StatusCode::NOT_FOUND);
    assert_eq!(register.headers()["access-control-allow-origin"], "*");
    let told: Value = register.json().await.expect("JSON, which clients show");
    assert!(told["error_description"].as_str().is_some_and(|text| text.contains("API token")), "{told}");
    let descriptor =
        stack.http.get(stack.url("/")).send().await.expect("an answer").text().await.expect("text");
    assert!(!descriptor.contains("oauth"), "{descriptor}");
    let refused = stack.http.get(stack.url("/mcp")).send().await.expect("an answer");
    let told = refused.text().await.expect("text");
    assert!(told.contains("API token") && !told.to_lowercase().contains("sign in"), "{told}");
    let challenge = stack.http.get(stack.url("/mcp")).send().await.expect("an answer");
    let challenge = challenge.headers()["www-authenticate"].to_str().expect("text").to_owned();
    assert!(!challenge.contains("resource_metadata"), "{challenge}");
    assert_eq!(
        stack.call(fixtures::DEMO_TOKEN).await.status(),
        StatusCode::OK,
        "API tokens are how to come in"
    );
    assert_eq!(stack.call(&stack.sandbox.mint().sign()).await.status(), StatusCode::UNAUTHORIZED);
}

/// No token and no secret in what a sign-in shows to anybody but its owner.
#[tokio::test]
async fn the_secret_stays_between_this_server_and_the_provider() {
    let stack = Stack::start().await;
    let (_, tokens) = stack.sign_in().await;
    assert!(!tokens.to_string().contains(CLIENT_SECRET));
    let token = tokens["access_token"].as_str().expect("text");
    stack.call(token).await;
    for request in stack.sandbox.received() {
        let sent = format!("{:?} {} {:?}", request.query, request.text(), request.headers);
        assert!(!sent.contains(token), "the access token went on to {}", request.path);
        assert!(!sent.contains(CLIENT_SECRET) || request.path == "/identity/o/api/token", "{}", request.path);
    }
}
