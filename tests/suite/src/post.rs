//! Raw posts to `/mcp`: bodies that no MCP client would send.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use sandbox::fixtures;
use serde_json::Value;
use tokio::time::Instant;

use crate::mcp::Era;
use crate::net;

/// Long enough for the slowest machine: what is refused is tried again until then.
const DEADLINE: Duration = Duration::from_mins(5);

/// How a body goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// With a `Content-Length`.
    Length,
    /// In chunks, without one.
    Chunked,
}

/// A request as it is sent.
#[derive(Debug, Clone)]
pub struct Post {
    http: reqwest::Client,
    url: String,
    era: Era,
    framing: Framing,
}

/// What came back in the end.
#[derive(Debug)]
pub struct Answer {
    /// The status of the answer that was no refusal for load.
    pub status: u16,
    /// Its body; null where that is no JSON.
    pub body: Value,
    /// How often the server had asked to wait before.
    pub refusals: u32,
}

impl Post {
    /// To the `/mcp` at this address.
    pub fn new(url: String, era: Era, framing: Framing) -> Self {
        Self { http: net::http_client(), url, era, framing }
    }

    /// Sends a `tools/call` once.
    pub async fn once(&self, tool: &str, body: &Bytes) -> reqwest::Response {
        let mut request = self
            .http
            .post(&self.url)
            .bearer_auth(fixtures::DEMO_TOKEN)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", self.era.version());
        if self.era == Era::Modern {
            request = request.header("mcp-method", "tools/call").header("mcp-name", tool);
        }
        let request = match self.framing {
            Framing::Length => request.body(body.clone()),
            Framing::Chunked => {
                let pieces: Vec<_> = body
                    .chunks(64 * 1024)
                    .map(|piece| Ok::<_, std::io::Error>(body.slice_ref(piece)))
                    .collect();
                request.body(reqwest::Body::wrap_stream(stream::iter(pieces)))
            }
        };
        request.send().await.expect("an answer, not a broken connection")
    }

    /// Sends it until it is not refused for load any more, and waits as long as the server asks in between.
    pub async fn until_done(&self, tool: &str, body: &Bytes) -> Answer {
        let started = Instant::now();
        let mut refusals = 0;
        loop {
            let response = self.once(tool, body).await;
            let status = response.status().as_u16();
            let wait = response.headers().get("retry-after").map(|value| {
                let seconds = value.to_str().ok().and_then(|text| text.parse().ok());
                Duration::from_secs(seconds.expect("Retry-After in seconds"))
            });
            let body = response.bytes().await.expect("a whole answer");
            if status != 503 {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                return Answer { status, body, refusals };
            }
            refusals += 1;
            assert!(started.elapsed() < DEADLINE, "refused {refusals} times");
            // What the server asks for, as a client that obeys it.
            tokio::time::sleep(wait.expect("a refusal says when to come back")).await;
        }
    }
}

/// A `tools/call` with the JSON text of its arguments, in this era.
pub fn call(era: Era, tool: &str, arguments: &str) -> Bytes {
    let meta = match era {
        Era::Legacy => String::new(),
        Era::Modern => format!(
            r#","_meta":{{"io.modelcontextprotocol/protocolVersion":"{}","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{{"name":"suite","version":"0"}}}}"#,
            era.version()
        ),
    };
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}{meta}}}}}"#
    )
    .into()
}
