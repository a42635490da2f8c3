//! Whether a correction helped: two runs, and what changed between them.

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};

async fn run(client: &Client, model: &Value) -> Value {
    let arguments = json!({
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL),
        "file_name": "model.json",
        "text": model.to_string(),
    });
    let started = client.call_tool("validate_file", arguments).await.success();
    let call = json!({ "run_ref": started["run_ref"] });
    client.call_tool("wait_for_run", call).await.success()["overview"].clone()
}

async fn compare(client: &Client, before: &Value, after: &Value) -> Value {
    let call = json!({ "before_run_ref": before["run_ref"], "after_run_ref": after["run_ref"] });
    client.call_tool("compare_runs", call).await.success()
}

/// The bad model is corrected zone by zone; each round's counts are those of the findings that the runs themselves report.
#[tokio::test]
async fn each_correction_is_counted_exactly() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let bad: Value = serde_json::from_slice(fixtures::BAD_ENERGY_MODEL).expect("JSON");
    let good: Value = serde_json::from_slice(fixtures::GOOD_ENERGY_MODEL).expect("JSON");
    for era in Era::BOTH {
        let client = super::client(&server, era);
        let before = run(&client, &bad).await;
        let same = run(&client, &bad).await;
        let total = before["findings"]["total"].as_u64().expect("a count");
        assert!(total > 0);
        let unchanged = compare(&client, &before, &same).await;
        assert_eq!(unchanged["counts"], json!({ "went": 0, "came": 0, "stayed": total }));
        assert_eq!(unchanged["next"]["tool"], "validate_file", "{unchanged}");

        let corrected = run(&client, &good).await;
        let left = corrected["findings"]["total"].as_u64().expect("a count");
        let helped = compare(&client, &before, &corrected).await;
        let count = |change: &str| helped["counts"][change].as_u64().expect("a count");
        assert_eq!(
            (count("went") + count("stayed"), count("came") + count("stayed")),
            (total, left),
            "{helped}"
        );
        assert!(count("went") > 0, "{helped}");
        let back = compare(&client, &corrected, &before).await;
        assert_eq!(back["counts"]["came"], helped["counts"]["went"], "the other way round");
        let shown = back["findings"]["shown"].as_array().expect("findings");
        assert_eq!(shown[0]["change"], "came");
    }
}

/// A reference that is none, another user's run, and one that goes on.
#[tokio::test]
async fn what_cannot_be_compared_is_refused_by_field_or_says_why() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let client = super::client(&server, Era::Modern);
    let bad = client.call_tool("compare_runs", json!({ "before_run_ref": "run_x" })).await;
    let errors = &bad.structured["error"]["data"]["errors"];
    assert_eq!(
        (&errors[0]["field"], &errors[1]["field"]),
        (&json!("before_run_ref"), &json!("after_run_ref"))
    );
    let model: Value = serde_json::from_slice(fixtures::GOOD_ENERGY_MODEL).expect("JSON");
    let own = run(&client, &model).await;
    let other = server.client(Era::Modern, fixtures::SECOND_TOKEN);
    let call = json!({ "before_run_ref": own["run_ref"], "after_run_ref": own["run_ref"] });
    assert_eq!(other.call_tool("compare_runs", call).await.error_code(), "NOT_FOUND");
}
