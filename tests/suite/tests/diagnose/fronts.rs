//! What stands between clients and the server: names, proxies, certificates. One fault each.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use sandbox::{Sandbox, fixtures};
use suite::net::{free_port, http_client};
use suite::server::Server;
use tokio::net::TcpListener;

use super::{CLIENT_SECRET, Diagnosis, With, diagnose};

/// What a front answers itself: status, headers, body.
type Own = (u16, &'static [(&'static str, &'static str)], String);

/// A proxy that passes everything on but what it answers itself.
struct Front {
    target: String,
    own: BTreeMap<&'static str, Own>,
}

/// A healthy deployment behind a front with these answers of its own; `{base}` in a body is the public address.
async fn behind(own: &[(&'static str, Own)]) -> Diagnosis {
    let sandbox = Sandbox::builder().oauth_client_secret(CLIENT_SECRET).start().await.expect("a sandbox");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let base = format!("http://127.0.0.1:{}", listener.local_addr().expect("its address").port());
    sandbox.set_mcp_base_url(&base);
    let server = Server::with_sign_in(&sandbox).env("VALIDIBOT_MCP_BASE_URL", &base).start().await;
    let fill = |(status, headers, body): &Own| (*status, *headers, body.replace("{base}", &base));
    let own = own.iter().map(|(path, own)| (*path, fill(own))).collect();
    let front = Arc::new(Front { target: server.base().to_owned(), own });
    let serving = tokio::spawn(async move {
        // It ends with the test.
        let _ = axum::serve(listener, Router::new().fallback(pass).with_state(front)).await;
    });
    let found = diagnose(&base, With::token(fixtures::DEMO_TOKEN)).await;
    serving.abort();
    found
}

async fn pass(State(front): State<Arc<Front>>, request: Request) -> Response<Body> {
    if let Some((status, headers, body)) = front.own.get(request.uri().path()) {
        let mut response = Response::builder().status(*status);
        for (name, value) in *headers {
            response = response.header(*name, *value);
        }
        return response.body(Body::from(body.clone())).expect("a response");
    }
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("the request is complete");
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", front.target);
    let sent = http_client().request(head.method, url).headers(head.headers).body(body).send().await;
    let answer = sent.expect("the server answers");
    let mut response = Response::builder().status(answer.status());
    response.headers_mut().expect("it has headers").extend(answer.headers().clone());
    response.body(Body::from(answer.bytes().await.expect("a body"))).expect("a response")
}

const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn page(status: u16) -> Own {
    (status, HTML, "<html><body>a front's own page</body></html>".to_owned())
}

#[tokio::test]
async fn a_front_that_passes_everything_on_is_no_finding() {
    behind(&[]).await.expect_nothing();
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let found = diagnose("https://mcp.acme.invalid", With::default()).await;
    found.expect("dns", "unknown-host", &["mcp.acme.invalid", "DNS record"]);
    assert_eq!(found.hops("passed"), Vec::<&str>::new());
}

#[tokio::test]
async fn a_base_url_that_is_not_the_public_one_is_named() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    let found = diagnose(server.base(), With::default()).await;
    found.expect("descriptor", "base-url", &["http://localhost:8001/mcp", "VALIDIBOT_MCP_BASE_URL="]);
}

#[tokio::test]
async fn plain_http_on_a_port_for_https_is_named() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    let found = diagnose(&server.base().replace("http:", "https:"), With::default()).await;
    found.expect("tls", "certificate", &["TLS"]);
}

#[tokio::test]
async fn something_that_speaks_no_http_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let closing = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let found = diagnose(&format!("http://127.0.0.1:{port}"), With::default()).await;
    closing.abort();
    found.expect("descriptor", "no-answer", &["accepts connections"]);
}

#[tokio::test]
async fn another_service_is_named() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let found = diagnose(sandbox.url(), With::default()).await;
    found.expect("descriptor", "another-service", &["not a Validibot MCP server"]);
}

