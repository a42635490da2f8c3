//! A report that no result can hold and no instance should: read by the page, in the memory of an ordinary one.

use std::fmt::Write as _;

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::memory::Memory;

/// As Validibot orders them here: the worst last, where a reader that stops early would not find them.
const FINDINGS: [(&str, usize); 3] = [("WARNING", 50_000), ("INFO", 15_000), ("ERROR", 5_000)];
/// How many of each severity can be paged through.
const KEPT_OF_EACH: usize = 1_000;
/// The report's length. As a tree it would take several times of it.
const BYTES: usize = 20_000_000;
/// Less than one report as it stands, and four are read at once.
const MORE_THAN_IDLE: u64 = 20_000_000;

/// A finished run with all of the findings, in two steps.
fn report() -> String {
    let padding = "x".repeat(BYTES / FINDINGS.iter().map(|(_, count)| count).sum::<usize>() - 70);
    let mut steps = [String::new(), String::new()];
    for (severity, count) in FINDINGS {
        let step = &mut steps[usize::from(severity == "ERROR")];
        for number in 0..count {
            let comma = if step.is_empty() { "" } else { "," };
            write!(
                step,
                r#"{comma}{{"severity":"{severity}","code":"c","path":"$.{number}","message":"{severity} {number} {padding}"}}"#
            )
            .expect("a String takes everything");
        }
    }
    let run = "ea71cf20-ed08-4db4-84e3-5b631a6acf2d";
    format!(
        r#"{{"id":"{run}","run_id":"{run}","org":"acme","workflow_slug":"sensor-table","status":"FAILED","state":"COMPLETED",
            "result":"FAIL","error":"","steps":[{{"name":"Columns","status":"PASSED","issues":[{}]}},
            {{"name":"Ranges","status":"FAILED","issues":[{}]}}]}}"#,
        steps[0], steps[1]
    )
}

async fn page(client: &Client, offset: usize) -> Value {
    let run = "ea71cf20-ed08-4db4-84e3-5b631a6acf2d".parse().expect("an id");
    let arguments = json!({ "run_ref": fixtures::run_ref(fixtures::ACME, run), "findings_offset": offset });
    let result = client.call_tool("get_run_status", arguments).await;
    assert!(result.text.len() <= 40_000, "a page has {} characters", result.text.len());
    result.success()["overview"].clone()
}

/// Which finding stands at this place of a page.
fn message(finding: &Value) -> String {
    finding["message"].as_str().unwrap_or_default().chars().take_while(|char| *char != 'x').collect()
}

#[tokio::test]
async fn the_first_and_the_last_page_of_seventy_thousand_findings_are_read_in_bounded_memory() {
    let (sandbox, server) = crate::start(Sandbox::builder().recording(false)).await;
    let report = report();
    assert!(report.len() > BYTES, "{} bytes", report.len());
    let body = Fault::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        bytes: report.into_bytes().into(),
    };
    sandbox.misbehave(Route::RunStatus, body);
    let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
    let before = Memory::of(server.pid()).peak;

    let total: usize = FINDINGS.iter().map(|(_, count)| count).sum();
    let last = FINDINGS.len() * KEPT_OF_EACH - 20;
    let pages = join_all([0, 0, last, last].map(|offset| page(&client, offset))).await;
    for page in &pages {
        assert_eq!((&page["state"], &page["result"]), (&json!("COMPLETED"), &json!("FAIL")));
        let findings = &page["findings"];
        assert_eq!(
            (&findings["total"], &findings["left_out"]),
            (&json!(total), &json!(total - FINDINGS.len() * KEPT_OF_EACH))
        );
        for (severity, count) in FINDINGS {
            assert_eq!(findings["by_severity"][severity], count, "{severity}");
        }
        assert_eq!(findings["shown"].as_array().map(Vec::len), Some(20));
    }
    let (first, last) = (&pages[0], &pages[3]);
    assert_eq!(message(&first["findings"]["shown"][0]), "ERROR 0 ");
    assert_eq!(first["findings"]["shown"][0]["step"], "Ranges");
    assert_eq!(first["next"]["arguments"]["findings_offset"], 20);
    assert_eq!(message(&last["findings"]["shown"][19]), format!("INFO {} ", KEPT_OF_EACH - 1));
    assert_eq!(last["next"]["tool"], "validate_file", "there is no page after it: {}", last["next"]);

    let after = Memory::of(server.pid()).peak;
    suite::skip::say(&format!(
        "four readings of {BYTES} bytes: the peak grew by {} kB",
        (after - before) / 1024
    ));
    assert!(after < before + MORE_THAN_IDLE, "{before} bytes before, {after} at the highest");
}
