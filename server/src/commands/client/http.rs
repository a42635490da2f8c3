//! Requests of somebody who trusts nothing that comes back.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName};
use reqwest::RequestBuilder;
use serde_json::Value;
use thiserror::Error;
use url::Url;

use crate::base::http_body;
use crate::base::json;

/// One exchange. A Cloud Run instance that has to start first takes a few seconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// Far above any document or page that is asked for here.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// As much structure as the server itself reads of Validibot, and more than it passes on: some 30 MB as a tree.
pub(super) const MAX_NODES: usize = 100_000;

/// Sends requests; shares the process's one HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
}

/// What came back, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The HTTP headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Trouble {
    /// No connection: the innermost reason, in the words of who failed.
    #[error("the connection failed ({0})")]
    Connect(String),
    /// Connected, but no whole answer in time.
    #[error("there was no answer within {0} s")]
    Timeout(u64),
    /// The connection ended before the answer did.
    #[error("the connection broke before the answer was complete")]
    Broken,
}

impl Http {
    pub(crate) fn new(client: reqwest::Client) -> Self {
        Self { client }
    }

    /// The client itself, for what asks by itself.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    pub(crate) fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone())
    }

    pub(crate) fn post(&self, url: &Url) -> RequestBuilder {
        self.client.post(url.clone())
    }

    /// Sends a request once. A redirect is an answer like any other.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        self.send_within(request, DEADLINE).await
    }

    /// The same, with another limit for the whole exchange.
    pub(crate) async fn send_within(
        &self,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<Answer, Trouble> {
        let timeout = Err(Trouble::Timeout(limit.as_secs()));
        tokio::time::timeout(limit, receive(request)).await.unwrap_or(timeout)
    }
}

async fn receive(request: RequestBuilder) -> Result<Answer, Trouble> {
    let response = request.send().await.map_err(|error| trouble(&error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = http_body::read(response, MAX_BODY_BYTES).await.map_err(|_| Trouble::Broken)?;
    Ok(Answer { status, headers, body })
}

fn trouble(error: &reqwest::Error) -> Trouble {
    if error.is_timeout() {
        return Trouble::Timeout(DEADLINE.as_secs());
    }
    if !error.is_connect() {
        return Trouble::Broken;
    }
    // reqwest's own text repeats the URL; the reason is the innermost one.
    let mut reason = error.source();
    while let Some(inner) = reason.and_then(std::error::Error::source) {
        reason = Some(inner);
    }
    Trouble::Connect(reason.map(ToString::to_string).unwrap_or_default())
}

impl Answer {
    /// A header's value, where it is there and is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        json::read(&self.body, MAX_NODES).ok()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What kind of answer it is, in few words, such as `HTTP 404 (text/html)`. Never the body: it may hold anything.
    pub(crate) fn describe(&self) -> String {
        match self.header(&CONTENT_TYPE).and_then(|kind| kind.split(';').next()) {
            Some(kind) if kind.bytes().all(|byte| byte.is_ascii_graphic()) => {
                format!("HTTP {} ({kind})", self.status)
            }
            _ => format!("HTTP {}", self.status),
        }
    }
}
