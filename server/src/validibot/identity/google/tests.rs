//! The real crate against a metadata server on loopback that can misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";

fn token(payload: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
}

/// Long enough for an answer on a busy machine, where one is to come.
const SHORT: Patience = Patience {
    wait: Duration::from_secs(2),
    rest: Duration::from_millis(500),
    long_rest: Duration::from_secs(1),
};

/// What the metadata server does with the nth request, counted from 0.
type Script = fn(usize) -> Answer;

enum Answer {
    Silence,
    Body(StatusCode, String),
}

/// Serves by the script and counts.
async fn metadata(script: Script) -> (GoogleIdentity, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let answer = move |RawQuery(query): RawQuery, headers: HeaderMap| async move {
        assert_eq!(query.as_deref(), Some("audience=https%3A%2F%2Fa.example%2F&format=full"));
        assert_eq!(headers["metadata-flavor"], "Google");
        match script(counter.fetch_add(1, Ordering::SeqCst)) {
            Answer::Body(status, body) => (status, body).into_response(),
            Answer::Silence => std::future::pending::<Response>().await,
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(axum::serve(listener, Router::new().route(PATH, get(answer))).into_future());
    (
        GoogleIdentity {
            endpoint: Some(endpoint),
            patience: SHORT,
            ..GoogleIdentity::new("https://a.example/")
        },
        asked,
    )
}

const GOOD: &str = r#"{"exp":4102444800}"#;

fn answers(status: StatusCode, body: &str) -> Answer {
    Answer::Body(status, body.to_owned())
}

fn gives(payload: &str) -> Answer {
    Answer::Body(StatusCode::OK, token(payload))
}

async fn recovers(identity: &GoogleIdentity) -> SecretString {
    let limit = Instant::now() + Duration::from_mins(1);
    loop {
        match identity.token().await {
            Ok(token) => return token,
            Err(error) => assert!(Instant::now() < limit, "{error}"),
        }
        tokio::time::sleep(SHORT.rest / 20).await;
    }
}

#[tokio::test]
async fn one_fetch_serves_everybody() {
    let (identity, asked) = metadata(|_| gives(GOOD)).await;
    for _ in 0..5 {
        identity.token().await.expect("a token");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn whatever_the_first_answer_was_a_later_good_one_is_used() {
    let bad: [Script; 4] = [
        |n| if n == 0 { answers(StatusCode::NOT_FOUND, "secret") } else { gives(GOOD) },
        |n| if n == 0 { answers(StatusCode::INTERNAL_SERVER_ERROR, "secret") } else { gives(GOOD) },
        |n| if n == 0 { answers(StatusCode::OK, "<html>secret</html>") } else { gives(GOOD) },
        |n| if n == 0 { gives("{}") } else { gives(GOOD) },
    ];
    for (number, script) in bad.into_iter().enumerate() {
        let (identity, asked) = metadata(script).await;
        let first = identity.token().await.expect_err("no token");
        assert!(!first.to_string().contains("secret"), "script {number}: {first}");
        assert_eq!(identity.token().await.err(), Some(first), "at rest the same answer, script {number}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "and no question, script {number}");
        recovers(&identity).await;
    }
}

#[tokio::test]
async fn a_hang_ends_and_does_not_last() {
    let (identity, asked) = metadata(|n| if n == 0 { Answer::Silence } else { gives(GOOD) }).await;
    assert_eq!(identity.token().await.err(), Some(TokenError::TimedOut));
    recovers(&identity).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_in_a_while() {
    let (identity, asked) = metadata(|n| gives(&format!(r#"{{"exp":4102444800,"n":{n}}}"#))).await;
    let first = identity.token().await.expect("a token");
    identity.doubt(&first);
    let second = identity.token().await.expect("a token");
    assert_ne!(first.expose_secret(), second.expose_secret());
    identity.doubt(&first);
    identity.doubt(&second);
    assert_eq!(identity.token().await.expect("a token").expose_secret(), second.expose_secret());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
