//! Client ID Metadata Documents, on an Internet of the test's own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::REDIRECT;
use crate::sites::{PUBLIC, Sites};
use crate::stack::Stack;
use suite::person::{Page, Person};

const ID: &str = "https://client.example/metadata.json";

fn ok(headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn metadata() -> String {
    json!({
        "client_id": ID,
        "client_name": "Claude Code",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
    })
    .to_string()
}

async fn world() -> (Stack, Sites) {
    let sites = Sites::start().await;
    sites.answer(ID, ok("", &metadata()));
    let stack = Stack::with(1, &[], sites.outbound.clone()).await;
    (stack, sites)
}

async fn authorize(stack: &Stack) -> Page {
    Person::default().get(&stack.authorize_url(ID, &[])).await
}

#[tokio::test]
async fn a_client_known_by_its_address_signs_in() {
    let (stack, sites) = world().await;
    let page = authorize(&stack).await;
    assert!(page.body.contains("Claude Code") && page.body.contains("client.example"), "{}", page.body);
    let code = stack.code(&mut Person::default(), ID).await;
    let (status, tokens) = stack.redeem(ID, &code, &[]).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(sites.visits(), 1, "one fetch for all of it");
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(REDIRECT.starts_with("http://localhost:"), "the document lists it without a port");
}

#[tokio::test]
async fn a_document_is_kept_as_its_headers_say_and_a_failure_never() {
    let (stack, sites) = world().await;
    sites.answer(ID, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(authorize(&stack).await.status, 400);
    sites.answer(ID, ok("Cache-Control: max-age=60\r\n", &metadata()));
    assert_eq!(authorize(&stack).await.status, 200, "a failure is not kept");
    assert_eq!(authorize(&stack).await.status, 200);
    assert_eq!(sites.visits(), 2);
    stack.advance(Duration::from_mins(1));
    assert_eq!(authorize(&stack).await.status, 200);
    assert_eq!(sites.visits(), 3, "asked again when its time is over");
    sites.answer(ID, ok("Cache-Control: no-store\r\n", &metadata()));
    stack.advance(Duration::from_mins(1));
    for visits in [4, 5] {
        assert_eq!(authorize(&stack).await.status, 200);
        assert_eq!(sites.visits(), visits);
    }
}

/// modelcontextprotocol/rust-sdk#935 and PrefectHQ/fastmcp's commits 5de15e0c2 and c1b0396c0: metadata addresses that lead
/// inside, also in the IPv6 forms that carry an IPv4 address.
#[tokio::test]
async fn only_public_addresses_are_dialled() {
    let (stack, sites) = world().await;
    for bad in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2606:4700::5efe:7f00:1",
    ] {
        sites.resolve(&[&[bad]]);
        assert_eq!(authorize(&stack).await.status, 400, "{bad}");
        sites.resolve(&[&[PUBLIC, bad]]);
        assert_eq!(authorize(&stack).await.status, 400, "{bad} beside a public one");
    }
    sites.resolve(&[&[]]);
    assert_eq!(authorize(&stack).await.status, 400, "no address at all");
    assert_eq!(sites.visits(), 0);
    sites.resolve(&[&[PUBLIC]]);
    assert_eq!(authorize(&stack).await.status, 200, "the control");
}

/// DNS rebinding: the name changes between the check and the connection. There is only one look-up.
#[tokio::test]
async fn a_name_cannot_change_its_mind_after_the_check() {
    let (stack, sites) = world().await;
    sites.resolve(&[&[PUBLIC], &["127.0.0.1"]]);
    assert_eq!(authorize(&stack).await.status, 200, "what was checked is what was dialled");
    let (stack, sites) = world().await;
    sites.answer(ID, ok("Cache-Control: no-store\r\n", &metadata()));
    sites.resolve(&[&[PUBLIC], &["127.0.0.1"]]);
    assert_eq!(authorize(&stack).await.status, 200);
    assert_eq!(authorize(&stack).await.status, 400, "and each fetch checks anew");
    assert_eq!(sites.visits(), 1);
}

/// PrefectHQ/fastmcp#3720: one has to be followed, and must not lead past the check, nor to a site that is not the one that the
/// page names as what vouches for the app.
#[tokio::test]
async fn one_redirect_is_followed_within_its_site_and_checked() {
    let (stack, sites) = world().await;
    let to =
        |location: &str| format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    for site in ["https://moved.example", "https://client.example"] {
        sites.answer(&format!("{site}/doc"), ok("Cache-Control: no-store\r\n", &metadata()));
    }
    for location in ["https://client.example/doc", "/doc"] {
        sites.answer(ID, to(location));
        assert_eq!(authorize(&stack).await.status, 200, "the control: {location}");
    }
    for location in [
        // An open redirector of a site that people trust.
        "https://moved.example/doc",
        "https://client.example:8443/doc",
        "http://client.example/doc",
        "https://127.0.0.1/doc",
        "https://[::ffff:127.0.0.1]/doc",
        "https://2130706433/doc",
        "file:///etc/passwd",
        "https://client.example/again",
    ] {
        sites.answer("https://client.example/again", to("https://client.example/doc"));
        sites.answer(ID, to(location));
        assert_eq!(authorize(&stack).await.status, 400, "{location}");
    }
    sites.answer(ID, to("https://client.example/doc"));
    sites.resolve(&[&[PUBLIC], &["10.0.0.1"]]);
    assert_eq!(authorize(&stack).await.status, 400, "the second address is checked too");
}

/// However a fetch fails, the page is the same: else strangers learn which names and addresses there are inside.
#[tokio::test]
async fn a_page_does_not_tell_why_a_fetch_failed() {
    let (stack, sites) = world().await;
    let mut pages = Vec::new();
    for (lookups, answer) in [
        (vec!["10.0.0.1"], ok("", &metadata())),
        (vec![], ok("", &metadata())),
        (vec![PUBLIC], ok("", &metadata()).replace("200 OK", "404 Not Found")),
        (vec![PUBLIC], "no HTTP".to_owned()),
    ] {
        sites.resolve(&[&lookups]);
        sites.answer(ID, answer);
        let page = authorize(&stack).await;
        assert_eq!(page.status, 400);
        pages.push(page.body);
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
    assert!(pages[0].contains("could not be fetched"), "{}", pages[0]);
}

/// Claude Code, Codex and others prefer documents where they are advertised, and can register where they are not: a server without a
/// way to the Internet must not advertise what it cannot fetch.
#[tokio::test]
async fn an_operator_can_switch_documents_off_and_name_a_client_by_its_address() {
    let sites = Sites::start().await;
    sites.answer(ID, ok("", &metadata()));
    let off = [("VALIDIBOT_OAUTH_CLIENT_DOCUMENTS", "false")];
    let stack = Stack::with(1, &off, sites.outbound.clone()).await;
    let server = stack.http.get(stack.url("/.well-known/oauth-authorization-server")).send().await;
    let server: serde_json::Value = server.expect("an answer").json().await.expect("JSON");
    assert_eq!(server["client_id_metadata_document_supported"], false);
    let page = authorize(&stack).await;
    assert!(page.status == 400 && page.body.contains("does not know the app"), "{page:?}");
    let (status, answer) = stack.redeem(ID, "no code", &[]).await;
    assert_eq!((status, &answer["error"]), (401, &"invalid_client".into()));

    let named = format!("{ID} http://localhost/callback");
    stack.restart(1, &[("VALIDIBOT_OAUTH_CLIENTS", &named)]);
    let code = stack.code(&mut Person::default(), ID).await;
    assert_eq!(stack.redeem(ID, &code, &[]).await.0, 200, "known without its document");
    assert_eq!(sites.visits(), 0);
}

/// Where a proxy is the only way out, it is used because an operator has said so, and by no other setting.
#[tokio::test]
async fn documents_are_fetched_by_the_proxy_that_is_configured() {
    let sites = Sites::start().await;
    sites.answer(ID, ok("", &metadata()));
    // The proxy looks names up: here nobody can.
    sites.resolve(&[&[]]);
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let (asked, server) = (Arc::new(Mutex::new(Vec::new())), sites.server());
    tokio::spawn(tunnel(proxy, server, asked.clone()));
    let by_proxy = [("VALIDIBOT_OAUTH_CLIENT_DOCUMENTS_PROXY", url.as_str())];
    let stack = Stack::with(1, &by_proxy, sites.outbound.clone()).await;
    assert_eq!(authorize(&stack).await.status, 200);
    assert_eq!(*asked.lock().expect("unpoisoned"), ["CONNECT client.example:443 HTTP/1.1"]);
    let direct = Stack::with(1, &[], sites.outbound.clone()).await;
    assert_eq!(authorize(&direct).await.status, 400, "without the setting the name is looked up here");
}

/// A proxy that leads every tunnel to one server, and notes what it was asked for.
async fn tunnel(listener: TcpListener, server: SocketAddr, asked: Arc<Mutex<Vec<String>>>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let asked = asked.clone();
        tokio::spawn(async move {
            let mut request = vec![0; 4096];
            let length = client.read(&mut request).await.ok()?;
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            asked.lock().expect("unpoisoned").push(request.lines().next()?.to_owned());
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.ok()?;
            let mut server = tokio::net::TcpStream::connect(server).await.ok()?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()
        });
    }
}

/// draft-ietf-oauth-client-id-metadata-document, security considerations.
#[tokio::test]
async fn oversized_slow_and_wrong_documents_are_refused() {
    let (stack, sites) = world().await;
    let padded = format!("{}{}", metadata(), " ".repeat(5 * 1024));
    for answer in [
        ok("", &padded),
        ok("", &metadata().replace("client.example", "other.example")),
        ok("", "<html>"),
        ok("", &metadata()).replace("application/json", "text/html"),
        ok("", &metadata()).replace("200 OK", "404 Not Found"),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n{padded}"
        ),
    ] {
        sites.answer(ID, answer.clone());
        let page = authorize(&stack).await;
        assert_eq!(page.status, 400, "{answer}");
        assert!(!page.body.contains("other.example"), "nothing of the document is shown");
    }
    sites.forget();
    assert_eq!(authorize(&stack).await.status, 400, "a server that never answers");
    sites.answer(ID, ok("", &metadata()));
    assert_eq!(authorize(&stack).await.status, 200, "the control");
}
