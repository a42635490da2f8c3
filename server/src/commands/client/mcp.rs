//! The least of an MCP client: one request, one answer, over Streamable HTTP.
//!
//! It speaks 2025-11-25, which most clients in use still begin with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::http::{Answer, DEADLINE, Http, MAX_NODES, Trouble};
use crate::base::json as json_of_others;

/// The version that is asked for.
const VERSION: &str = "2025-11-25";

/// A client of one server.
pub(crate) struct Mcp {
    http: Http,
    url: Url,
    token: SecretString,
    next_id: AtomicU64,
}

/// Why a request has no result.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Nothing came back.
    Trouble(Trouble),
    /// HTTP said no, or answered something that is no MCP.
    Http(Answer),
    /// A JSON-RPC error: code and message.
    Rpc(i64, String),
}

/// A tool's result.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The structured content.
    pub(crate) structured: Value,
    /// The text content, for servers that give no structured one.
    pub(crate) text: String,
    /// Whether it is a failure.
    pub(crate) is_error: bool,
}

impl Mcp {
    pub(crate) fn new(http: Http, url: Url, token: SecretString) -> Self {
        Self { http, url, token, next_id: AtomicU64::new(1) }
    }

    /// The handshake. The result has `serverInfo` and `protocolVersion`.
    pub(crate) async fn initialize(&self) -> Result<Value, Failure> {
        let client = json!({ "name": "validibot-mcp", "version": env!("CARGO_PKG_VERSION") });
        let params = json!({ "protocolVersion": VERSION, "capabilities": {}, "clientInfo": client });
        self.request("initialize", &params).await
    }

    /// Calls a tool, whose answer has to be there within `limit`.
    pub(crate) async fn call(&self, tool: &str, arguments: Value, limit: Duration) -> Result<Call, Failure> {
        let params = json!({ "name": tool, "arguments": arguments });
        let result = self.exchange("tools/call", &params, limit).await?;
        let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = blocks.iter().find_map(|block| block["text"].as_str()).unwrap_or_default().to_owned();
        let is_error = result["isError"].as_bool().unwrap_or(false);
        Ok(Call { structured: result["structuredContent"].clone(), text, is_error })
    }

    /// Sends one request and gives its result.
    pub(crate) async fn request(&self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.exchange(method, params, DEADLINE).await
    }

    async fn exchange(&self, method: &str, params: &Value, limit: Duration) -> Result<Value, Failure> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let mut request = self
            .http
            .post(&self.url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        if let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", self.token.expose_secret())) {
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        if method != "initialize" {
            request = request.header("mcp-protocol-version", VERSION);
        }
        let answer = self.http.send_within(request, limit).await.map_err(Failure::Trouble)?;
        let Some(message) = message(&answer, id) else { return Err(Failure::Http(answer)) };
        if let Some(error) = message.get("error") {
            let text = error["message"].as_str().unwrap_or_default().to_owned();
            return Err(Failure::Rpc(error["code"].as_i64().unwrap_or_default(), text));
        }
        match message.get("result") {
            Some(result) if answer.status == 200 => Ok(result.clone()),
            _ => Err(Failure::Http(answer)),
        }
    }
}

impl Call {
    /// The payload's error code and message, where the call failed.
    pub(crate) fn error(&self) -> Option<(String, String)> {
        let error = self.structured.get("error").filter(|_| self.is_error)?;
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        Some((text("code"), text("message")))
    }
}

/// The JSON-RPC answer to this request, from a JSON body or from the data lines of an event stream.
fn message(answer: &Answer, id: u64) -> Option<Value> {
    let ours = |message: &Value| message["jsonrpc"] == "2.0" && message["id"] == id;
    if let Some(message) = answer.json() {
        return Some(message).filter(ours);
    }
    let text = answer.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|line| json_of_others::read(line.trim().as_bytes(), MAX_NODES).ok()).find(ours)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::base::testing::spoilt;

    #[test]
    fn an_answer_is_found_in_json_and_among_events() {
        let of = |body: &'static str| Answer {
            status: 200,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let json = of(r#"{"jsonrpc":"2.0","id":7,"result":{"a":1}}"#);
        assert_eq!(message(&json, 7).unwrap()["result"]["a"], 1);
        assert_eq!(message(&json, 8), None);
        let events = of("event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n\
             data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n");
        assert!(message(&events, 7).unwrap()["result"].is_object());
        assert_eq!(message(&of("<html>"), 7), None);
        for bad in spoilt(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#) {
            for body in [format!("data: {bad}\n\n"), bad] {
                let answer = Answer { status: 200, headers: HeaderMap::new(), body: body.into() };
                assert_eq!(message(&answer, 7), None);
            }
        }
    }
}
