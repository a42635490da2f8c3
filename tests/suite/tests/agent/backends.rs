//! Every version of Validibot, by each of its APIs: an agent sees the same results, but for what docs/versions.md lists.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use sandbox::{Edition, Fault, Route, Sandbox, Version, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::server::Server;

use super::uploads::put;

/// Each version with each API that it has, and the setting by which it is chosen; the first is the reference.
pub(super) const ALL: [(Version, &str); 4] = [
    (Version::V0_15, "auto"),
    (Version::V0_15, "helper"),
    (Version::V0_15, "rest"),
    (Version::V0_16, "auto"),
];

/// A sandbox of this version, and a server before it with this setting.
pub(super) async fn stack(version: Version, backend: &str) -> (Sandbox, Server) {
    let sandbox = Sandbox::builder().version(version).start().await.expect("a sandbox");
    let server = super::server(&sandbox).env("VALIDIBOT_BACKEND", backend).start().await;
    (sandbox, server)
}

/// What an agent does, each call by its name: every tool, good and bad arguments, every workflow, resources and an upload.
async fn work(server: &Server) -> BTreeMap<String, Value> {
    let client = super::client(server, Era::Modern);
    let other = server.client(Era::Modern, fixtures::SECOND_TOKEN);
    let mut said = BTreeMap::new();
    let mut note = |name: &str, value: Value| said.insert(name.to_owned(), value);
    let call = async |client: &Client, tool: &str, arguments: Value| {
        client.call_tool(tool, arguments).await.structured
    };
    let list = call(&client, "list_workflows", json!({})).await;
    for workflow in list["result"].as_array().expect("a list") {
        let reference = workflow["workflow_ref"].as_str().expect("a reference");
        let details = call(&client, "get_workflow_details", json!({ "workflow_ref": reference })).await;
        note(&format!("details {} {}", workflow["org_slug"], workflow["slug"]), details);
        for uri in
            [format!("validibot://workflows/{reference}"), format!("validibot://workflows/{reference}.json")]
        {
            let read = client.request("resources/read", json!({ "uri": uri })).await.result();
            note(&format!("resource {uri}"), read["contents"][0]["text"].clone());
        }
    }
    note("list", list);
    note("list of another", call(&other, "list_workflows", json!({})).await);
    note("resources", client.request("resources/list", json!({})).await.result());

    for (slug, name, bytes) in [
        (fixtures::ENERGY_MODEL, "good.json", fixtures::GOOD_ENERGY_MODEL),
        (fixtures::ENERGY_MODEL, "bad.json", fixtures::BAD_ENERGY_MODEL),
        (fixtures::SENSOR_TABLE, "good.csv", fixtures::GOOD_TABLE),
        (fixtures::SENSOR_TABLE, "bad \"1\" Zürich.csv", fixtures::BAD_TABLE),
        (fixtures::ANNUAL_SIMULATION, "slow.json", fixtures::GOOD_ENERGY_MODEL),
    ] {
        let reference = fixtures::workflow_ref(fixtures::ACME, slug);
        for (way, content) in [
            ("text", json!({ "text": String::from_utf8_lossy(bytes) })),
            ("file_content", json!({ "file_content": BASE64_STANDARD.encode(bytes) })),
        ] {
            let mut arguments = json!({ "workflow_ref": reference, "file_name": name });
            arguments[way] = content[way].clone();
            let run = call(&client, "validate_file", arguments).await;
            let seen = json!({ "run_ref": run["run_ref"] });
            note(&format!("run {name} {way}"), run);
            let mut page = seen.clone();
            page["findings_limit"] = 2.into();
            page["findings_offset"] = 1.into();
            note(&format!("status {name} {way}"), call(&client, "get_run_status", page).await);
            if slug != fixtures::ANNUAL_SIMULATION {
                note(&format!("wait {name} {way}"), call(&client, "wait_for_run", seen.clone()).await);
            }
            note(&format!("foreign {name} {way}"), call(&other, "get_run_status", seen).await);
        }
    }

    let energy = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let upload = json!({ "workflow_ref": energy, "file_name": "up.json" });
    let upload = call(&client, "prepare_upload", upload).await;
    let (status, answer) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
    assert_eq!(status, 202, "{answer}");
    note("uploaded", call(&client, "wait_for_run", json!({ "run_ref": answer["run_ref"] })).await);
    note("upload", answer);

    let text = json!({ "file_name": "a.json", "text": "{}" });
    for (name, org, slug) in [
        ("unknown", fixtures::ACME, "nope"),
        ("hidden", fixtures::ACME, fixtures::HIDDEN_WORKFLOW),
        ("not for agents", fixtures::ACME, fixtures::FOR_PEOPLE),
        ("foreign", fixtures::WORKSHOP, fixtures::ANY_DOCUMENT),
        ("no organization", "nobody", "nope"),
        ("leaving the path", "..", "../license"),
    ] {
        let reference = fixtures::workflow_ref(org, slug);
        let details = json!({ "workflow_ref": reference });
        note(&format!("details of {name}"), call(&client, "get_workflow_details", details).await);
        let mut arguments = text.clone();
        arguments["workflow_ref"] = reference.into();
        note(&format!("run of {name}"), call(&client, "validate_file", arguments).await);
    }
    let mut wrong = text.clone();
    wrong["workflow_ref"] = fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE).into();
    note("wrong type", call(&client, "validate_file", wrong).await);
    for (name, org) in [("unknown run", fixtures::ACME), ("foreign run", fixtures::WORKSHOP)] {
        let named = json!({ "kind": "member", "org": org, "run_id": "00000000-0000-0000-0000-000000000007" });
        let reference = format!("run_{}", BASE64_URL_SAFE_NO_PAD.encode(named.to_string()));
        note(name, call(&client, "get_run_status", json!({ "run_ref": reference })).await);
    }
    said
}

