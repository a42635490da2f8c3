//! A run's findings, gathered from its steps and put first what matters most.

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use crate::base::visible::visible;

/// How many findings a result shows where nobody asked for more.
pub(super) const DEFAULT_LIMIT: usize = 20;
/// How many it shows at most.
pub(super) const MAX_LIMIT: usize = 200;
/// How much of a result the findings of one page may take, as JSON: the run around them has its room, too.
const MAX_PAGE_BYTES: usize = 24_000;
/// One message may not crowd out the others.
const MAX_TEXT_CHARS: usize = 500;
/// What a step may be called.
const MAX_NAME_CHARS: usize = 200;
/// Severities, states and results are words.
const MAX_WORD_CHARS: usize = 64;
/// How many severities are counted apart; Validibot knows four.
const MAX_SEVERITIES: usize = 20;
/// The rows that a finding brings along, as JSON.
const MAX_ROWS_BYTES: usize = 600;

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
            let mut severity = word(finding.severity);
            if counts.len() >= MAX_SEVERITIES && !counts.contains_key(&severity) {
                "OTHER".clone_into(&mut severity);
            }
            let count = counts.get(&severity).and_then(Value::as_u64).unwrap_or_default();
            counts.insert(severity, (count + 1).into());
        }
        Value::Object(counts)
    }

    /// One page of them, shorter where they are long: at least one, if there is one.
    pub(super) fn page(&self, page: Page) -> Vec<Value> {
        fitting(self.0.iter().skip(page.offset).take(page.limit).map(Finding::shown))
    }

    /// Each of them, by what it is known (the step, the rule, the place and the message, whole) and as it is shown.
    pub(super) fn each<T>(&self, mut take: impl FnMut([&str; 4], Value) -> T) -> Vec<T> {
        let known_by = |finding: &Finding<'a>| {
            let text = |key: &str| finding.issue.get(key).and_then(Value::as_str).unwrap_or_default();
            [finding.step, text("code"), text("path"), text("message")]
        };
        self.0.iter().map(|finding| take(known_by(finding), finding.shown())).collect()
    }
}

/// As many findings as a result has room for: at least one, if there is one.
pub(super) fn fitting(findings: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut room = MAX_PAGE_BYTES;
    let mut shown = Vec::new();
    for finding in findings {
        let takes = finding.to_string().len();
        if takes > room && !shown.is_empty() {
            break;
        }
        room = room.saturating_sub(takes);
        shown.push(finding);
    }
    shown
}

impl Finding<'_> {
    /// Severity, place, message and the rows that it is about; the rest stands in the resource.
    fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("severity".to_owned(), word(self.severity).into());
        let texts = [("path", "path"), ("message", "message"), ("code", "code")];
        for (key, name) in texts {
            if let Some(text) = self.issue.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                shown.insert(name.to_owned(), short(text, MAX_TEXT_CHARS).into());
            }
        }
        if let Some(Value::Object(rows)) = self.issue.get("failed_rows") {
            shown.insert("failed_rows".to_owned(), self::rows(rows));
        }
        shown.insert("step".to_owned(), short(self.step, MAX_NAME_CHARS).into());
        Value::Object(shown)
    }
}

/// Leaves only how many findings there were: they stand in the overview, by the page, and in the run's resource.
pub(super) fn count_only(run: &mut JsonObject) {
    let counted = |object: &mut JsonObject, key: &str, count_key: &str| {
        if let Some(Value::Array(list)) = object.get(key) {
            let count = list.len();
            object.shift_remove(key);
            object.insert(count_key.to_owned(), count.into());
        }
    };
    counted(run, "findings", "findings_count");
    let steps = run.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten().filter_map(Value::as_object_mut) {
        counted(step, "issues", "issues_count");
    }
}

/// The rows of a table that a finding is about, or how many there are where they are long.
fn rows(rows: &JsonObject) -> Value {
    let written = serde_json::to_string(rows).unwrap_or_default();
    if written.len() <= MAX_ROWS_BYTES && written == visible(&written) {
        return Value::Object(rows.clone());
    }
    let count = rows.get("count").and_then(Value::as_u64);
    json!({ "count": count, "truncated": true })
}

