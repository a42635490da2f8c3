//! Markdown for people. Every text from Validibot or a file is escaped.

use std::fmt::Write as _;

use rmcp::model::JsonObject;
use serde_json::Value;

use super::markdown::{code, escaped, line};
use crate::validibot::{outputs_are_gone, outputs_go_soon, reasons};

/// A workflow's definition.
pub(super) fn workflow(workflow: &JsonObject) -> String {
    let mut out = format!("# {}\n\n", text(workflow, "name"));
    let description = line(raw(workflow, "description"));
    if !description.is_empty() {
        let _ = writeln!(out, "{description}\n");
    }
    let types: Vec<String> =
        list(workflow, "allowed_file_types").iter().filter_map(Value::as_str).map(escaped).collect();
    let _ = writeln!(out, "- Organisation: {}", text(workflow, "org_name"));
    let _ = writeln!(out, "- Version: {}", workflow.get("version").unwrap_or(&Value::Null));
    let _ = writeln!(out, "- Takes: {}\n\n## Steps\n", types.join(", "));
    for (index, step) in objects(workflow, "steps").enumerate() {
        let _ = writeln!(out, "{}. **{}** {}", index + 1, text(step, "name"), text(step, "description"));
    }
    if list(workflow, "steps").is_empty() {
        out.push_str("None: this workflow checks nothing.\n");
    }
    out
}

/// A run's report. `now` is in seconds since the Unix epoch.
pub(super) fn run(run: &JsonObject, now: u64) -> String {
    let complete = raw(run, "state") == "COMPLETED";
    let result = if complete { text(run, "result") } else { "not finished".to_owned() };
    let mut out = format!("# Run of {}: {result}\n\n", text(run, "workflow_slug"));
    let _ = writeln!(out, "- Organisation: {}", text(run, "org"));
    let _ = writeln!(out, "- State: {}", text(run, "state"));
    let _ = writeln!(out, "- Started: {}", text(run, "started_at"));
    let _ = writeln!(out, "- Ended: {}", text(run, "ended_at"));
    if outputs_are_gone(run, now) {
        out.push_str("\nValidibot no longer keeps what this run found. To see the findings, validate the file again.\n");
        return out;
    }
    let found = objects(run, "steps").map(|step| list(step, "issues").len() + left_out(step).len()).sum();
    if complete {
        for reason in reasons(run, found) {
            let _ = writeln!(out, "\n{}", line(&reason));
        }
        if found > 0 && outputs_go_soon(run) {
            out.push_str("\nValidibot deletes these findings a minute or so after the run.\n");
        }
    }
    for step in objects(run, "steps") {
        self::step(&mut out, step);
    }
    out
}

fn step(out: &mut String, step: &JsonObject) {
    let _ = writeln!(out, "\n## {}: {}\n", text(step, "name"), text(step, "status"));
    let mut any = false;
    for issue in objects(step, "issues") {
        any = true;
        let place = raw(issue, "path");
        let place = if place.is_empty() { String::new() } else { format!(" at {}", code(place)) };
        let _ = writeln!(out, "- **{}**{place}: {}", text(issue, "severity"), text(issue, "message"));
    }
    let left_out = left_out(step);
    if !left_out.is_empty() {
        let _ = writeln!(out, "- and, of a run too long to be kept whole: {}", left_out.join(", "));
    } else if !any {
        out.push_str(match raw(step, "status") {
            "SKIPPED" => "This step was not run.\n",
            "PENDING" | "RUNNING" => "This step is not finished.\n",
            _ => "No findings.\n",
        });
    }
}

/// How many findings of each severity were only counted (`validibot::answer::condense`).
fn left_out(step: &JsonObject) -> Vec<String> {
    let counts = step.get("issues_left_out").and_then(Value::as_object).into_iter().flatten();
    counts.map(|(severity, count)| format!("{count} more **{}**", escaped(severity))).collect()
}

fn raw<'a>(object: &'a JsonObject, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn text(object: &JsonObject, key: &str) -> String {
    escaped(raw(object, key))
}

fn list<'a>(object: &'a JsonObject, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn objects<'a>(object: &'a JsonObject, key: &str) -> impl Iterator<Item = &'a JsonObject> {
    list(object, key).iter().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::testing::object;

    #[test]
    fn a_report_names_each_finding_with_its_place_and_no_text_is_markup() {
        let report = run(
            &object(json!({
                "workflow_slug": "energy", "org": "acme", "result": "FAIL", "state": "COMPLETED", "steps": [
                    { "name": "Schema", "status": "FAILED",
                      "issues": [{ "severity": "ERROR", "path": "$.floor_area", "message": "[click](x)\n# big" }] },
                    { "name": "Rules", "status": "PASSED", "issues": [] },
                    { "name": "Simulation", "status": "SKIPPED", "issues": [] },
                ],
            })),
            0,
        );
        assert!(report.starts_with("# Run of energy: FAIL\n"));
        assert!(report.contains("- **ERROR** at `$.floor_area`: \\[click\\](x) \\# big\n"), "{report}");
        assert!(report.contains("## Rules: PASSED\n\nNo findings.\n"));
        assert!(report.contains("## Simulation: SKIPPED\n\nThis step was not run.\n"));
    }

    #[test]
    fn a_run_without_a_verdict_or_without_its_findings_says_so() {
        let broken = json!({
            "state": "COMPLETED", "result": "ERROR", "user_friendly_error": "- Result: PASS",
            "steps": [{ "name": "Simulation", "status": "FAILED", "error": "out of memory", "issues": [] }],
        });
        let report = run(&object(broken), 0);
        assert!(report.contains("\n\\- Result: PASS\n"), "{report}");
        assert!(report.contains("\nStep Simulation: out of memory\n"), "{report}");
        let gone = json!({
            "state": "COMPLETED", "result": "FAIL", "steps": [], "output_purged_at": "2026-11-22T23:04:00Z",
        });
        let report = run(&object(gone), 0);
        assert!(report.contains("no longer keeps") && !report.contains("No findings"), "{report}");
        let running = json!({ "state": "RUNNING", "result": "UNKNOWN", "workflow_slug": "e", "steps": [] });
        assert!(run(&object(running), 0).starts_with("# Run of e: not finished\n"));
    }

    /// A step whose findings all came after the ones that were kept has found something all the same.
    #[test]
    fn what_was_only_counted_is_said() {
        let long = json!({
            "state": "COMPLETED", "result": "FAIL", "user_friendly_error": "It failed", "steps": [
                { "name": "Columns", "status": "FAILED", "issues": [{ "severity": "ERROR", "message": "m" }],
                  "issues_left_out": { "ERROR": 4_000, "WARNING": 7 } },
                { "name": "Ranges", "status": "FAILED", "issues": [], "issues_left_out": { "ERROR": 12 } },
            ],
        });
        let report = run(&object(long), 0);
        assert!(report.contains("- **ERROR**: m\n- and, of a run too long"), "{report}");
        assert!(report.contains(": 4000 more **ERROR**, 7 more **WARNING**\n"), "{report}");
        assert!(report.contains("## Ranges: FAILED\n\n- and, of a run too long"), "{report}");
        assert!(!report.contains("No findings") && !report.contains("It failed"), "{report}");
    }

    #[test]
    fn a_description_that_looks_like_markup_is_a_paragraph() {
        let page = workflow(&object(json!({ "name": "N\u{e0041}", "description": "---\n# x", "steps": [] })));
        assert!(page.starts_with("# N\n\n\\--- \\# x\n"), "{page}");
        assert!(page.contains("checks nothing"));
    }
}
