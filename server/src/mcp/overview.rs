//! What an agent needs of a run first: where it stands, what was found, what to do now.

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use super::findings::is_complete;
use super::findings::{DEFAULT_LIMIT, Findings, Page, short, word};
use crate::validibot::{RunRef, WorkflowRef, outputs_are_gone, outputs_go_soon, reasons};

/// What an overview says of why.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// The findings stand here, a page at a time, and nowhere else in a result. `now` is in seconds since the Unix epoch.
pub(super) fn overview(run: &JsonObject, page: Page, now: u64) -> Value {
    let findings = Findings::of(run);
    let complete = is_complete(run);
    let gone = outputs_are_gone(run, now);
    let shown = findings.page(page);
    let seen = page.offset + shown.len();
    let mut overview = Map::new();
    if let Some(reference) = run.get("run_ref") {
        overview.insert("run_ref".to_owned(), reference.clone());
    }
    if let Some(state) = text(run, "state") {
        overview.insert("state".to_owned(), word(state).into());
    }
    // A run that goes on has no result yet, whatever ended the wait for it.
    let result = text(run, "result").filter(|_| complete).unwrap_or("UNKNOWN");
    overview.insert("result".to_owned(), word(result).into());
    overview.insert("is_complete".to_owned(), complete.into());
    if let Some(message) = message(run, complete, gone, findings.total()) {
        overview.insert("message".to_owned(), short(&message, MAX_MESSAGE_CHARS).into());
    }
    let then = if gone { Then::Again } else { Then::of(result, complete, seen, findings.total(), page) };
    if let Some(next) = then.call(run) {
        overview.insert("next".to_owned(), next);
    }
    if gone {
        // No count: none is known.
        overview.insert("findings".to_owned(), json!({ "kept": false }));
        return Value::Object(overview);
    }
    overview.insert(
        "findings".to_owned(),
        json!({ "total": findings.total(), "by_severity": findings.by_severity(), "offset": page.offset, "shown": shown }),
    );
    if complete && findings.total() > 0 && outputs_go_soon(run) {
        overview.insert(
            "note".to_owned(),
            "Validibot stores no outputs of this workflow: it deletes these findings a minute or so after the run. Read \
             all that you need now."
                .into(),
        );
    }
    Value::Object(overview)
}

fn message(run: &JsonObject, complete: bool, gone: bool, findings: usize) -> Option<String> {
    if !complete {
        return text(run, "message").map(str::to_owned);
    }
    if gone {
        return Some(
            "Validibot no longer keeps what this run found: that can be neither counted nor read. To see the findings, \
             validate the file again, and read them at once."
                .to_owned(),
        );
    }
    let reasons = reasons(run, findings);
    (!reasons.is_empty()).then(|| reasons.join(" "))
}

/// What an agent does now.
#[derive(Debug, Clone, Copy)]
enum Then {
    Wait,
    /// The next page, from here on.
    More {
        from: usize,
        limit: usize,
        correct: bool,
    },
    /// The file is to be corrected, and validated again.
    Correct,
    /// The same file is to be validated again.
    Again,
    Nothing,
}

impl Then {
    fn of(result: &str, complete: bool, seen: usize, total: usize, page: Page) -> Self {
        let correct = result == "FAIL";
        match () {
            () if !complete => Self::Wait,
            () if seen < total => Self::More { from: seen, limit: page.limit, correct },
            () if correct => Self::Correct,
            () => Self::Nothing,
        }
    }

    /// The tool to call, with its arguments.
    fn call(self, run: &JsonObject) -> Option<Value> {
        let reference = run.get("run_ref")?;
        match self {
            Self::Nothing => None,
            Self::Wait => Some(json!({ "tool": "wait_for_run", "arguments": { "run_ref": reference } })),
            Self::More { from, limit, correct } => {
                let mut arguments = json!({ "run_ref": reference, "findings_offset": from });
                if limit != DEFAULT_LIMIT {
                    arguments["findings_limit"] = limit.into();
                }
                let then = if correct {
                    "; or, with enough of them: correct the file, and call validate_file again"
                } else {
                    ""
                };
                Some(json!({
                    "tool": "get_run_status",
                    "arguments": arguments,
                    "why": format!("more findings{then}"),
                }))
            }
            Self::Correct => validate(run, "when the file is corrected by the findings, for a new run"),
            Self::Again => validate(run, "for a new run, whose findings can be read"),
        }
    }
}

