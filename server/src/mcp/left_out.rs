//! The findings of a very long run that were only counted (`validibot::answer::condense`), added to its overview.

use rmcp::model::JsonObject;
use serde_json::Value;

/// Adds them to the total and to the counts by severity; `left_out` says how many no page shows.
pub(super) fn add(overview: &mut Value, run: &JsonObject) {
    let steps = run.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lists = steps.iter().filter_map(|step| step.get("issues_left_out"));
    let counts = lists.chain(run.get("findings_left_out")).filter_map(Value::as_object).flatten();
    let counts: Vec<(&String, u64)> =
        counts.filter_map(|(severity, count)| Some((severity, count.as_u64()?))).collect();
    let Some(findings) = overview.get_mut("findings").filter(|_| !counts.is_empty()) else { return };
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let plus = |value: &mut Value, more: u64| *value = (value.as_u64().unwrap_or_default() + more).into();
    plus(&mut findings["total"], all);
    for (severity, count) in counts {
        plus(&mut findings["by_severity"][severity.as_str()], count);
    }
    findings["left_out"] = all.into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_only_counted_is_in_the_counts() {
        let of = |run: Value| {
            let mut overview = json!({ "findings": { "total": 3, "by_severity": { "ERROR": 3 } } });
            add(&mut overview, run.as_object().expect("an object"));
            overview["findings"].clone()
        };
        let all = of(json!({
            "steps": [{ "issues_left_out": { "ERROR": 2, "INFO": 1 } }, { "issues_left_out": { "INFO": 4 } }, {}],
            "findings_left_out": { "ERROR": 10 },
        }));
        assert_eq!(all, json!({ "total": 20, "by_severity": { "ERROR": 15, "INFO": 5 }, "left_out": 17 }));
        assert_eq!(of(json!({ "steps": [] })), json!({ "total": 3, "by_severity": { "ERROR": 3 } }));
    }
}