/// What is different from one run to the next, and what docs/versions.md says is different by the REST API.
fn normalized(value: &mut Value) {
    const OF_A_RUN: [&str; 12] = [
        "id",
        "run_id",
        "run_ref",
        "submission",
        "uri",
        "started_at",
        "ended_at",
        "duration_ms",
        "output_expires_at",
        "output_hash",
        "url",
        "source",
    ];
    match value {
        Value::Object(object) => {
            // Whose sentence it is; what a program decides by is its code and its data.
            if let Some(message) = object.get_mut("error").and_then(|error| error.get_mut("message")) {
                *message = "…".into();
            }
            for (key, value) in object {
                if OF_A_RUN.contains(&key.as_str()) && !value.is_null() {
                    *value = "…".into();
                } else {
                    normalized(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normalized),
        Value::String(text) => {
            if let Ok(mut inner) = serde_json::from_str::<Value>(text)
                && inner.is_object()
            {
                normalized(&mut inner);
                *text = inner.to_string();
            }
            // The address of the sandbox, and references of runs, in texts.
            let words: Vec<&str> = text
                .split(' ')
                .map(|word| if word.contains("127.0.0.1") || word.contains("run_") { "…" } else { word })
                .collect();
            *text = words.join(" ");
        }
        _ => {}
    }
}

#[tokio::test]
async fn an_agent_sees_the_same_by_every_api_of_every_version() {
    let mut reference: Option<BTreeMap<String, Value>> = None;
    for (version, backend) in ALL {
        let (sandbox, server) = stack(version, backend).await;
        let mut said = work(&server).await;
        said.values_mut().for_each(normalized);
        let helped = sandbox.received().iter().any(|request| request.path.starts_with("/api/v1/mcp/"));
        assert_eq!(helped, version == Version::V0_15 && backend != "rest", "{version:?} {backend}");
        match &reference {
            None => reference = Some(said),
            Some(reference) => {
                assert_eq!(reference.keys().collect::<Vec<_>>(), said.keys().collect::<Vec<_>>());
                for (name, expected) in reference {
                    assert_eq!(said[name].to_string(), expected.to_string(), "{version:?} {backend}: {name}");
                }
            }
        }
    }
}

/// Validibot is upgraded while an agent works, and taken back: no answer is wrong, and the server stays.
#[tokio::test]
async fn an_upgrade_in_place_and_back_is_not_noticed() {
    let (sandbox, server) = stack(Version::V0_15, "auto").await;
    let client = super::client(&server, Era::Modern);
    let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let validate = async || {
        let text = String::from_utf8_lossy(fixtures::GOOD_ENERGY_MODEL);
        let arguments = json!({ "workflow_ref": reference, "file_name": "m.json", "text": text });
        client.call_tool("validate_file", arguments).await.success()
    };
    let mut runs = vec![validate().await];
    for version in [Version::V0_16, Version::V0_15, Version::V0_16] {
        sandbox.set_version(version);
        for _ in 0..3 {
            let listed = client.call_tool("list_workflows", json!({})).await.success();
            assert_eq!(listed["result"].as_array().map(Vec::len), Some(5), "{listed}");
            let details = json!({ "workflow_ref": reference });
            assert_eq!(
                client.call_tool("get_workflow_details", details).await.success()["slug"],
                fixtures::ENERGY_MODEL
            );
            runs.push(validate().await);
            for run in &runs {
                let read =
                    client.call_tool("get_run_status", json!({ "run_ref": run["run_ref"] })).await.success();
                assert_eq!((&read["run_id"], &read["result"]), (&run["run_id"], &json!("PASS")), "{read}");
            }
        }
    }
    assert_eq!(sandbox.runs(), runs.len(), "each call started one run");
}

/// An upload's bytes are gone when the answer says that the helper API is: the same ticket is good for another try.
#[tokio::test]
async fn an_upload_in_the_middle_of_an_upgrade_is_sent_again() {
    let (sandbox, server) = stack(Version::V0_15, "auto").await;
    let client = super::client(&server, Era::Modern);
    let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let upload = json!({ "workflow_ref": reference, "file_name": "up.json" });
    let upload = client.call_tool("prepare_upload", upload).await.success();
    sandbox.set_version(Version::V0_16);
    let mut answers = Vec::new();
    loop {
        let (status, answer) = put(&upload, fixtures::GOOD_ENERGY_MODEL).await;
        answers.push(status);
        if status == 202 {
            assert!(answer["run_ref"].is_string(), "{answer}");
            break;
        }
        assert_eq!(answer["error"]["data"]["retry_after_seconds"], 1, "{answer}");
        assert!(answers.len() < 100, "{answers:?}");
    }
    assert_eq!(answers[0], 502, "{answers:?}");
    assert_eq!(sandbox.runs(), 1);
}

#[tokio::test]
async fn a_list_costs_the_users_budget_once_in_a_while_and_follows_no_link_to_another_host() {
    let (sandbox, server) = stack(Version::V0_16, "auto").await;
    let client = super::client(&server, Era::Modern);
    let body = |next: &str| {
        let page = json!({ "next": next, "previous": null, "results": [{ "slug": "acme", "name": "Acme Engineering" }] });
        Fault::Body {
            status: 200,
            content_type: "application/json".to_owned(),
            bytes: page.to_string().into(),
        }
    };
    sandbox.clear_received();
    // A cursor of the sandbox's own: past the end there is an empty page.
    sandbox.misbehave_times(Route::Orgs, body("http://192.0.2.1/api/v1/orgs/?cursor=cD05OTk%3D"), 1);
    for _ in 0..3 {
        let listed = client.call_tool("list_workflows", json!({})).await.success();
        assert_eq!(listed["result"].as_array().map(Vec::len), Some(3), "{listed}");
    }
    let asked: Vec<String> = sandbox.received().iter().map(|request| request.path.clone()).collect();
    let lists = asked.iter().filter(|path| path.starts_with("/api/v1/orgs/")).count();
    assert_eq!(lists, 3, "two pages of organizations, and one of workflows: {asked:?}");
}

#[tokio::test]
async fn an_organization_that_is_open_to_guests_is_listed_where_the_operator_names_it() {
    let sandbox = Sandbox::builder().version(Version::V0_16).start().await.expect("a sandbox");
    let server =
        super::server(&sandbox).env("VALIDIBOT_REST_ORGANIZATIONS", "workshop, nobody, acme").start().await;
    // For a stranger there is nothing in the one, and the other does not exist: neither spoils the list.
    let listed = super::client(&server, Era::Modern).call_tool("list_workflows", json!({})).await.success();
    assert_eq!(listed["result"].as_array().map(Vec::len), Some(5), "{listed}");
    let asked: Vec<String> = sandbox.received().iter().map(|request| request.path.clone()).collect();
    assert!(asked.contains(&"/api/v1/orgs/workshop/workflows/".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn a_key_that_was_revoked_is_told_from_a_workflow_of_others() {
    let (sandbox, server) = stack(Version::V0_16, "auto").await;
    let client = super::client(&server, Era::Modern);
    client.call_tool("list_workflows", json!({})).await.success();
    let details = json!({ "workflow_ref": fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL) });
    for route in [Route::OrgWorkflow, Route::AuthMe] {
        sandbox.misbehave(route, Fault::Status(403));
    }
    assert_eq!(client.call_tool("get_workflow_details", details.clone()).await.error_code(), "UNAUTHORIZED");
}

/// Contract of 0.16, C1: no API takes what a user signed in with from another server any more.
#[tokio::test]
async fn who_signed_in_is_told_what_to_do_once_validibot_is_upgraded() {
    const SECRET: &str = "a-client-secret-of-more-than-32-bytes";
    let sandbox = Sandbox::builder().oauth_client_secret(SECRET).start().await.expect("a sandbox");
    let server = super::server(&sandbox)
        .env("VALIDIBOT_OAUTH_CLIENT_SECRET", SECRET)
        .env("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", sandbox.url())
        .start()
        .await;
    sandbox.set_mcp_base_url(server.base());
    let client = server.client(Era::Modern, &sandbox.mint().sign());
    client.call_tool("list_workflows", json!({})).await.success();
    sandbox.set_version(Version::V0_16);
    let own = format!("{}/mcp", sandbox.url());
    for _ in 0..2 {
        let refused = client.call_tool("list_workflows", json!({})).await;
        assert_eq!(refused.error_code(), "API_TOKEN_REQUIRED", "{}", refused.text);
        assert!(refused.text.contains(&own) && refused.text.contains("0.16"), "{}", refused.text);
    }
    super::client(&server, Era::Modern).call_tool("list_workflows", json!({})).await.success();
}

#[tokio::test]
async fn an_upgrade_to_one_without_a_licence_closes_the_gate_and_a_question_without_an_answer_does_not() {
    let (sandbox, server) = stack(Version::V0_15, "auto").await;
    let client = super::client(&server, Era::Modern);
    let list = async || client.request("tools/call", json!({ "name": "list_workflows" })).await;
    // It is unknown: the helper API is gone, and who is asked about the licence has no time.
    sandbox.misbehave(Route::ListWorkflows, Fault::Html(404));
    sandbox.misbehave(Route::LicenseFeatures, Fault::StatusWithRetryAfter(429, 60));
    // An answer that is younger than a second is not doubted.
    while !server.logs.text().contains("The last answer holds") {
        assert_eq!(list().await.status, 200);
    }
    assert_eq!(list().await.status, 200);

    sandbox.behave();
    sandbox.set_edition(Edition::Community);
    sandbox.set_version(Version::V0_16);
    while !server.logs.text().contains("no more traffic") {
        list().await;
    }
    let refused = list().await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("0.16 or later"), "{}", refused.body);
    assert!(server.logs.text().contains("does not serve /.well-known/oauth-protected-resource/mcp"));
}
