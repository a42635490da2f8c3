//! `compare_runs`: which findings went, came and stayed between two runs.

use std::collections::{HashMap, VecDeque};

use rmcp::model::JsonObject;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::arguments::Arguments;
use super::backend::Backend;
use super::error::ToolError;
use super::findings::{DEFAULT_LIMIT, Findings, Page, is_complete, word};
use super::outcome::Outcome;
use super::runs::{argument, page};
use crate::base::json as json_of_others;
use crate::caller::Caller;
use crate::validibot::{RunRef, WorkflowRef, outputs_are_gone};

/// The argument that names the earlier run.
pub(super) const BEFORE: &str = "before_run_ref";
/// The argument that names the later one.
pub(super) const AFTER: &str = "after_run_ref";

/// What a finding is to the later run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Came,
    Stayed,
    Went,
}

/// Compares two runs. The first is reduced to what is compared before the second is read: two large ones are never in
/// memory at once.
pub(super) async fn compare(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
) -> Result<Outcome, ToolError> {
    let before = argument(backend, arguments, caller.clone(), BEFORE);
    let after = argument(backend, arguments, caller, AFTER);
    let page = page(arguments);
    arguments.finish()?;
    let (before, after) = before.zip(after).ok_or_else(ToolError::unauthorized)?;
    let now = backend.clock.unix();
    let before = Side::of(&before.read(backend, None).await?, now);
    let after = Side::of(&after.read(backend, None).await?, now);
    Ok(Outcome::plain(compared(before, after, page)))
}

/// What is kept of a run.
struct Side {
    /// What the result says of it.
    head: Value,
    reference: Value,
    result: String,
    workflow: Option<String>,
    /// Why its findings cannot be compared, and the call that helps.
    obstacle: Option<(&'static str, Option<Value>)>,
    findings: Vec<Kept>,
    /// How many more it has than could be kept: those are not compared.
    left_out: u64,
}

/// A finding: what it is known by, and how it is shown, as JSON.
struct Kept {
    key: [u8; 32],
    shown: String,
}

impl Side {
    fn of(run: &JsonObject, now: u64) -> Self {
        let text = |key: &str| run.get(key).and_then(Value::as_str);
        let reference = run.get("run_ref").cloned().unwrap_or_default();
        let result = text("result").unwrap_or("UNKNOWN").to_owned();
        let findings = Findings::of(run);
        let kept = findings.each(|key, shown| Kept { key: known_by(key), shown: shown.to_string() });
        let obstacle = if !is_complete(run) {
            let wait = json!({ "tool": "wait_for_run", "arguments": { "run_ref": reference } });
            Some(("has not finished", Some(wait)))
        } else if outputs_are_gone(run, now) {
            Some(("has findings that Validibot no longer keeps: validate the file again", None))
        } else {
            None
        };
        let left_out = left_out(run);
        let head = json!({
            "run_ref": reference,
            "state": word(text("state").unwrap_or_default()),
            "result": word(&result),
            "total": kept.len() as u64 + left_out,
        });
        let workflow =
            text("org").zip(text("workflow_slug")).map(|(org, slug)| WorkflowRef::new(org, slug).to_string());
        Self { head, reference, result, workflow, obstacle, findings: kept, left_out }
    }
}

/// How many findings of a very long run were only counted (`validibot::answer::condense`).
fn left_out(run: &JsonObject) -> u64 {
    let steps = run.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lists = steps.iter().filter_map(|step| step.get("issues_left_out"));
    let counts = lists.chain(run.get("findings_left_out")).filter_map(Value::as_object);
    counts.flat_map(|counts| counts.values()).filter_map(Value::as_u64).sum()
}

/// A rule, a place and a message, of one step. What a severity was changed to is no other finding.
fn known_by(parts: [&str; 4]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        // No part can end in another one's place.
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The later run's findings in their order, then those that went. One that is there twice in both has stayed twice.
fn changes<'a>(before: &'a [Kept], after: &'a [Kept]) -> Vec<(Change, &'a Kept)> {
    let mut open: HashMap<[u8; 32], VecDeque<usize>> = HashMap::new();
    for (index, kept) in before.iter().enumerate() {
        open.entry(kept.key).or_default().push_back(index);
    }
    let (mut came, mut stayed, mut gone) = (Vec::new(), Vec::new(), vec![true; before.len()]);
    for kept in after {
        match open.get_mut(&kept.key).and_then(VecDeque::pop_front) {
            Some(index) => {
                gone[index] = false;
                stayed.push((Change::Stayed, kept));
            }
            None => came.push((Change::Came, kept)),
        }
    }
    let went = before.iter().zip(gone).filter(|(_, gone)| *gone).map(|(kept, _)| (Change::Went, kept));
    came.into_iter().chain(stayed).chain(went).collect()
}

fn compared(before: Side, after: Side, page: Page) -> JsonObject {
    let mut result = JsonObject::new();
    let obstacle = [("earlier", &before), ("later", &after)]
        .into_iter()
        .find_map(|(name, side)| Some((name, side.obstacle.as_ref()?)));
    if let Some((name, (why, next))) = obstacle {
        result.insert("compared".to_owned(), false.into());
        result.insert("why".to_owned(), format!("The {name} run {why}").into());
        if let Some(next) = next.clone().or_else(|| again(&after)) {
            result.insert("next".to_owned(), next);
        }
        result.insert("before".to_owned(), before.head);
        result.insert("after".to_owned(), after.head);
        return result;
    }
    let changes = changes(&before.findings, &after.findings);
    let count = |wanted| changes.iter().filter(|(change, _)| *change == wanted).count();
    result.insert("compared".to_owned(), true.into());
    result.insert(
        "counts".to_owned(),
        json!({ "went": count(Change::Went), "came": count(Change::Came), "stayed": count(Change::Stayed) }),
    );
    let shown =
        super::findings::fitting(changes.iter().skip(page.offset).take(page.limit).map(|(change, kept)| {
            let mut finding = json!({ "change": change.word() });
            // It was written here, a moment ago.
            if let (Ok(Value::Object(shown)), Some(finding)) =
                (json_of_others::document(kept.shown.as_bytes()), finding.as_object_mut())
            {
                finding.extend(shown);
            }
            finding
        }));
    let seen = page.offset + shown.len();
    let next =
        if seen < changes.len() { Some(more(&before, &after, seen, page.limit)) } else { correct(&after) };
    if let Some(next) = next {
        result.insert("next".to_owned(), next);
    }
    if let Some(note) = note(&before, &after) {
        result.insert("note".to_owned(), note.into());
    }
    result.insert("before".to_owned(), before.head);
    result.insert("after".to_owned(), after.head);
    let total = changes.len();
    result.insert("findings".to_owned(), json!({ "total": total, "offset": page.offset, "shown": shown }));
    result
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Stayed => "stayed",
            Self::Went => "went",
        }
    }
}

