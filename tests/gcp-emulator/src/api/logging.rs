//! Logging v2: reading entries. The part of the filter language that our callers use: comparisons joined by AND.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Call;
use crate::clock::timestamp;
use crate::cloud::Cloud;
use crate::error::{Answer, ApiError};

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    if (call.method.as_str(), call.path.as_str()) != ("POST", "/v2/entries:list") {
        return Err(ApiError::not_emulated(&call.method, &call.path));
    }
    for resource in call.body["resourceNames"].as_array().into_iter().flatten() {
        let project = resource.as_str().and_then(|name| name.strip_prefix("projects/")).unwrap_or_default();
        cloud.check_project(project)?;
    }
    let terms = parse(call.text("/filter").unwrap_or_default())?;
    let mut entries: Vec<Value> =
        cloud.logs.iter().filter(|entry| terms.iter().all(|term| term.holds(entry))).cloned().collect();
    if call.text("/orderBy") == Some("timestamp desc") {
        entries.reverse();
    }
    if let Some(size) = call.body["pageSize"].as_u64().filter(|size| *size > 0) {
        entries.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    }
    Ok(if entries.is_empty() { json!({}) } else { json!({ "entries": entries }) })
}

/// Where a line of a revision's log comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// The container's standard output.
    Stdout,
    /// The container's standard error.
    Stderr,
    /// Cloud Run's own word, with its severity.
    System(&'static str),
}

impl Cloud {
    /// Writes one line into the log of a revision.
    pub fn log_line(&mut self, region: &str, service: &str, revision: &str, from: LogSource, line: &str) {
        let resource = json!({
            "type": "cloud_run_revision",
            "labels": {
                "project_id": self.project,
                "location": region,
                "service_name": service,
                "configuration_name": service,
                "revision_name": revision,
            },
        });
        let (log, severity) = match from {
            LogSource::Stdout => ("stdout", "DEFAULT"),
            LogSource::Stderr => ("stderr", "DEFAULT"),
            LogSource::System(severity) => ("varlog%2Fsystem", severity),
        };
        self.log((&resource, &json!({})), log, severity, line);
    }

    /// Writes one line of a job's task into the log.
    pub(crate) fn log_task(&mut self, region: &str, job: &str, execution: &str, line: &str) {
        let resource = json!({
            "type": "cloud_run_job",
            "labels": {"project_id": self.project, "location": region, "job_name": job},
        });
        let labels =
            json!({"run.googleapis.com/execution_name": execution, "run.googleapis.com/task_index": "0"});
        self.log((&resource, &labels), "stderr", "ERROR", line);
    }

    /// A line that is a JSON object is taken apart as Cloud Run does it: `severity` and `time` become the entry's own
    /// (<https://cloud.google.com/logging/docs/structured-logging>).
    fn log(&mut self, (resource, labels): (&Value, &Value), log: &str, severity: &str, line: &str) {
        let now = timestamp(self.now());
        let id = self.next();
        let mut entry = json!({
            "insertId": format!("{id:020}"),
            "timestamp": now,
            "receiveTimestamp": now,
            "severity": severity,
            "logName": format!("projects/{}/logs/run.googleapis.com%2F{log}", self.project),
            "resource": resource,
            "labels": labels,
        });
        match serde_json::from_str::<Value>(line) {
            Ok(Value::Object(mut object)) => {
                for (field, name) in [("severity", "severity"), ("time", "timestamp")] {
                    if let Some(value) = object.shift_remove(field) {
                        entry[name] = value;
                    }
                }
                entry["jsonPayload"] = object.into();
            }
            _ => entry["textPayload"] = json!(line),
        }
        self.logs.push(entry);
    }
}

/// The severities, lowest first (`LogSeverity`).
const SEVERITIES: [&str; 9] =
    ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];

#[derive(Debug, PartialEq)]
struct Term {
    field: String,
    operator: &'static str,
    value: String,
}

impl Term {
    fn holds(&self, entry: &Value) -> bool {
        let Some(found) = entry.pointer(&pointer(&self.field)).and_then(Value::as_str) else { return false };
        let rank = |severity: &str| SEVERITIES.iter().position(|known| *known == severity);
        let moment = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let order = if self.field == "severity" {
            rank(found).cmp(&rank(&self.value))
        } else if let (Some(found), Some(value)) = (moment(found), moment(&self.value)) {
            // As moments: written with more or fewer digits they do not sort as text.
            found.cmp(&value)
        } else {
            found.cmp(self.value.as_str())
        };
        match self.operator {
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            _ => order.is_eq(),
        }
    }
}

/// A field's place: parts joined by dots, a quoted part holding any character.
fn pointer(field: &str) -> String {
    let mut place = String::from("/");
    let mut quoted = false;
    for c in field.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => place.push('/'),
            '/' => place.push_str("~1"),
            other => place.push(other),
        }
    }
    place
}

fn parse(filter: &str) -> Result<Vec<Term>, ApiError> {
    let terms = filter.split("AND").flat_map(str::lines).map(str::trim).filter(|term| !term.is_empty());
    terms
        .map(|term| {
            // The longer operators first: `>` is the beginning of `>=`.
            let operators = [">=", "<=", "=", ">", "<"];
            let (field, operator, value) = operators
                .into_iter()
                .find_map(|operator| term.split_once(operator).map(|(field, value)| (field, operator, value)))
                .ok_or_else(|| ApiError::invalid(format!("Unparseable filter: syntax error at '{term}'")))?;
            let value = value.trim().trim_matches('"').to_owned();
            Ok(Term { field: field.trim().to_owned(), operator, value })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_joined_by_and() {
        let entry = json!({"severity": "ERROR", "timestamp": "2026-01-02", "resource": {"type": "cloud_run_revision"}});
        let holds = |filter: &str| parse(filter).unwrap().iter().all(|term| term.holds(&entry));
        assert!(holds("resource.type=\"cloud_run_revision\" AND severity >= WARNING"));
        assert!(holds("timestamp>=\"2026-01-01\" AND resource.type = cloud_run_revision"));
        assert!(!holds("severity < ERROR"));
        assert!(!holds("timestamp>=\"2026-01-02T03:04:05.000001Z\""));
        assert!(!holds("resource.labels.service_name=\"x\""));
        assert!(parse("just words").is_err());
        let entry = json!({"labels": {"run.googleapis.com/execution_name": "e"}});
        let terms = parse("labels.\"run.googleapis.com/execution_name\"=\"e\"").unwrap();
        assert!(terms[0].holds(&entry));
        let term = &parse("receiveTimestamp>=\"2026-01-02T03:04:05.12Z\"").unwrap()[0];
        assert!(term.holds(&json!({"receiveTimestamp": "2026-01-02T03:04:05.120001Z"})));
        assert!(!term.holds(&json!({"receiveTimestamp": "2026-01-02T03:04:05Z"})));
    }
}
