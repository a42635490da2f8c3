//! Markdown for people. Every text from Validibot or a file is escaped: a finding must not become a heading or a link.

use std::fmt::Write as _;

use rmcp::model::JsonObject;
use serde_json::Value;

/// A workflow's definition.
pub(super) fn workflow(workflow: &JsonObject) -> String {
    let mut out = format!("# {}\n\n", text(workflow, "name"));
    let description = text(workflow, "description");
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
    out
}

/// A run's report.
pub(super) fn run(run: &JsonObject) -> String {
    let mut out = format!("# Run of {}: {}\n\n", text(run, "workflow_slug"), text(run, "result"));
    let _ = writeln!(out, "- State: {}", text(run, "state"));
    let _ = writeln!(out, "- Started: {}", text(run, "started_at"));
    let _ = writeln!(out, "- Ended: {}", text(run, "ended_at"));
    let error = text(run, "user_friendly_error");
    if !error.is_empty() {
        let _ = writeln!(out, "\n{error}");
    }
    for step in objects(run, "steps") {
        let _ = writeln!(out, "\n## {}: {}\n", text(step, "name"), text(step, "status"));
        let mut any = false;
        for issue in objects(step, "issues") {
            any = true;
            let place = text(issue, "path");
            let place = if place.is_empty() { String::new() } else { format!(" at {place}") };
            let _ = writeln!(out, "- **{}**{place}: {}", text(issue, "severity"), text(issue, "message"));
        }
        if !any {
            out.push_str("No findings.\n");
        }
    }
    out
}

fn text(object: &JsonObject, key: &str) -> String {
    object.get(key).and_then(Value::as_str).map(escaped).unwrap_or_default()
}

fn list<'a>(object: &'a JsonObject, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn objects<'a>(object: &'a JsonObject, key: &str) -> impl Iterator<Item = &'a JsonObject> {
    list(object, key).iter().filter_map(Value::as_object)
}

/// Markdown's backslash escapes for what would be markup; a line break would end the paragraph.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_names_each_finding_with_its_place_and_no_text_is_markup() {
        let Value::Object(object) = json!({
            "workflow_slug": "energy", "result": "FAIL", "state": "COMPLETED", "steps": [
                { "name": "Schema", "status": "FAILED",
                  "issues": [{ "severity": "ERROR", "path": "$.floor_area", "message": "[click](x)\n# big" }] },
                { "name": "Rules", "status": "PASSED", "issues": [] },
            ],
        }) else {
            unreachable!("an object literal")
        };
        let report = run(&object);
        assert!(report.starts_with("# Run of energy: FAIL\n"));
        assert!(report.contains("- **ERROR** at $.floor\\_area: \\[click\\](x) \\# big\n"), "{report}");
        assert!(report.contains("## Rules: PASSED\n\nNo findings.\n"));
    }
}
