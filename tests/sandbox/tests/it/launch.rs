//! Starting runs: multipart, envelope and raw, and everything that is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::multipart::{Form, Part};
use sandbox::fixtures::{self, ACME, ANNUAL_SIMULATION, ENERGY_MODEL, SENSOR_TABLE};
use serde_json::{Value, json};

use crate::client::{Got, World, as_demo, got};

async fn envelope(world: &World, workflow: &str, body: Value) -> Got {
    got(world.launch(ACME, workflow).json(&body)).await
}

#[tokio::test]
async fn a_file_is_validated_as_it_is_launched() {
    let world = World::start().await;
    let good = world.upload(ENERGY_MODEL, fixtures::GOOD_ENERGY_MODEL, "application/json").await;
    let run = good.json();
    assert_eq!((good.status, &run["result"]), (201, &json!("PASS")), "{}", good.text);
    assert!(!good.headers.contains_key("retry-after"));
    let run_ref = run["run_ref"].as_str().expect("a reference");
    assert_eq!(good.header("location"), format!("{}/api/v1/mcp/runs/{run_ref}/", world.sandbox.url()));
    let table = world.upload(SENSOR_TABLE, fixtures::BAD_TABLE, "text/plain").await;
    assert_eq!((table.status, &table.json()["result"]), (201, &json!("FAIL")));
    let good_table = world.upload(SENSOR_TABLE, fixtures::GOOD_TABLE, "text/plain; charset=utf-8").await;
    assert_eq!((good_table.status, &good_table.json()["result"]), (201, &json!("PASS")));
}

#[tokio::test]
async fn a_run_has_every_key_in_the_contracts_order() {
    let world = World::start().await;
    let bad = world.upload(ENERGY_MODEL, fixtures::BAD_ENERGY_MODEL, "application/json").await;
    assert_eq!(
        bad.keys().join(" "),
        "id status state result source error_category org user workflow workflow_slug submission started_at \
         ended_at duration_ms steps error user_friendly_error output_hash output_retention_policy \
         output_expires_at output_purged_at run_id run_ref"
    );
    let run = bad.json();
    assert_eq!(run["run_id"], run["id"]);
    assert_eq!(
        crate::client::keys(&run["steps"][0]).join(" "),
        "step_id name status issues error output_values template_parameters_used template_warnings"
    );
    assert_eq!(
        crate::client::keys(&run["steps"][0]["issues"][0]).join(" "),
        "id message path severity code assertion_id failed_rows"
    );
    assert_eq!((&run["status"], &run["error_category"]), (&json!("FAILED"), &json!("VALIDATION_FAILED")));
}

#[tokio::test]
async fn the_envelope_opens_or_says_which_field_is_wrong() {
    let world = World::start().await;
    let base64 = STANDARD.encode(fixtures::GOOD_ENERGY_MODEL);
    let sent = json!({ "content": base64, "content_encoding": "base64", "filename": "model.json" });
    assert_eq!(envelope(&world, ENERGY_MODEL, sent).await.status, 201);
    let document: Value = serde_json::from_slice(fixtures::GOOD_ENERGY_MODEL).expect("JSON");
    let object = envelope(&world, ENERGY_MODEL, json!({ "content": document })).await;
    assert_eq!((object.status, &object.json()["result"]), (201, &json!("PASS")));
    let csv = STANDARD.encode(fixtures::GOOD_TABLE);
    let typed = json!({ "content": csv, "content_encoding": "base64", "filename": "t.csv",
                        "content_type": "text/plain" });
    assert_eq!(envelope(&world, SENSOR_TABLE, typed).await.status, 201);
    for name in ["t.csv", "t.txt", "model.yaml", "model.fmu", ""] {
        let untyped = json!({ "content": csv, "content_encoding": "base64", "filename": name });
        envelope(&world, SENSOR_TABLE, untyped).await.is_fields(&["content_type"]);
    }
    for (wrong, fields) in [
        (json!({ "content": 1 }), &["content"][..]),
        (json!({ "content": "%%%", "content_encoding": "base64", "filename": "a.json" }), &["content"]),
        (json!({ "content": "{}", "content_encoding": "gzip" }), &["content_encoding"]),
        (
            json!({ "content": "{}", "content_type": "text/csv", "metadata": 1 }),
            &["content_type", "metadata"],
        ),
    ] {
        envelope(&world, ENERGY_MODEL, wrong).await.is_fields(fields);
    }
}

#[tokio::test]
async fn a_document_without_content_is_raw() {
    let world = World::start().await;
    let raw = envelope(&world, ENERGY_MODEL, json!({ "zones": [] })).await;
    assert_eq!((raw.status, &raw.json()["result"]), (201, &json!("FAIL")));
    let post = |media_type: &'static str, body: &'static [u8]| {
        got(world.launch(ACME, SENSOR_TABLE).header("content-type", media_type).body(body))
    };
    assert_eq!(post("text/plain", fixtures::GOOD_TABLE).await.status, 201);
    post("image/png", b"x").await.is_detail(415);
    let broken = post("application/json", b"{").await;
    broken.is_coded(400, "INVALID_PAYLOAD");
    assert_eq!(broken.json()["errors"][0]["field"], "content");
}

