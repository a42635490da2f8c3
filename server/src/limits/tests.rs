//! Who is charged with what, on a clock that stands still unless all wait: no request here needs the network.

mod aside;
mod bodies;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;

use super::sign_in::FORM_WITHIN;
use super::{MAX_CALLS, MAX_FORMS, MAX_SIGN_INS};
use crate::app::App;
use crate::base::clock::SystemClock;
use crate::base::outbound::Outbound;
use crate::base::random::SystemRandom;
use crate::config::Settings;
use crate::http::router::router;

const MOMENT: Duration = Duration::from_millis(10);
const DOCUMENTS: [&str; 8] = [
    "/",
    "/livez",
    "/readyz",
    "/version",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

fn server() -> (Arc<App>, Router) {
    server_on(Outbound::default())
}

fn server_on(outbound: Outbound) -> (Arc<App>, Router) {
    let env = [
        ("VALIDIBOT_API_BASE_URL", "http://127.0.0.1:9"),
        ("VALIDIBOT_MCP_BASE_URL", "http://localhost:8001"),
        ("VALIDIBOT_MCP_SERVICE_KEY", "key"),
        ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://127.0.0.1:9"),
        ("VALIDIBOT_OAUTH_CLIENT_SECRET", "a-client-secret-of-more-than-32-bytes"),
    ];
    let env: BTreeMap<String, String> =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = Settings::load(&env, Path::new("/nonexistent")).expect("settings").settings;
    let app = App::build_on(settings, Arc::new(SystemClock), Arc::new(SystemRandom), outbound);
    let app = app.expect("an app");
    let router = router(&app);
    (app, router)
}

/// A body of which a byte comes every so often, and the end never.
fn dripping(every: Duration) -> Body {
    Body::from_stream(stream::repeat(()).then(move |()| async move {
        sleep(every).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"{"))
    }))
}

/// The answer, and after how long it came.
async fn ask(router: &Router, request: Request) -> (StatusCode, String, Duration) {
    let begun = Instant::now();
    let answer = router.clone().oneshot(request).await.expect("infallible");
    let (status, took) = (answer.status(), begun.elapsed());
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned(), took)
}

async fn documents_are_there(router: &Router) {
    for path in DOCUMENTS {
        let request =
            Request::get(path).header("host", "localhost:8001").body(Body::empty()).expect("a request");
        let (status, _, took) = ask(router, request).await;
        assert_eq!((status, took), (StatusCode::OK, Duration::ZERO), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_form_holds_no_slot_and_is_waited_for_ten_seconds() {
    let (_app, router) = server();
    let form = |path: &str, body: Body| {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        request.header("host", "localhost:8001").body(body).expect("a request")
    };
    let mut half = Vec::new();
    for path in ["/register", "/token", "/consent", "/revoke"] {
        for _ in 0..MAX_SIGN_INS {
            half.push(ask(&router, form(path, dripping(FORM_WITHIN / 4))));
        }
    }
    assert_eq!(half.len(), MAX_FORMS);
    let mut half = Box::pin(join_all(half));
    assert!(timeout(MOMENT, &mut half).await.is_err(), "they are waited for");

    documents_are_there(&router).await;
    // Another one in good faith: the slot is there, and it takes the place of the oldest.
    let late = Body::from_stream(stream::iter([Ok::<_, std::io::Error>("{}")]).then(|piece| async {
        sleep(MOMENT).await;
        piece
    }));
    let (status, answer, took) = ask(&router, form("/register", late)).await;
    assert_eq!((status, took), (StatusCode::BAD_REQUEST, MOMENT), "{answer}");
    assert!(answer.contains("redirect_uri"), "judged, not refused: {answer}");

    let ended = half.await;
    let count = |least: Duration| ended.iter().filter(|(_, _, took)| *took >= least).count();
    assert_eq!(count(FORM_WITHIN), MAX_FORMS - 1, "one made room");
    assert_eq!(count(FORM_WITHIN + Duration::from_secs(1)), 0);
    assert!(ended.iter().all(|(status, ..)| *status == StatusCode::REQUEST_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_for_want_of_a_credential_is_charged_with_nothing() {
    let (app, router) = server();
    let mcp = || Request::post("/mcp").header("host", "localhost:8001");
    let upload = |ticket: &str| {
        let request = Request::put("/uploads").header("x-validibot-upload-ticket", ticket);
        request.header("host", "localhost:8001").header("content-length", "10000000")
    };
    let body = || dripping(Duration::from_millis(600));
    let mut refused = Vec::new();
    for number in 0..MAX_CALLS {
        refused.push(ask(&router, mcp().body(body()).expect("a request")));
        refused.push(ask(&router, upload(&format!("k{number}.AAAA")).body(body()).expect("a request")));
    }
    let mut refused = Box::pin(join_all(refused));
    assert!(timeout(MOMENT, &mut refused).await.is_err(), "some are drained");
    assert_eq!(app.limits.in_flight(), (0, 0));
    documents_are_there(&router).await;

    let refused = refused.await;
    assert!(refused.iter().all(|(status, ..)| *status == StatusCode::UNAUTHORIZED));
    let waited = refused.iter().filter(|(_, _, took)| *took > MOMENT).count();
    assert_eq!(waited, super::MAX_DRAINS, "the others get their answer at once");
}