/// The call that validates a file by the workflow of this run.
fn validate(run: &JsonObject, why: &str) -> Option<Value> {
    let workflow = WorkflowRef::new(text(run, "org")?, text(run, "workflow_slug")?).to_string();
    // What was paid for is paid for again.
    let paid = text(run, "run_ref").is_some_and(|reference| RunRef::parse(reference).is_err());
    let price = if paid { ", which has its price again" } else { "" };
    Some(json!({
        "tool": "validate_file",
        "arguments": { "workflow_ref": workflow },
        "fill_in": ["file_name", "text or file_content"],
        "why": format!("{why}{price}"),
    }))
}

fn text<'a>(run: &'a JsonObject, key: &str) -> Option<&'a str> {
    run.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::object;
    use crate::validibot::run_ref;

    fn run(issues: usize) -> JsonObject {
        let issues: Vec<Value> =
            (0..issues).map(|n| json!({ "message": format!("m{n}"), "severity": "ERROR" })).collect();
        object(json!({
            "state": "COMPLETED", "result": "FAIL", "org": "acme", "workflow_slug": "energy",
            "steps": [{ "name": "Schema", "issues": issues }],
            "run_ref": run_ref("acme", "ea71cf20-ed08-4db4-84e3-5b631a6acf2d"),
        }))
    }

    fn changed(issues: usize, changes: Value) -> JsonObject {
        let mut run = run(issues);
        run.extend(object(changes));
        run
    }

    fn first(run: &JsonObject) -> Value {
        overview(run, Page::default(), 2_000_000_000)
    }

    #[test]
    fn what_a_cut_result_has_to_hold_comes_first() {
        let overview = first(&run(30));
        let keys: Vec<&str> = overview.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["run_ref", "state", "result", "is_complete", "next", "findings"]);
    }

    #[test]
    fn what_is_not_shown_is_one_call_away_and_then_the_file_is_to_be_corrected() {
        let run = run(30);
        let page = first(&run);
        assert_eq!(page["next"]["arguments"], json!({ "run_ref": run["run_ref"], "findings_offset": 20 }));
        assert!(page["next"]["why"].as_str().is_some_and(|why| why.contains("correct the file")), "{page}");
        let second = overview(&run, Page { offset: 20, limit: 15 }, 0);
        assert_eq!(second["findings"]["shown"].as_array().map(Vec::len), Some(10));
        assert_eq!(second["next"]["tool"], "validate_file");
        assert_eq!(
            second["next"]["arguments"]["workflow_ref"],
            WorkflowRef::new("acme", "energy").to_string()
        );
        let third = overview(&run, Page { offset: 0, limit: 15 }, 0);
        assert_eq!(third["next"]["arguments"]["findings_limit"], 15, "the size of a page is kept");
        let past = overview(&run, Page { offset: 50, limit: 1 }, 0);
        assert_eq!(past["findings"]["shown"], json!([]));
        let passed = changed(0, json!({ "result": "PASS" }));
        assert!(first(&passed).get("next").is_none(), "a pass is the end");
    }

    #[test]
    fn an_unfinished_run_is_to_be_waited_for_and_has_no_verdict() {
        let run = changed(0, json!({ "state": "RUNNING", "result": "TIMED_OUT", "message": "It goes on" }));
        let overview = first(&run);
        assert_eq!(
            (&overview["next"]["tool"], &overview["result"]),
            (&json!("wait_for_run"), &json!("UNKNOWN"))
        );
        assert_eq!(overview["message"], "It goes on");
    }

    #[test]
    fn findings_that_are_gone_are_not_none() {
        for changes in [
            json!({ "steps": [], "output_purged_at": "2026-11-22T23:04:00Z" }),
            json!({ "steps": [], "output_expires_at": "2026-11-22T23:04:00Z" }),
        ] {
            let overview = first(&changed(0, changes));
            assert_eq!(overview["findings"], json!({ "kept": false }));
            assert!(
                overview["message"].as_str().is_some_and(|text| text.contains("no longer keeps")),
                "{overview}"
            );
            assert_eq!(overview["next"]["tool"], "validate_file");
        }
        let soon = first(&changed(1, json!({ "output_retention_policy": "DO_NOT_STORE" })));
        assert!(soon["note"].as_str().is_some_and(|note| note.contains("deletes these findings")), "{soon}");
    }

    #[test]
    fn what_was_not_judged_says_why_within_bounds() {
        let long = "x\u{e0041}".repeat(5_000);
        let overview = first(&changed(0, json!({ "result": long, "state": "COMPLETED", "error": long })));
        assert!(
            overview.to_string().len() < 3_000 && !overview.to_string().contains('\u{e0041}'),
            "{overview}"
        );
        assert!(overview["message"].as_str().is_some_and(|text| text.starts_with("xx")));
    }

    #[test]
    fn a_null_where_a_word_belongs_is_no_word() {
        let overview = first(&changed(0, json!({ "result": null, "error": null })));
        assert_eq!(overview["result"], "UNKNOWN");
    }
}
