//! One entry of Cloud Logging (<https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry>), as a line.

use serde_json::Value;

use crate::commands::log_line;

/// An entry as Cloud Logging has it.
pub(super) struct Entry(Value);

impl Entry {
    /// Reads the answer to a question; `None` where it is none.
    pub(super) fn read_all(text: &str) -> Option<Vec<Self>> {
        let entries: Vec<Value> = serde_json::from_str(text).ok()?;
        Some(entries.into_iter().map(Self).collect())
    }

    /// Unique among entries of one time.
    pub(super) fn id(&self) -> &str {
        self.text("/insertId").unwrap_or_default()
    }

    /// When Cloud Logging got it, RFC 3339.
    pub(super) fn received(&self) -> Option<&str> {
        self.text("/receiveTimestamp")
    }

    /// When it was written, in a form that compares as the time does: without the `Z`, a shorter fraction is less than a longer one.
    pub(super) fn written(&self) -> &str {
        self.text("/timestamp").unwrap_or_default().trim_end_matches('Z')
    }

    /// As it is, on one line.
    pub(super) fn json(&self) -> String {
        self.0.to_string()
    }

    /// For people: time, severity, revision, then what was said. Nothing in it can move a terminal's cursor.
    pub(super) fn line(&self) -> String {
        let severity = self.text("/severity").unwrap_or("DEFAULT");
        let revision = self.text("/resource/labels/revision_name").unwrap_or_default();
        let service = self.text("/resource/labels/service_name").unwrap_or_default();
        // The service is the one that was asked for: what differs comes after its name.
        let revision = revision.strip_prefix(service).map_or(revision, |rest| rest.trim_start_matches('-'));
        let severity = if severity == "DEFAULT" { "-" } else { severity };
        let time = self.text("/timestamp").map(short).unwrap_or_default();
        harmless(format!("{time} {severity:<8} {revision:<9} {}", self.said()).trim_end())
    }

    fn said(&self) -> String {
        if let Some(text) = self.text("/textPayload") {
            return text.trim_end().to_owned();
        }
        if let Some(request) = self.0.get("httpRequest") {
            return request_line(request);
        }
        if let Some(Value::Object(payload)) = self.0.get("jsonPayload") {
            return log_line::payload(payload);
        }
        // An audit entry: what somebody did with the service.
        let method = self.text("/protoPayload/methodName").unwrap_or("an entry of an unknown kind");
        let who = self.text("/protoPayload/authenticationInfo/principalEmail");
        let message = self.text("/protoPayload/status/message").unwrap_or_default();
        format!("{method} {} {message}", who.map(|who| format!("by {who}")).unwrap_or_default())
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }
}

/// `2026-11-26T05:37:47.123`: nobody reads microseconds, and all of them are UTC.
fn short(timestamp: &str) -> String {
    let whole = timestamp.trim_end_matches('Z');
    let (seconds, fraction) = whole.split_once('.').unwrap_or((whole, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{seconds}.{fraction}")
}

/// Google's front end's own line about a request.
fn request_line(request: &Value) -> String {
    let text = |name: &str| match &request[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "-".to_owned(),
    };
    format!("{} {} {} {}", text("requestMethod"), text("status"), text("requestUrl"), text("latency"))
}

/// Control characters as escapes: a log holds what strangers sent.
fn harmless(line: &str) -> String {
    let control = |c: char| c.is_control() && c != '\t' && c != '\n';
    if !line.contains(control) {
        return line.to_owned();
    }
    let escape = |c: char| if control(c) { c.escape_default().to_string() } else { c.to_string() };
    line.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(mut more: Value) -> String {
        let mut entry = json!({
            "timestamp": "2026-11-26T05:37:47.123456789Z",
            "severity": "INFO",
            "resource": {"labels": {"service_name": "validibot-mcp", "revision_name": "validibot-mcp-00002-abc"}},
        });
        entry.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
        Entry(entry).line()
    }

    #[test]
    fn each_kind_of_entry_reads_as_a_line() {
        let lines = [
            entry(
                json!({"jsonPayload": {"message": "listening", "address": "0.0.0.0:8080", "n": 1, "why": "so it is"}}),
            ),
            entry(
                json!({"textPayload": "plain\n", "severity": "DEFAULT", "timestamp": "2026-11-26T05:37:47Z"}),
            ),
            entry(
                json!({"httpRequest": {"requestMethod": "POST", "status": 200, "requestUrl": "https://x/mcp", "latency": "0.012s"}}),
            ),
            entry(json!({
                "severity": "NOTICE",
                "protoPayload": {"methodName": "google.cloud.run.v1.Services.ReplaceService", "authenticationInfo": {"principalEmail": "o@example.com"}},
            })),
            entry(json!({"textPayload": "\u{1b}[2J\rgone"})),
        ];
        expect_test::expect![[r#"
            2026-11-26T05:37:47.123 INFO     00002-abc listening address=0.0.0.0:8080 n=1 why="so it is"
            2026-11-26T05:37:47.000 -        00002-abc plain
            2026-11-26T05:37:47.123 INFO     00002-abc POST 200 https://x/mcp 0.012s
            2026-11-26T05:37:47.123 NOTICE   00002-abc google.cloud.run.v1.Services.ReplaceService by o@example.com
            2026-11-26T05:37:47.123 INFO     00002-abc \u{1b}[2J\rgone"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn times_compare_whatever_the_length_of_their_fractions() {
        let times = ["00:59Z", "01:00.680Z", "01:00.68012Z", "01:00.685Z", "01:01Z"];
        let entry = |time: &&str| Entry(json!({ "timestamp": format!("2026-11-26T05:{time}") }));
        let entries: Vec<Entry> = times.iter().map(entry).collect();
        assert!(entries.is_sorted_by(|a, b| a.written() < b.written()));
    }

    #[test]
    fn what_is_no_list_of_entries_is_no_answer() {
        assert!(Entry::read_all("{}").is_none() && Entry::read_all("oops").is_none());
        assert_eq!(Entry::read_all("[]").map(|entries| entries.len()), Some(0));
    }
}
