//! How long Validibot's word on an API token is good for, by a clock that stands still until it is set.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use validibot_mcp::app::App;
use validibot_mcp::base::clock::{Clock as _, MockClock};
use validibot_mcp::base::random::SystemRandom;
use validibot_mcp::config::Settings;
use validibot_mcp::http::router::router;

const STARTED: u64 = 1_800_000_000;

struct Stack {
    clock: Arc<MockClock>,
    /// How often Validibot was asked.
    asked: Arc<AtomicUsize>,
    /// Whether it knows the token.
    good: Arc<AtomicUsize>,
    router: Router,
}

impl Stack {
    async fn start() -> Self {
        let (asked, good) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(1)));
        let (count, knows) = (asked.clone(), good.clone());
        let me = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            match knows.load(Ordering::SeqCst) {
                0 => (StatusCode::FORBIDDEN, Json(json!({ "detail": "no" }))),
                _ => (StatusCode::OK, Json(json!({ "email": "demo@example.com", "name": "" }))),
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(axum::serve(listener, Router::new().route("/api/v1/auth/me/", get(me))).into_future());
        let env: BTreeMap<String, String> = [
            ("VALIDIBOT_API_BASE_URL", url.as_str()),
            ("VALIDIBOT_MCP_BASE_URL", "http://localhost:8001"),
            ("VALIDIBOT_MCP_SERVICE_KEY", "key"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let settings = Settings::load(&env, Path::new("/nonexistent")).expect("settings").settings;
        let clock = MockClock::at(STARTED);
        let app = App::build(settings, clock.clone(), Arc::new(SystemRandom)).expect("an app");
        Self { clock, asked, good, router: router(&app) }
    }

    /// One request at this second; its status, and how often Validibot has been asked by then.
    async fn at(&self, second: u64) -> (u16, usize) {
        self.clock.advance(Duration::from_secs(STARTED + second - self.clock.unix()));
        let request = Request::post("/mcp")
            .header("authorization", "Bearer token")
            .header("host", "localhost:8001")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Body::from(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        (response.status().as_u16(), self.asked.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_good_token_is_good_for_five_minutes_and_a_refusal_for_five_seconds() {
    let stack = Stack::start().await;
    assert_eq!(stack.at(0).await, (200, 1));
    stack.good.store(0, Ordering::SeqCst);
    assert_eq!(stack.at(299).await, (200, 1), "remembered, although it was revoked meanwhile");
    assert_eq!(stack.at(300).await, (401, 2), "asked again");
    stack.good.store(1, Ordering::SeqCst);
    assert_eq!(stack.at(304).await, (401, 2), "the refusal is remembered");
    assert_eq!(stack.at(305).await, (200, 3), "and soon forgotten");
}
