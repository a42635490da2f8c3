//! What a run found, as lines for a person.

use std::fmt::Write as _;

use serde_json::Value;

/// The file's name and result, then its findings, worst first, one to a line.
pub(super) fn report(name: &str, run: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let result = run["result"].as_str().unwrap_or("UNKNOWN");
    let overview = &run["overview"];
    let findings = &overview["findings"];
    let total = findings["total"].as_u64().unwrap_or(0);
    let mut report = format!("{name}: {result}");
    if total > 0 {
        let _ = write!(report, ", {}", counts(total, &findings["by_severity"]));
    }
    report.push('\n');
    let message = text(&overview["message"]);
    if !message.is_empty() {
        let _ = writeln!(report, "  {message}");
    }
    let shown = findings["shown"].as_array().map(Vec::as_slice).unwrap_or_default();
    for finding in shown {
        let (severity, path) = (text(&finding["severity"]), text(&finding["path"]));
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let _ = writeln!(report, "  {severity:<8} {place}{}", text(&finding["message"]));
    }
    let rest = total.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
    if rest > 0 {
        let _ =
            writeln!(report, "  and {rest} more, by get_run_status with run_ref {}", text(&run["run_ref"]));
    }
    report
}

/// `3 findings: 2 ERROR, 1 WARNING`.
fn counts(total: u64, by_severity: &Value) -> String {
    let severities: Vec<_> = by_severity
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(severity, count)| Some(format!("{} {severity}", count.as_u64()?)))
        .collect();
    let noun = if total == 1 { "finding" } else { "findings" };
    let details = if severities.is_empty() { String::new() } else { format!(": {}", severities.join(", ")) };
    format!("{total} {noun}{details}")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn findings_stand_below_the_result_with_their_places() {
        let run = json!({
            "run_ref": "run_1",
            "result": "FAIL",
            "overview": { "findings": { "total": 3, "by_severity": { "ERROR": 2, "WARNING": 1 }, "shown": [
                { "severity": "ERROR", "path": "building.location.latitude", "message": "153.55 is above 90" },
                { "severity": "WARNING", "message": "no weather file" },
            ] } },
        });
        expect![[r"
            model.json: FAIL, 3 findings: 2 ERROR, 1 WARNING
              ERROR    building.location.latitude: 153.55 is above 90
              WARNING  no weather file
              and 1 more, by get_run_status with run_ref run_1
        "]]
        .assert_eq(&report("model.json", &run));
    }

    #[test]
    fn a_run_without_findings_is_one_line_and_one_without_a_verdict_says_why() {
        let none = json!({ "result": "PASS", "overview": { "findings": { "total": 0, "shown": [] } } });
        assert_eq!(report("a.json", &none), "a.json: PASS\n");
        let gone =
            json!({ "result": "ERROR", "overview": { "message": "The validator ran out of memory." } });
        assert_eq!(report("a.json", &gone), "a.json: ERROR\n  The validator ran out of memory.\n");
    }
}