fn rank(severity: &str) -> usize {
    SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len())
}

/// A text of Validibot's or of a file's, as much of it as a result has room for.
pub(super) fn short(text: &str, chars: usize) -> String {
    let text = visible(text);
    match text.char_indices().nth(chars) {
        None => text,
        Some((end, _)) => format!("{} …", &text[..end]),
    }
}

/// A word of Validibot's.
pub(super) fn word(text: &str) -> String {
    short(text, MAX_WORD_CHARS)
}

/// Whether the run is finished.
pub(super) fn is_complete(run: &Map<String, Value>) -> bool {
    run.get("state").and_then(Value::as_str) == Some("COMPLETED")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::object;

    fn run(issues: &Value) -> JsonObject {
        object(json!({ "steps": [{ "name": "Schema", "issues": issues }] }))
    }

    #[test]
    fn errors_come_first_and_every_severity_is_counted() {
        let issues: Vec<Value> = ["WARNING", "ERROR", "WARNING"]
            .iter()
            .enumerate()
            .map(|(n, severity)| json!({ "message": format!("m{n}"), "path": format!("$.p{n}"), "code": "", "severity": severity }))
            .collect();
        let run = run(&issues.into());
        let findings = Findings::of(&run);
        assert_eq!(findings.by_severity(), json!({ "ERROR": 1, "WARNING": 2 }));
        assert_eq!(
            findings.page(Page::default())[0],
            json!({ "severity": "ERROR", "path": "$.p1", "message": "m1", "step": "Schema" })
        );
    }

    #[test]
    fn a_page_of_long_findings_is_shorter_and_loses_none() {
        let long = "\u{1f600}".repeat(4_000);
        let issues: Vec<Value> = (0..200)
            .map(
                |n| json!({ "message": format!("{n} {long}"), "path": long, "code": long, "severity": long }),
            )
            .collect();
        let Value::Object(run) = json!({ "steps": [{ "name": long, "issues": issues }] }) else {
            unreachable!()
        };
        let findings = Findings::of(&run);
        let mut seen = 0;
        while seen < findings.total() {
            let page = findings.page(Page { offset: seen, limit: MAX_LIMIT });
            assert!(
                !page.is_empty() && Value::Array(page.clone()).to_string().len() < MAX_PAGE_BYTES + 8_000
            );
            assert!(page[0]["message"].as_str().is_some_and(|text| text.starts_with(&format!("{seen} "))));
            seen += page.len();
        }
        assert!(findings.by_severity().to_string().len() < 400);
    }

    #[test]
    fn severities_without_end_are_counted_together() {
        let issues: Vec<Value> = (0..500).map(|n| json!({ "severity": format!("S{n}") })).collect();
        let run = run(&issues.into());
        let counted = Findings::of(&run).by_severity();
        assert_eq!(
            (counted.as_object().map(Map::len), &counted["OTHER"]),
            (Some(MAX_SEVERITIES + 1), &json!(480))
        );
    }

    #[test]
    fn rows_come_along_where_they_are_few_and_nothing_hidden_does() {
        let few = json!({ "sample_rows": [1, 2], "count": 2, "truncated": false });
        let many =
            json!({ "sample_rows": (0..1_000).collect::<Vec<_>>(), "count": 1000, "truncated": false });
        let hidden = json!({ "sample_rows": ["\u{e0041}"], "count": 1, "truncated": false });
        let run = run(&json!([
            { "severity": "ERROR", "message": "a\u{e0041}\u{202e}b", "failed_rows": few },
            { "severity": "ERROR", "failed_rows": many },
            { "severity": "ERROR", "failed_rows": hidden },
            { "severity": "ERROR", "failed_rows": null },
        ]));
        let page = Findings::of(&run).page(Page::default());
        assert_eq!((&page[0]["message"], &page[0]["failed_rows"]), (&json!("ab"), &few));
        assert_eq!(page[1]["failed_rows"], json!({ "count": 1000, "truncated": true }));
        assert_eq!(page[2]["failed_rows"], json!({ "count": 1, "truncated": true }));
        assert!(page[3].get("failed_rows").is_none());
    }
}
