//! What was asked of the emulator, in the order it arrived.

use serde_json::{Value, json};

/// One call as it arrived, and how it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The HTTP method; `CONNECT` for a host that nobody redirected here.
    pub method: String,
    /// The host that was meant.
    pub host: String,
    /// The path as sent.
    pub path: String,
    /// Decoded query pairs.
    pub query: Vec<(String, String)>,
    /// The JSON body, `Null` where there was none.
    pub body: Value,
    /// The HTTP status, `None` while unanswered or where the connection was dropped.
    pub status: Option<u16>,
    /// False for a host that is not emulated.
    pub expected: bool,
}

impl Recorded {
    /// Whether the call changes something. A few reads are POSTs.
    pub fn is_write(&self) -> bool {
        const READS: [&str; 5] = [":getIamPolicy", ":testIamPermissions", ":wait", "/wait", "/entries:list"];
        self.expected && self.method != "GET" && !READS.iter().any(|read| self.path.ends_with(read))
    }

    /// One line: status, method, URL.
    pub fn line(&self) -> String {
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{status} {} {}{}{mark}{}", self.method, self.host, self.path, query.join("&"))
    }

    /// The record as JSON, for the control door.
    pub(crate) fn json(&self) -> Value {
        json!({"line": self.line(), "write": self.is_write(), "expected": self.expected, "body": self.body})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_by_post_is_not_a_write() {
        let call = |method: &str, path: &str| Recorded {
            method: method.into(),
            host: "run.googleapis.com".into(),
            path: path.into(),
            query: Vec::new(),
            body: Value::Null,
            status: Some(200),
            expected: true,
        };
        assert!(!call("POST", "/v1/projects/p:getIamPolicy").is_write());
        assert!(!call("POST", "/v1/projects/p/locations/r/operations/o:wait").is_write());
        assert!(call("POST", "/v1/projects/p:setIamPolicy").is_write());
        assert!(call("DELETE", "/v1/projects/p/secrets/s").is_write());
    }
}
