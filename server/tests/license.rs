//! A licence that is withdrawn and given back while the server runs. Time is the test's: it stands still between
//! requests, as it may on Cloud Run, and nothing depends on work in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::ServiceExt as _;
use validibot_mcp::app::App;
use validibot_mcp::base::clock::MockClock;
use validibot_mcp::base::random::SystemRandom;
use validibot_mcp::config::Settings;
use validibot_mcp::http::router::router;

const STARTED: u64 = 1_800_000_000;

const LICENSED: (StatusCode, &str) = (StatusCode::OK, r#"{"edition":"pro","features":["mcp_server"]}"#);
const WITHDRAWN: (StatusCode, &str) = (StatusCode::OK, r#"{"edition":"community","features":[]}"#);

/// As much of Validibot as the gate and chain 1 ask for.
struct Validibot {
    licence: Mutex<(StatusCode, &'static str)>,
    asked: AtomicUsize,
}

impl Validibot {
    async fn start() -> (Arc<Self>, String) {
        let validibot = Arc::new(Self { licence: Mutex::new(LICENSED), asked: AtomicUsize::new(0) });
        let this = validibot.clone();
        let licence = move || async move {
            this.asked.fetch_add(1, Ordering::SeqCst);
            *this.licence.lock().expect("not poisoned")
        };
        let routes = Router::new().route("/api/v1/license/features/", get(licence)).route(
            "/api/v1/auth/me/",
            get(async || Json(json!({ "email": "demo@example.com", "name": "" }))),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(axum::serve(listener, routes).into_future());
        (validibot, url)
    }

    fn answer(&self, licence: (StatusCode, &'static str)) {
        *self.licence.lock().expect("not poisoned") = licence;
    }
}

struct Stack {
    validibot: Arc<Validibot>,
    clock: Arc<MockClock>,
    router: Router,
}

impl Stack {
    async fn start(extra: &[(&str, &str)]) -> Self {
        let (validibot, url) = Validibot::start().await;
        let base = [
            ("VALIDIBOT_API_BASE_URL", url.as_str()),
            ("VALIDIBOT_MCP_BASE_URL", "http://localhost:8001"),
            ("VALIDIBOT_MCP_SERVICE_KEY", "key"),
        ];
        let env: BTreeMap<String, String> =
            base.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::load(&env, Path::new("/nonexistent")).expect("settings").settings;
        let clock = MockClock::at(STARTED);
        let app = App::build(settings, clock.clone(), Arc::new(SystemRandom)).expect("an app");
        Self { validibot, clock, router: router(&app) }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String, bool) {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let retry = response.headers().contains_key("retry-after");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned(), retry)
    }

    async fn list_tools(&self) -> (StatusCode, String, bool) {
        let request = Request::post("/mcp")
            .header("authorization", "Bearer token")
            .header("host", "localhost:8001")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#.into())
            .expect("a request");
        self.send(request).await
    }

    async fn ready(&self) -> StatusCode {
        self.send(Request::get("/readyz").body(Body::empty()).expect("a request")).await.0
    }

    /// How often the licence was asked for.
    fn asked(&self) -> usize {
        self.validibot.asked.load(Ordering::SeqCst)
    }

    /// Sends requests until one has this status: the question goes on beside them.
    async fn until(&self, wanted: StatusCode) {
        let limit = Instant::now() + Duration::from_secs(30);
        while self.list_tools().await.0 != wanted {
            assert!(Instant::now() < limit, "never {wanted}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the answer to a question that the last request began.
    async fn asked_times(&self, times: usize) {
        let limit = Instant::now() + Duration::from_secs(30);
        while self.asked() < times {
            assert!(Instant::now() < limit, "asked {} times", self.asked());
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn traffic_stops_when_the_licence_is_withdrawn_and_comes_back_by_itself() {
    let stack = Stack::start(&[]).await;
    assert_eq!(stack.list_tools().await.0, StatusCode::OK);
    stack.validibot.answer(WITHDRAWN);
    stack.clock.advance(Duration::from_secs(299));
    assert_eq!(stack.list_tools().await.0, StatusCode::OK);
    assert_eq!(stack.asked(), 0, "within five minutes nobody is asked");

    stack.clock.advance(Duration::from_secs(1));
    assert_eq!(stack.list_tools().await.0, StatusCode::OK, "served meanwhile");
    stack.until(StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(stack.asked(), 1, "one question for all of them");
    let (_, body, retry) = stack.list_tools().await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["error"], "not_licensed");
    assert!(body["error_description"].as_str().is_some_and(|text| text.contains("community")), "{body}");
    assert!(retry);
    assert_eq!(stack.ready().await, StatusCode::SERVICE_UNAVAILABLE);

    stack.validibot.answer(LICENSED);
    assert_eq!(stack.list_tools().await.0, StatusCode::SERVICE_UNAVAILABLE);
    stack.clock.advance(Duration::from_secs(15));
    stack.until(StatusCode::OK).await;
    assert_eq!(stack.ready().await, StatusCode::OK);
    assert_eq!(stack.asked(), 2);
}

#[tokio::test]
async fn while_validibot_is_out_of_reach_the_last_answer_holds() {
    let faults = [
        (StatusCode::INTERNAL_SERVER_ERROR, "{}"),
        (StatusCode::FOUND, ""),
        (StatusCode::OK, "<html>"),
        (StatusCode::OK, r#"{"features":"mcp_server"}"#),
    ];
    for fault in faults {
        let stack = Stack::start(&[]).await;
        stack.validibot.answer(fault);
        for round in 1..=3 {
            stack.clock.advance(Duration::from_mins(5));
            assert_eq!(stack.list_tools().await.0, StatusCode::OK, "{fault:?}");
            stack.asked_times(round).await;
        }
        assert_eq!(stack.list_tools().await.0, StatusCode::OK, "{fault:?}");
    }
}

#[tokio::test]
async fn switched_off_nobody_asks() {
    let stack = Stack::start(&[("VALIDIBOT_MCP_ENABLED", "false")]).await;
    stack.validibot.answer(WITHDRAWN);
    stack.clock.advance(Duration::from_secs(10_000));
    assert_eq!(stack.list_tools().await.0, StatusCode::OK);
    assert_eq!(stack.ready().await, StatusCode::OK);
    assert_eq!(stack.asked(), 0);
}
