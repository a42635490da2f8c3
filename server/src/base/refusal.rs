//! A refusal in HTTP: the JSON body that programs read, with what OAuth calls `error` and `error_description`
//! (RFC 6749, section 5.2), whichever part of the server refuses.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONNECTION, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An answer that says no. It is never to be cached: what it says changes with the deployment and with time.
#[derive(Debug, Clone)]
pub(crate) struct HttpRefusal {
    status: StatusCode,
    body: Value,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpRefusal {
    /// `error` is the word that programs decide by, `description` the sentence that people read: what is wrong, and what
    /// to do.
    pub(crate) fn new(status: StatusCode, error: &str, description: impl Into<String>) -> Self {
        let body = json!({ "error": error, "error_description": description.into() });
        Self { status, body, headers: Vec::new() }
    }

    /// Names the MCP endpoint: whoever asks at the wrong place has mostly left `/mcp` out of the address.
    pub(crate) fn at_endpoint(mut self, endpoint: &str) -> Self {
        self.body["mcp_endpoint"] = endpoint.into();
        self
    }

    /// When to try again, in seconds: for programs that read headers (RFC 9110, section 10.2.3).
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same in the body too, for models, which see no headers.
    pub(crate) fn retry_after_seconds(mut self, seconds: u64) -> Self {
        self.body["retry_after_seconds"] = seconds.into();
        self.retry_after(seconds)
    }

    /// The connection ends with this answer: the rest of the request is not waited for.
    pub(crate) fn closing(self) -> Self {
        self.header(CONNECTION, HeaderValue::from_static("close"))
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for HttpRefusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_refusal_is_one_object_and_never_cached() {
        let refusal = HttpRefusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "Try again")
            .at_endpoint("https://a.example/mcp")
            .retry_after_seconds(7)
            .closing();
        let response = refusal.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let headers: Vec<_> = ["cache-control", "retry-after", "connection", "content-type"]
            .map(|name| response.headers()[name].to_str().expect("text").to_owned())
            .into();
        assert_eq!(headers, ["no-store", "7", "close", "application/json"]);
        let body = to_bytes(response.into_body(), 1_000).await.expect("a body");
        assert_eq!(
            body,
            r#"{"error":"stopping","error_description":"Try again","mcp_endpoint":"https://a.example/mcp","retry_after_seconds":7}"#
        );
    }
}
