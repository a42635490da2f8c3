//! What a run's object says between its keys (contract, A6).

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whether Validibot no longer keeps what a finished run came to. Then its steps are gone and its texts blank, so that the
/// object looks like the one of a run that found nothing.
///
/// `now` is in seconds since the Unix epoch. What has expired may still be there until it is swept away.
pub(crate) fn outputs_are_gone(run: &Map<String, Value>, now: u64) -> bool {
    if text(run, "state") != Some("COMPLETED") {
        return false;
    }
    if text(run, "output_purged_at").is_some() {
        return true;
    }
    let nothing_left = ["steps", "findings"]
        .iter()
        .all(|key| run.get(*key).and_then(Value::as_array).is_none_or(Vec::is_empty))
        && run.contains_key("steps")
        && text(run, "error").is_none()
        && text(run, "user_friendly_error").is_none();
    let expires = text(run, "output_expires_at").and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    nothing_left
        && expires.is_some_and(|expires| expires.unix_timestamp() <= i64::try_from(now).unwrap_or(i64::MAX))
}

/// Whether Validibot deletes the outputs soon after the run's end.
pub(crate) fn outputs_go_soon(run: &Map<String, Value>) -> bool {
    text(run, "output_retention_policy") == Some("DO_NOT_STORE")
}

/// Why a finished run came to what it came to, where findings do not say it: what Validibot says of the run, for a run that
/// was not judged, and what it says of its steps.
pub(crate) fn reasons(run: &Map<String, Value>, findings: usize) -> Vec<String> {
    let mut reasons = Vec::new();
    let result = text(run, "result").unwrap_or("UNKNOWN");
    let judged = result == "PASS" || (result == "FAIL" && findings > 0);
    if !judged {
        let said = ["user_friendly_error", "error"].iter().find_map(|key| text(run, key));
        reasons.extend(said.map(str::to_owned));
    }
    let steps = run.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for step in steps.iter().filter_map(Value::as_object) {
        if let Some(error) = text(step, "error").filter(|error| !reasons.iter().any(|said| said == error)) {
            reasons.push(format!("Step {}: {error}", text(step, "name").unwrap_or("without a name")));
        }
    }
    if reasons.is_empty() && !judged {
        let category = text(run, "error_category").map(|category| format!(" but {category}"));
        reasons.push(format!("Validibot gives no reason{}.", category.unwrap_or_default()));
    }
    reasons
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::testing::object;

    /// 2026-11-22T23:02:50Z.
    const ENDED: u64 = 1_795_388_570;

    fn run(changes: Value) -> Map<String, Value> {
        let mut run = object(json!({
            "state": "COMPLETED", "result": "FAIL", "steps": [], "error": "", "user_friendly_error": "",
            "output_expires_at": "2026-11-22T23:02:50.708859Z", "output_purged_at": null,
        }));
        run.extend(object(changes));
        run
    }

    #[test]
    fn purged_and_expired_outputs_are_gone_and_others_are_not() {
        for (gone, changes) in [
            (true, json!({})),
            (true, json!({ "output_expires_at": "2026-11-23T00:02:50+01:00" })),
            (true, json!({ "output_purged_at": "2026-11-22T23:04:00Z", "output_expires_at": null })),
            (false, json!({ "output_expires_at": "2026-11-22T23:02:52Z" })),
            (false, json!({ "output_expires_at": null })),
            (false, json!({ "output_expires_at": "soon" })),
            (false, json!({ "steps": [{ "name": "Schema" }] })),
            (false, json!({ "state": "RUNNING", "result": "UNKNOWN" })),
            // One that never came to a step says why.
            (false, json!({ "result": "ERROR", "error": "The broker is down" })),
        ] {
            assert_eq!(outputs_are_gone(&run(changes.clone()), ENDED + 1), gone, "{changes}");
        }
    }

    #[test]
    fn a_run_that_was_not_judged_says_why() {
        let steps = json!([{ "name": "Simulation", "error": "out of memory" }]);
        for (findings, changes, said) in [
            (
                0,
                json!({ "result": "ERROR", "error": "trace", "user_friendly_error": "It broke" }),
                vec!["It broke"],
            ),
            (0, json!({ "result": "CANCELED", "error": "by hand" }), vec!["by hand"]),
            (0, json!({ "result": "TIMED_OUT", "steps": steps }), vec!["Step Simulation: out of memory"]),
            (
                0,
                json!({ "result": "ERROR", "error_category": "OOM" }),
                vec!["Validibot gives no reason but OOM."],
            ),
            (3, json!({ "result": "FAIL", "user_friendly_error": "It does not meet" }), vec![]),
            (3, json!({ "result": "FAIL", "steps": steps }), vec!["Step Simulation: out of memory"]),
            (0, json!({ "result": "FAIL", "error": "It failed" }), vec!["It failed"]),
            (0, json!({ "result": "PASS" }), vec![]),
        ] {
            assert_eq!(reasons(&run(changes.clone()), findings), said, "{changes}");
        }
    }
}