#[tokio::test]
async fn multipart_takes_what_the_envelope_cannot() {
    let world = World::start().await;
    let archive = world.upload(ANNUAL_SIMULATION, b"PK\x03\x04\0\0", "application/octet-stream").await;
    assert_eq!(archive.status, 202, "NUL bytes are fine here: {}", archive.text);
    let named = |name: &'static str| {
        let part = Part::bytes(fixtures::GOOD_ENERGY_MODEL).file_name(name);
        got(world.launch(ACME, ENERGY_MODEL).multipart(Form::new().part("file", part)))
    };
    assert_eq!(named("my modèle.json").await.status, 201, "the name says what it is");
    assert_eq!(named("../../model.json").await.status, 201);
    let bytes_of_json = Part::bytes(fixtures::GOOD_ENERGY_MODEL)
        .file_name("model.json")
        .mime_str("application/octet-stream")
        .expect("a type");
    let form = Form::new().text("note", "x").part("file", bytes_of_json);
    assert_eq!(got(world.launch(ACME, ENERGY_MODEL).multipart(form)).await.status, 201);

    world.upload(SENSOR_TABLE, fixtures::GOOD_TABLE, "text/csv").await.is_fields(&["content_type"]);
    world.upload(SENSOR_TABLE, b"", "text/plain").await.is_fields(&["file"]);
    got(world.launch(ACME, SENSOR_TABLE).multipart(Form::new().text("note", "x"))).await.is_fields(&["file"]);
    let wrong = world.upload(SENSOR_TABLE, b"{}", "application/json").await;
    wrong.is_coded(400, "FILE_TYPE_UNSUPPORTED");
}

/// Contract, A5: text/plain becomes `.txt`, and a step's port judges the name.
#[tokio::test]
async fn a_model_under_another_name_does_not_get_past_its_step() {
    let world = World::start().await;
    let idf = b"Version, 24.1;\nBuilding, House;\n";
    for (media_type, stored, result) in
        [("text/x-idf", "1Zone.idf", "PASS"), ("text/plain", "1Zone.txt", "FAIL")]
    {
        let run = world.modeller(fixtures::WHOLE_BUILDING, "1Zone.idf", idf, media_type).await;
        assert_eq!((run.status, &run.json()["result"]), (201, &json!(result)), "{}", run.text);
        let file = world.sandbox.stored().pop().expect("a file");
        assert_eq!((file.name.as_str(), file.file_type, &file.bytes[..]), (stored, "text", &idf[..]));
    }
    let told = world.modeller(fixtures::WHOLE_BUILDING, "1Zone.idf", idf, "text/plain").await.text;
    assert!(told.contains(".idf, .epjson, .json") && told.contains("1Zone.txt"), "{told}");
}

/// Contract, A5: what a name says overrules the content type, and only then the workflow is asked.
#[tokio::test]
async fn a_workflow_refuses_what_the_name_says() {
    let world = World::start().await;
    let text = fixtures::TEXT_DOCUMENT;
    for (name, media_type) in [
        ("plan.yaml", "text/plain"),
        ("model.json", "text/plain"),
        ("book.xlsx", "text/plain"),
        ("noext", "application/octet-stream"),
    ] {
        world.modeller(text, name, b"a: 1", media_type).await.is_coded(400, "FILE_TYPE_UNSUPPORTED");
    }
    for (name, media_type) in [("noext", "text/plain"), ("model.ttl", "application/octet-stream")] {
        assert_eq!(world.modeller(text, name, b"a: 1", media_type).await.status, 201, "{name}");
    }
    world.modeller(text, "a.pdf", b"%PDF", "application/pdf").await.is_fields(&["content_type"]);
}

#[tokio::test]
async fn the_known_bugs_are_500() {
    let world = World::start().await;
    let internal = |got: Got| got.is_coded(500, "INTERNAL_SERVER_ERROR");
    let nul = STANDARD.encode(b"{\"a\":\"\0\"}");
    let nul = json!({ "content": nul, "content_encoding": "base64", "filename": "a.json" });
    internal(envelope(&world, ENERGY_MODEL, nul).await);
    internal(envelope(&world, ENERGY_MODEL, json!({ "content": "", "content_type": "text/plain" })).await);
    internal(got(world.launch(ACME, ENERGY_MODEL).header("content-type", "application/json")).await);
    let reference_to_a_list = world.url("/api/v1/mcp/workflows/wf_WzFd/runs/");
    internal(got(as_demo(world.http.post(reference_to_a_list)).body("{}")).await);
    // A text that begins like a program or an archive (contract, A5).
    for bytes in [&b"MZone,MWall\n1,2\n"[..], b"#!/bin/sh\n", b"PK\x03\x04", b"%PDF-1.7", b"\x7fELF"] {
        internal(world.modeller(fixtures::TEXT_DOCUMENT, "t.csv", bytes, "text/plain").await);
    }
    assert!(world.sandbox.stored().is_empty(), "there is no run of any of them");
    let limit = 10_485_760;
    let over = |length: usize| {
        let body = format!("[{}]", " ".repeat(length - 2));
        got(world.launch(ACME, ENERGY_MODEL).header("content-type", "application/json").body(body))
    };
    assert_eq!(over(limit).await.status, 201);
    internal(over(limit + 1).await);
}

#[tokio::test]
async fn a_launch_of_what_is_not_yours_is_404() {
    let world = World::start().await;
    got(world.launch(ACME, fixtures::HIDDEN_WORKFLOW).json(&json!({}))).await.is_coded(404, "NOT_FOUND");
    got(world.launch(ACME, "nope").json(&json!({}))).await.is_coded(404, "NOT_FOUND");
}
