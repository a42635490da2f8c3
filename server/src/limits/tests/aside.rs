//! Sign-ins that wait for somebody whom a stranger has named.

use std::net::IpAddr;

use futures_util::future::BoxFuture;

use super::*;
use crate::base::outbound::Resolver;
use crate::limits::MAX_ASIDE;

/// More than may wait.
const MORE: usize = 10;

/// An Internet in which no name is ever found.
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::pending())
    }
}

fn sign_in(client: &str, redirect: &str) -> Request {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", redirect),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let request = Request::get(format!("/authorize?{query}")).header("host", "localhost:8001");
    request.body(Body::empty()).expect("a request")
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_apps_document_holds_no_slot() {
    let (_app, router) = server_on(Outbound { resolver: Arc::new(Nowhere), trusted: None });
    let slow = |number: usize| {
        let client = format!("https://slow.example/{number}.json");
        ask(&router, sign_in(&client, "http://localhost/callback"))
    };
    let mut waiting = Box::pin(join_all((0..MAX_ASIDE + MORE).map(slow)));
    assert!(timeout(MOMENT, &mut waiting).await.is_err(), "they are waited for");

    documents_are_there(&router).await;
    let known = sign_in("validibot-claude-desktop", "https://claude.ai/api/mcp/auth_callback");
    let (status, page, took) = ask(&router, known).await;
    assert_eq!((status, took), (StatusCode::OK, Duration::ZERO), "{page}");

    let ended = waiting.await;
    let count = |wanted: StatusCode| ended.iter().filter(|(status, ..)| *status == wanted).count();
    assert_eq!(count(StatusCode::SERVICE_UNAVAILABLE), MORE, "the longest waits have ended");
    assert_eq!(count(StatusCode::BAD_REQUEST), MAX_ASIDE, "the others are told that there is no document");
}
