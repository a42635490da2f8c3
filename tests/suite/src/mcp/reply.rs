//! What came back.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, as it came.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The whole body, as text.
    pub body: String,
    /// The JSON-RPC response to the request, if there was one.
    pub answer: Option<Value>,
    /// The other messages, and how long after the request each arrived.
    pub notifications: Vec<(Duration, Value)>,
}

/// A tool's result, and what arrived before it.
#[derive(Debug)]
pub struct ToolResult {
    /// `isError`.
    pub is_error: bool,
    /// `structuredContent`; `Null` where there is none.
    pub structured: Value,
    /// The text of the first text block: the result again. Further blocks are words for the model.
    pub text: String,
    /// The progress notifications.
    pub progress: Vec<Progress>,
    /// The whole HTTP body: what the client saw, byte for byte.
    pub body: String,
}

/// A progress notification.
#[derive(Debug, Clone)]
pub struct Progress {
    /// How long after the request it arrived.
    pub after: Duration,
    /// `progress`.
    pub done: f64,
    /// `total`.
    pub total: Option<f64>,
    /// `message`.
    pub message: Option<String>,
}

impl Reply {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The result of a request that must have succeeded.
    ///
    /// # Panics
    /// With the whole answer, when it did not.
    #[track_caller]
    pub fn result(&self) -> Value {
        match self.answer.as_ref().and_then(|answer| answer.get("result")) {
            Some(result) if self.status == 200 => result.clone(),
            _ => panic!("no result: HTTP {} {}", self.status, self.body),
        }
    }

    /// The JSON-RPC error of a request that must have failed.
    ///
    /// # Panics
    /// With the whole answer, when there is none.
    #[track_caller]
    pub fn error(&self) -> Value {
        let error = self.answer.as_ref().and_then(|answer| answer.get("error"));
        error.cloned().unwrap_or_else(|| panic!("no error: HTTP {} {}", self.status, self.body))
    }

    /// The result of `tools/call`.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn tool_result(self) -> ToolResult {
        let result = self.result();
        let blocks = result["content"].as_array().expect("content is a list");
        let text = blocks.iter().find_map(|block| block["text"].as_str()).unwrap_or_default().to_owned();
        let progress = self.notifications.iter().filter_map(|(after, message)| progress(*after, message));
        ToolResult {
            is_error: result["isError"].as_bool().unwrap_or(false),
            structured: result["structuredContent"].clone(),
            text,
            progress: progress.collect(),
            body: self.body,
        }
    }
}

impl ToolResult {
    /// The structured content of a call that must have succeeded.
    ///
    /// # Panics
    /// With the result, when it is an error.
    #[track_caller]
    pub fn success(self) -> Value {
        assert!(!self.is_error, "the tool failed: {}", self.text);
        self.structured
    }

    /// The code of a call that must have failed with a typed payload, whose message is for people.
    ///
    /// # Panics
    /// With the result, when it did not.
    #[track_caller]
    pub fn error_code(&self) -> String {
        assert!(self.is_error, "the tool did not fail: {}", self.text);
        let error = &self.structured["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.body);
        error["code"].as_str().unwrap_or_else(|| panic!("no code: {}", self.body)).to_owned()
    }
}

fn progress(after: Duration, message: &Value) -> Option<Progress> {
    let params = (message["method"] == "notifications/progress").then(|| &message["params"])?;
    Some(Progress {
        after,
        done: params["progress"].as_f64()?,
        total: params["total"].as_f64(),
        message: params["message"].as_str().map(str::to_owned),
    })
}
