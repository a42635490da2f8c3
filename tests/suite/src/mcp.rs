//! A small MCP client over Streamable HTTP, for tests that must see the wire.
//!
//! It does what the specification says a client does and no more, in both eras; clients that others wrote are
//! tested elsewhere.

mod reply;
mod sse;

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

pub use self::reply::{Progress, Reply, ToolResult};
use self::sse::Messages;
use crate::net;

/// Which of the two ways of the protocol to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25: a version header, capabilities known from `initialize`.
    Legacy,
    /// 2026-07-28: each request carries its version, method and name in headers and `_meta`.
    Modern,
}

impl Era {
    /// Both, for tests that must hold in each.
    pub const BOTH: [Self; 2] = [Self::Legacy, Self::Modern];

    /// The protocol version.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }

    /// The first request of a client, with its parameters.
    pub fn hello(self) -> (&'static str, Value) {
        match self {
            Self::Legacy => {
                let client = json!({ "name": "suite", "version": "0" });
                let version = self.version();
                let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
                ("initialize", params)
            }
            Self::Modern => ("server/discover", json!({})),
        }
    }
}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    era: Era,
    headers: HeaderMap,
    next_id: AtomicU64,
    tools: OnceCell<Value>,
}

impl Client {
    /// A client without credentials. Nothing is sent yet.
    pub fn new(url: &str, era: Era) -> Self {
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        Self {
            http: net::http_client(),
            url: url.to_owned(),
            era,
            headers,
            next_id: AtomicU64::new(1),
            tools: OnceCell::new(),
        }
    }

    /// Sends this bearer token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// Sends this header with every request, in place of one of that name.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The handshake of the legacy era, or discovery in the modern one; the result.
    pub async fn hello(&self) -> Value {
        let (method, params) = self.era.hello();
        self.request(method, params).await.result()
    }

    /// Calls a tool. Its result, a failure too, must be one that the tool's output schema admits.
    pub async fn call_tool(&self, name: &str, arguments: Value) -> ToolResult {
        self.call(json!({ "name": name, "arguments": arguments })).await
    }

    /// Calls a tool, and asks for progress.
    pub async fn call_tool_with_progress(&self, name: &str, arguments: Value) -> ToolResult {
        let params =
            json!({ "name": name, "arguments": arguments, "_meta": { "progressToken": "progress-1" } });
        self.call(params).await
    }

    async fn call(&self, params: Value) -> ToolResult {
        let name = params["name"].as_str().expect("a tool's name").to_owned();
        let result = self.request("tools/call", params).await.tool_result();
        let list = async || self.request("tools/list", json!({})).await.result();
        let tools = self.tools.get_or_init(list).await;
        let mut tools = tools["tools"].as_array().expect("a list").iter();
        let tool = tools.find(|tool| tool["name"] == name.as_str()).expect("the tool is listed");
        let schema = jsonschema::validator_for(&tool["outputSchema"]).expect("the output schema is one");
        if let Err(error) = schema.validate(&result.structured) {
            panic!("{name}'s result is not what its output schema admits: {error}: {}", result.body);
        }
        result
    }

    /// Sends a request and reads its answer to the end.
    pub async fn request(&self, method: &str, params: Value) -> Reply {
        self.start(method, params).await.finish().await
    }

    /// As [`Client::request`], for tests in which the server comes and goes.
    ///
    /// # Errors
    /// When it cannot be reached, or the connection breaks before the answer's end.
    pub async fn attempt(&self, method: &str, params: Value) -> reqwest::Result<Reply> {
        self.send(method, params).await?.read().await
    }

    /// Sends a request and returns once the status and headers are there. Dropping what is returned
    /// disconnects.
    ///
    /// # Panics
    /// When the server cannot be reached.
    pub async fn start(&self, method: &str, params: Value) -> Pending {
        self.send(method, params).await.expect("the server answers")
    }

    async fn send(&self, method: &str, params: Value) -> reqwest::Result<Pending> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (headers, params) = self.dress(method, params);
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let started = Instant::now();
        let response = self.http.post(&self.url).headers(headers).body(body.to_string()).send().await?;
        Ok(Pending { id, started, response })
    }

    /// Adds what the era wants in the headers and in `_meta`.
    fn dress(&self, method: &str, mut params: Value) -> (HeaderMap, Value) {
        let mut headers = self.headers.clone();
        let mut set = |name: &'static str, value: &str| {
            // What a test has set itself stays.
            if !self.headers.contains_key(name) {
                let value = HeaderValue::from_str(value).expect("a header value");
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if method != "initialize" {
            set("mcp-protocol-version", self.era.version());
        }
        if self.era == Era::Modern {
            set("mcp-method", method);
            if let Some(name) = params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str) {
                set("mcp-name", name);
            }
            let meta = params
                .as_object_mut()
                .expect("params are an object")
                .entry("_meta")
                .or_insert_with(|| Value::Object(Map::new()));
            meta["io.modelcontextprotocol/protocolVersion"] = self.era.version().into();
            // What a test has set itself stays.
            if meta.get("io.modelcontextprotocol/clientCapabilities").is_none() {
                meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            }
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "suite", "version": "0" });
        }
        (headers, params)
    }
}

/// A request that is under way.
#[derive(Debug)]
pub struct Pending {
    id: u64,
    started: Instant,
    response: reqwest::Response,
}

impl Pending {
    /// Reads the answer to its end.
    pub async fn finish(self) -> Reply {
        self.read().await.expect("the answer is complete")
    }

    async fn read(self) -> reqwest::Result<Reply> {
        let Self { id, started, response } = self;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut messages = Messages::of(response);
        let mut reply =
            Reply { status, headers, body: String::new(), answer: None, notifications: Vec::new() };
        while let Some(message) = messages.next().await? {
            if message["id"] == id {
                reply.answer = Some(message);
            } else {
                reply.notifications.push((started.elapsed(), message));
            }
        }
        reply.body = messages.into_body();
        Ok(reply)
    }

    /// The first message that arrives, a notification or the answer; disconnects after it.
    ///
    /// # Panics
    /// When the answer ends before any.
    pub async fn first_message_then_disconnect(self) -> Value {
        let message = Messages::of(self.response).next().await;
        message.expect("the answer is complete").expect("a message")
    }
}
