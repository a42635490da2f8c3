//! The messages of a response, whether it is JSON or an event stream.

use serde_json::Value;

/// Messages as they arrive.
pub(super) struct Messages {
    response: reqwest::Response,
    stream: bool,
    body: Vec<u8>,
    /// How much of the body has been read as messages.
    read: usize,
}

impl Messages {
    pub(super) fn of(response: reqwest::Response) -> Self {
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let stream = content_type.is_some_and(|value| value.starts_with("text/event-stream"));
        Self { response, stream, body: Vec::new(), read: 0 }
    }

    /// The next message; `None` at the end. What is no JSON is no message.
    pub(super) async fn next(&mut self) -> reqwest::Result<Option<Value>> {
        loop {
            while let Some(event) = self.stream.then(|| self.next_event()).flatten() {
                if let Ok(message) = serde_json::from_str(&event) {
                    return Ok(Some(message));
                }
            }
            if let Some(bytes) = self.response.chunk().await? {
                self.body.extend_from_slice(&bytes);
                continue;
            }
            let rest = self.body.get(self.read..).filter(|rest| !self.stream && !rest.is_empty());
            let message = rest.and_then(|rest| serde_json::from_slice(rest).ok());
            self.read = self.body.len();
            return Ok(message);
        }
    }

    /// All that was received.
    pub(super) fn into_body(self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The data of the next complete event (HTML Living Standard, server-sent events, section 9.2.6).
    fn next_event(&mut self) -> Option<String> {
        let rest = &self.body[self.read..];
        // An event ends with an empty line; servers that end lines with CRLF are not tested here.
        let end = rest.windows(2).position(|pair| pair == b"\n\n")?;
        let event = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.read += end + 2;
        let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
        Some(data.map(|data| data.strip_prefix(' ').unwrap_or(data)).collect::<Vec<_>>().join("\n"))
    }
}
