//! A run's findings, gathered from its steps and put first what matters most.

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

/// How many findings a result shows where nobody asked for more.
pub(super) const DEFAULT_LIMIT: usize = 20;
/// How many it shows at most: 200 of ordinary length stay below a host's limit for one result.
pub(super) const MAX_LIMIT: usize = 200;
/// One message may not crowd out the others.
const MAX_TEXT_CHARS: usize = 500;

/// Which findings to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { offset: 0, limit: DEFAULT_LIMIT }
    }
}

/// The findings of a run.
pub(super) struct Findings<'a>(Vec<Finding<'a>>);

struct Finding<'a> {
    severity: &'a str,
    step: &'a str,
    issue: &'a JsonObject,
}

/// Worst first; what this version does not know goes last.
const SEVERITIES: [&str; 4] = ["ERROR", "WARNING", "INFO", "SUCCESS"];

impl<'a> Findings<'a> {
    /// Of one reading. Within a severity they keep Validibot's order.
    pub(super) fn of(run: &'a JsonObject) -> Self {
        let steps = run.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut findings: Vec<Finding<'a>> = steps
            .iter()
            .flat_map(|step| {
                let name = step.get("name").and_then(Value::as_str).unwrap_or_default();
                let issues =
                    step.get("issues").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                issues.iter().filter_map(Value::as_object).map(move |issue| Finding {
                    severity: issue.get("severity").and_then(Value::as_str).unwrap_or("UNKNOWN"),
                    step: name,
                    issue,
                })
            })
            .collect();
        // The agent API gives them without their steps (contract, A8).
        let loose = run.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        findings.extend(loose.iter().filter_map(Value::as_object).map(|issue| Finding {
            severity: issue.get("severity").and_then(Value::as_str).unwrap_or("UNKNOWN"),
            step: issue.get("step").and_then(Value::as_str).unwrap_or_default(),
            issue,
        }));
        findings.sort_by_key(|finding| rank(finding.severity));
        Self(findings)
    }

    pub(super) fn total(&self) -> usize {
        self.0.len()
    }

    /// How many of each severity there are, worst first.
    pub(super) fn by_severity(&self) -> Value {
        let mut counts = Map::new();
        for finding in &self.0 {
            let count = counts.get(finding.severity).and_then(Value::as_u64).unwrap_or_default();
            counts.insert(finding.severity.to_owned(), (count + 1).into());
        }
        Value::Object(counts)
    }

    /// One page of them.
    pub(super) fn page(&self, page: Page) -> Vec<Value> {
        self.0.iter().skip(page.offset).take(page.limit).map(Finding::shown).collect()
    }
}

impl Finding<'_> {
    /// Severity, place and message; the rest stands in the full object.
    fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("severity".to_owned(), self.severity.into());
        let texts = [("path", "path"), ("message", "message"), ("code", "code")];
        for (key, name) in texts {
            if let Some(text) = self.issue.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                shown.insert(name.to_owned(), short(text).into());
            }
        }
        shown.insert("step".to_owned(), self.step.into());
        Value::Object(shown)
    }
}

fn rank(severity: &str) -> usize {
    SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} …", &text[..end]),
    }
}

/// What an agent needs first: where the run stands, what was found, what to do now.
pub(super) fn overview(run: &JsonObject, page: Page) -> Value {
    let findings = Findings::of(run);
    let complete = super::runs::is_complete(run);
    let mut overview = Map::new();
    for key in ["state", "result"] {
        if let Some(value) = run.get(key) {
            overview.insert(key.to_owned(), value.clone());
        }
    }
    overview.insert("is_complete".to_owned(), complete.into());
    let shown = findings.page(page);
    let seen = page.offset + shown.len();
    overview.insert(
        "findings".to_owned(),
        json!({ "total": findings.total(), "by_severity": findings.by_severity(), "offset": page.offset, "shown": shown }),
    );
    if let Some(next) = next(run, complete, (seen < findings.total()).then_some(seen)) {
        overview.insert("next".to_owned(), next);
    }
    Value::Object(overview)
}

/// The tool to call now, with its arguments; nothing where the agent has it all.
fn next(run: &JsonObject, complete: bool, more_from: Option<usize>) -> Option<Value> {
    let reference = run.get("run_ref")?;
    if !complete {
        return Some(json!({ "tool": "wait_for_run", "arguments": { "run_ref": reference } }));
    }
    let offset = more_from?;
    Some(json!({
        "tool": "get_run_status",
        "arguments": { "run_ref": reference, "findings_offset": offset },
        "why": "more findings",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(issues: usize) -> JsonObject {
        let issues: Vec<Value> = (0..issues)
            .map(|n| {
                json!({ "message": format!("m{n}"), "path": format!("$.p{n}"), "code": "",
                             "severity": if n % 2 == 0 { "WARNING" } else { "ERROR" } })
            })
            .collect();
        let Value::Object(run) = json!({
            "run_ref": "run_x", "state": "COMPLETED", "result": "FAIL", "steps": [{ "name": "Schema", "issues": issues }],
        }) else {
            unreachable!("an object literal")
        };
        run
    }

    #[test]
    fn errors_come_first_and_every_severity_is_counted() {
        let overview = overview(&run(3), Page::default());
        assert_eq!(overview["findings"]["by_severity"], json!({ "ERROR": 1, "WARNING": 2 }));
        assert_eq!(
            overview["findings"]["shown"][0],
            json!({ "severity": "ERROR", "path": "$.p1", "message": "m1", "step": "Schema" })
        );
        assert!(overview.get("next").is_none(), "everything was shown");
    }

    #[test]
    fn what_is_not_shown_is_one_call_away() {
        let first = overview(&run(30), Page::default());
        assert_eq!(first["next"]["arguments"], json!({ "run_ref": "run_x", "findings_offset": 20 }));
        let second = overview(&run(30), Page { offset: 20, limit: DEFAULT_LIMIT });
        assert_eq!(second["findings"]["shown"].as_array().map(Vec::len), Some(10));
        assert!(second.get("next").is_none());
        let past = overview(&run(3), Page { offset: 50, limit: 1 });
        assert_eq!(past["findings"]["shown"], json!([]));
    }

    #[test]
    fn an_unfinished_run_is_to_be_waited_for() {
        let mut run = run(0);
        run.insert("state".into(), "RUNNING".into());
        assert_eq!(overview(&run, Page::default())["next"]["tool"], "wait_for_run");
    }
}