/// The next page.
fn more(before: &Side, after: &Side, from: usize, limit: usize) -> Value {
    let mut arguments = json!({ BEFORE: before.reference, AFTER: after.reference, "findings_offset": from });
    if limit != DEFAULT_LIMIT {
        arguments["findings_limit"] = limit.into();
    }
    json!({ "tool": "compare_runs", "arguments": arguments, "why": "more findings" })
}

/// The file is to be corrected, and validated again.
fn correct(after: &Side) -> Option<Value> {
    (after.result == "FAIL").then(|| again(after))?
}

fn again(after: &Side) -> Option<Value> {
    let paid = after.reference.as_str().is_some_and(|reference| RunRef::parse(reference).is_err());
    let price = if paid { ", which has its price again" } else { "" };
    Some(json!({
        "tool": "validate_file",
        "arguments": { "workflow_ref": after.workflow.as_ref()? },
        "fill_in": ["file_name", "text or file_content"],
        "why": format!("when the file is corrected by the findings, for a new run{price}"),
    }))
}

/// What keeps the comparison from being the whole one.
fn note(before: &Side, after: &Side) -> Option<String> {
    let mut notes = Vec::new();
    if before.workflow != after.workflow {
        notes.push("The runs are of different workflows: what went may not have been looked for.".to_owned());
    }
    if before.left_out + after.left_out > 0 {
        notes.push(format!(
            "Not compared, because a run this long is kept in part: {} findings of the earlier run, {} of the later one. What \
             went or came may be among them.",
            before.left_out, after.left_out
        ));
    }
    (!notes.is_empty()).then(|| notes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::object;
    use crate::validibot::run_ref;

    const NOW: u64 = 1_800_000_000;

    fn run(id: &str, result: &str, issues: &Value) -> JsonObject {
        object(json!({
            "run_ref": run_ref("acme", id), "state": "COMPLETED", "result": result, "org": "acme",
            "workflow_slug": "energy", "steps": [{ "name": "Rules", "issues": issues }],
        }))
    }

    fn issue(code: &str, path: &str, message: &str) -> Value {
        json!({ "severity": "ERROR", "code": code, "path": path, "message": message })
    }

    fn of(before: &JsonObject, after: &JsonObject, page: Page) -> JsonObject {
        compared(Side::of(before, NOW), Side::of(after, NOW), page)
    }

    #[test]
    fn a_finding_is_known_by_rule_place_and_message_and_counted_as_often_as_it_is_there() {
        let twice = issue("r1", "/a", "wrong");
        let mut milder = issue("r2", "/b", "odd");
        let before = run(
            "1",
            "FAIL",
            &json!([twice, twice, milder, issue("r1", "/c", "wrong"), issue("r4", "/d", "x")]),
        );
        milder["severity"] = "WARNING".into();
        let after =
            run("2", "FAIL", &json!([twice, milder, issue("r1", "/c", "wrong now"), issue("r5", "/d", "x")]));
        let result = of(&before, &after, Page::default());
        assert_eq!(result["counts"], json!({ "went": 3, "came": 2, "stayed": 2 }));
        let shown: Vec<String> = result["findings"]["shown"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|finding| {
                let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
                format!("{} {} {} {}", text("change"), text("code"), text("path"), text("message"))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "came r1 /c wrong now",
                "came r5 /d x",
                "stayed r1 /a wrong",
                "stayed r2 /b odd",
                "went r1 /a wrong",
                "went r1 /c wrong",
                "went r4 /d x"
            ]
        );
        let keys: Vec<&str> = result.keys().map(String::as_str).collect();
        assert_eq!(keys[..3], ["compared", "counts", "next"], "what a cut result has to hold comes first");
        assert_eq!(result["next"]["tool"], "validate_file");
        assert!(result.get("note").is_none());
    }

    #[test]
    fn five_thousand_findings_are_counted_exactly_and_come_by_the_page() {
        let issues = |from: usize| -> Value {
            (from..from + 5_000).map(|n| issue("r", &format!("/zones/{n}"), "too warm")).collect()
        };
        let (before, after) = (run("1", "FAIL", &issues(0)), run("2", "FAIL", &issues(100)));
        let (mut offset, mut seen) = (0, 0);
        loop {
            let result = of(&before, &after, Page { offset, limit: 200 });
            assert_eq!(result["counts"], json!({ "went": 100, "came": 100, "stayed": 4_900 }));
            assert!(Value::Object(result.clone()).to_string().len() <= 38_000);
            seen += result["findings"]["shown"].as_array().expect("a list").len();
            if result["next"]["tool"] != "compare_runs" {
                break;
            }
            let next = result["next"]["arguments"]["findings_offset"].as_u64().expect("a number");
            assert!(next > offset as u64, "paging goes on");
            offset = usize::try_from(next).expect("small");
        }
        assert_eq!(seen, 5_100);
    }

    #[test]
    fn what_cannot_be_compared_says_why_and_what_to_do() {
        let good = run("1", "PASS", &json!([]));
        let mut going = run("2", "UNKNOWN", &json!([]));
        going["state"] = "RUNNING".into();
        let result = of(&good, &going, Page::default());
        assert_eq!((&result["compared"], &result["next"]["tool"]), (&json!(false), &json!("wait_for_run")));
        let mut gone = run("3", "FAIL", &json!([]));
        gone.insert("output_purged_at".to_owned(), "2026-11-22T23:04:00Z".into());
        let result = of(&gone, &good, Page::default());
        assert!(result["why"].as_str().is_some_and(|why| why.starts_with("The earlier run has findings")));
        assert_eq!(result["next"]["tool"], "validate_file");
        assert!(result.get("counts").is_none(), "none is known");
    }

    #[test]
    fn what_is_not_the_whole_comparison_says_so() {
        let before = run("1", "FAIL", &json!([issue("r", "/a", "x")]));
        let mut after = run("2", "PASS", &json!([]));
        after["workflow_slug"] = "other".into();
        after["steps"][0]["issues_left_out"] = json!({ "INFO": 7 });
        let result = of(&before, &after, Page::default());
        let note = result["note"].as_str().expect("a note");
        assert!(note.contains("different workflows") && note.contains("7 of the later one"), "{note}");
        assert_eq!(result["after"]["total"], 7);
        assert!(result.get("next").is_none(), "a pass is the end");
    }
}
