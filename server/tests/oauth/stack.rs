//! The server, twice, in this process; time that a test can move.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use sandbox::{Builder, Sandbox, fixtures};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use validibot_mcp::app::App;
use validibot_mcp::base::clock::MockClock;
use validibot_mcp::base::outbound::Outbound;
use validibot_mcp::base::random::SystemRandom;
use validibot_mcp::config::Settings;
use validibot_mcp::http::router::router;

pub(crate) const CLIENT_SECRET: &str = "a-client-secret-of-more-than-32-bytes";

/// A provider, and instances of the server behind one address that take turns.
pub(crate) struct Stack {
    pub(crate) sandbox: Sandbox,
    /// The server's base URL.
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    clock: Arc<MockClock>,
    instances: Arc<Instances>,
    env: BTreeMap<String, String>,
    outbound: Outbound,
}

#[derive(Default)]
struct Instances {
    routers: Mutex<Vec<Router>>,
    turn: AtomicUsize,
}

impl Stack {
    /// Two instances, and a provider that signs everybody in.
    pub(crate) async fn start() -> Self {
        Self::with(2, &[], Outbound::default()).await
    }

    /// With so many instances, these variables besides, and this Internet.
    pub(crate) async fn with(instances: usize, env: &[(&str, &str)], outbound: Outbound) -> Self {
        Self::on(Sandbox::builder().auto_login(true), instances, env, outbound).await
    }

    async fn on(provider: Builder, count: usize, extra: &[(&str, &str)], outbound: Outbound) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let sandbox =
            provider.oauth_client_secret(CLIENT_SECRET).mcp_base_url(&base).start().await.expect("a sandbox");
        let env = [
            ("VALIDIBOT_API_BASE_URL", sandbox.url()),
            ("VALIDIBOT_MCP_BASE_URL", &base),
            ("VALIDIBOT_MCP_SERVICE_KEY", fixtures::SERVICE_KEY),
            ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", sandbox.url()),
            ("VALIDIBOT_OAUTH_CLIENT_SECRET", CLIENT_SECRET),
        ];
        // An empty value unsets.
        let env = env.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut env: BTreeMap<String, String> = env.collect();
        env.retain(|_, value| !value.is_empty());
        let stack = Self {
            env,
            sandbox,
            base,
            http: http_client(),
            clock: MockClock::with_the_system(),
            instances: Arc::default(),
            outbound,
        };
        stack.restart(count, &[]);
        let instances = stack.instances.clone();
        let alternating = Router::new().fallback(move |request: Request| {
            let turn = instances.turn.fetch_add(1, Ordering::SeqCst);
            let routers = instances.routers.lock().expect("unpoisoned");
            routers[turn % routers.len()].clone().oneshot(request)
        });
        tokio::spawn(axum::serve(listener, alternating).into_future());
        stack
    }

    /// Replaces all instances by new ones, whose settings differ in these variables.
    pub(crate) fn restart(&self, count: usize, changed: &[(&str, &str)]) {
        let mut env = self.env.clone();
        env.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let routers = (0..count).map(|_| {
            let loaded = Settings::load(&env, Path::new("/nonexistent/.env")).expect("good settings");
            let (clock, random) = (self.clock.clone(), Arc::new(SystemRandom));
            let app = App::build_on(loaded.settings, clock, random, self.outbound.clone()).expect("an app");
            router(&app)
        });
        *self.instances.routers.lock().expect("unpoisoned") = routers.collect();
    }

    /// Moves the time of the server and of the provider.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.sandbox.advance(by);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends `tools/list` with a bearer.
    pub(crate) async fn call(&self, bearer: &str) -> reqwest::Response {
        self.request(bearer, "tools/list", json!({})).await
    }

    /// Lists the workflows with a bearer; returns the tool's structured content.
    pub(crate) async fn list_workflows(&self, bearer: &str) -> Value {
        let params = json!({ "name": "list_workflows", "arguments": {} });
        let answer = self.request(bearer, "tools/call", params).await;
        let answer: Value = answer.json().await.expect("JSON");
        answer["result"]["structuredContent"].clone()
    }

    /// Calls a tool with a bearer; returns the call's result.
    pub(crate) async fn tool(&self, bearer: &str, name: &str, arguments: Value) -> Value {
        let params = json!({ "name": name, "arguments": arguments });
        let answer = self.request(bearer, "tools/call", params).await;
        let answer: Value = answer.json().await.expect("JSON");
        answer["result"].clone()
    }

    /// The definitions of the tools.
    pub(crate) async fn tools(&self, bearer: &str) -> Vec<Value> {
        let answer: Value = self.call(bearer).await.json().await.expect("JSON");
        answer["result"]["tools"].as_array().expect("a list").clone()
    }

    async fn request(&self, bearer: &str, method: &str, params: Value) -> reqwest::Response {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.http
            .post(self.url("/mcp"))
            .bearer_auth(bearer)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body)
            .send()
            .await
            .expect("an answer")
    }

    /// How often the provider was asked at this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.sandbox.received().iter().filter(|request| request.path == path).count()
    }

    /// Posts a form; returns status, `Retry-After` and JSON.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let response = self.http.post(self.url(path)).form(form).send().await.expect("an answer");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        let status = response.status().as_u16();
        assert_eq!(response.headers().contains_key("retry-after"), status == 503, "{path}");
        let body = response.bytes().await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// A client that goes nowhere but where it is told.
#[expect(clippy::disallowed_methods, reason = "the tests' own client, apart from the server's")]
pub(crate) fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}