#[tokio::test]
async fn a_front_without_a_server_is_named() {
    let found = behind(&[("/", page(503))]).await;
    found.expect("descriptor", "front-without-server", &["HTTP 503", "licence"]);
}

#[tokio::test]
async fn a_front_that_refuses_the_public_is_named() {
    let found = behind(&[("/", page(403))]).await;
    found.expect("descriptor", "front-refuses", &["unauthenticated"]);
}

#[tokio::test]
async fn a_redirect_to_another_address_is_named() {
    let to = &[("location", "https://mcp.acme.example/")];
    let found = behind(&[("/", (301, to, String::new()))]).await;
    found.expect("descriptor", "redirected", &["https://mcp.acme.example/"]);
}

#[tokio::test]
async fn a_front_that_answers_in_the_place_of_the_challenge_is_named() {
    let found = behind(&[("/mcp", page(401))]).await;
    found.expect("challenge", "no-challenge", &["WWW-Authenticate"]);
}

#[tokio::test]
async fn a_front_that_rewrites_the_challenge_is_named() {
    let rewritten = &[("www-authenticate", r#"Bearer resource_metadata="http://10.0.0.7:8080/x""#)];
    let found = behind(&[("/mcp", (401, rewritten, String::new()))]).await;
    found.expect("challenge", "challenge-metadata", &["http://10.0.0.7:8080/x", "VALIDIBOT_MCP_BASE_URL"]);
}

#[tokio::test]
async fn well_known_paths_that_are_not_passed_on_are_named() {
    let found = behind(&[("/.well-known/oauth-protected-resource/mcp", page(404))]).await;
    found.expect("resource-metadata", "metadata-missing", &["HTTP 404", "/.well-known/"]);
    let found = behind(&[("/.well-known/oauth-authorization-server", page(200))]).await;
    found.expect("server-metadata", "metadata-missing", &["HTTP 200 (text/html)"]);
}

#[tokio::test]
async fn a_resource_with_a_slash_too_many_is_named() {
    let body = r#"{"resource":"{base}/mcp/","authorization_servers":["{base}"]}"#.to_owned();
    let found = behind(&[("/.well-known/oauth-protected-resource", (200, JSON, body))]).await;
    found.expect("resource-metadata", "metadata-differs", &["resource is", "byte for byte"]);
}

#[tokio::test]
async fn an_issuer_with_a_slash_too_many_is_named() {
    let body = r#"{"issuer":"{base}/"}"#.to_owned();
    let found = behind(&[("/.well-known/oauth-authorization-server", (200, JSON, body))]).await;
    found.expect("server-metadata", "metadata-differs", &["issuer is", "byte for byte"]);
}

#[tokio::test]
async fn a_registration_that_a_firewall_blocks_is_named() {
    let found = behind(&[("/register", page(403))]).await;
    found.expect("registration", "registration-refused", &["HTTP 403", "firewall"]);
}

#[tokio::test]
async fn a_consent_page_that_is_not_passed_on_is_named() {
    let found = behind(&[("/authorize", page(404))]).await;
    found.expect("consent", "consent", &["/authorize", "HTTP 404"]);
    let found = behind(&[("/consent", page(403))]).await;
    found.expect("consent", "consent", &["/consent", "cookies"]);
}

#[tokio::test]
async fn a_host_name_that_the_server_does_not_answer_to_is_named() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    // The name is one that this machine alone resolves to itself; the server is told another one.
    let port = free_port();
    let server = Server::for_sandbox(&sandbox)
        .env("PORT", port.to_string())
        .env("VALIDIBOT_MCP_BASE_URL", format!("http://mcp.acme.localhost:{port}"))
        .start()
        .await;
    let found = diagnose(server.base(), With::default()).await;
    found.expect("descriptor", "base-url", &["mcp.acme.localhost"]);
}
