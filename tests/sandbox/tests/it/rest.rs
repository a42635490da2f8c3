//! The public REST API: catalogue, runs, and launches with and without an `Idempotency-Key`, as measured (contract of 0.16, section B).

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use sandbox::fixtures::{self, ACME, ANNUAL_SIMULATION, ENERGY_MODEL, FOR_PEOPLE, NORTHWIND};
use sandbox::{Fault, Route, Sandbox, Version};
use serde_json::{Value, json};

use crate::client::{Got, World, as_demo, got, keys};

/// Both versions have it, and it is the same in both (contract of 0.16, A1).
const BOTH: [Version; 2] = [Version::V0_15, Version::V0_16];

fn with_key(request: RequestBuilder) -> RequestBuilder {
    request.bearer_auth(fixtures::DEMO_TOKEN)
}

async fn read(world: &World, path: &str) -> Got {
    got(with_key(world.get(&format!("/api/v1/{path}")))).await
}

/// A multipart body whose boundary is `boundary`.
fn body(boundary: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.json\"\r\nContent-Type: application/json\r\n\r\n"
    );
    [head.as_bytes(), bytes, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
}

fn launch(world: &World, org: &str, workflow: &str, key: &str, boundary: &str) -> RequestBuilder {
    let url = world.url(&format!("/api/v1/orgs/{org}/workflows/{workflow}/runs/"));
    let request = with_key(world.http.post(url)).header("idempotency-key", key);
    request
        .header("content-type", format!("multipart/form-data; boundary={boundary}"))
        .body(body(boundary, fixtures::GOOD_ENERGY_MODEL))
}

#[tokio::test]
async fn the_catalogue_has_what_the_helper_api_hides_and_other_keys() {
    for version in BOTH {
        let world = World::with(Sandbox::builder().version(version)).await;
        let orgs = read(&world, "orgs/").await.json();
        assert_eq!(keys(&orgs), ["next", "previous", "results"]);
        // The personal workspace too, and the newest first (contract of 0.16, B2).
        let slugs: Vec<&str> = orgs["results"]
            .as_array()
            .expect("a page")
            .iter()
            .filter_map(|org| org["slug"].as_str())
            .collect();
        assert_eq!(slugs, [NORTHWIND, ACME, "demo-user"]);
        assert_eq!(read(&world, "orgs/acme/").await.json(), json!({"slug":"acme","name":"Acme Engineering"}));
        let list = read(&world, "orgs/acme/workflows/").await.json();
        let entries = list["results"].as_array().expect("a page");
        let named = |slug: &str| entries.iter().find(|entry| entry["slug"] == slug).expect(slug);
        assert_eq!(named(FOR_PEOPLE)["mcp_enabled"], false);
        assert_eq!(
            keys(named(ENERGY_MODEL)).join(" "),
            "id uuid slug name description version org is_active allowed_file_types input_schema mcp_enabled \
             x402_enabled agent_price_cents url"
        );
        assert!(!entries.iter().any(|entry| entry["slug"] == fixtures::HIDDEN_WORKFLOW));
        for named in [ENERGY_MODEL, "1"] {
            let details = read(&world, &format!("orgs/acme/workflows/{named}/")).await;
            assert_eq!(details.json()["slug"], ENERGY_MODEL, "by slug and by id");
            assert!(details.text.contains(r#""maximum":12345678901234567890123"#));
        }
        read(&world, "orgs/acme/workflows/nope/").await.is_detail(404);
        read(&world, "orgs/nope/workflows/").await.is_detail(404);
        read(&world, "orgs/workshop/workflows/").await.is_detail(403);
        read(&world, "orgs/workshop/").await.is_detail(404);
    }
}

/// Contract of 0.16, B6: the detail is the helper's without five keys, and every other is equal.
#[tokio::test]
async fn a_definition_is_the_helpers_but_for_five_keys() {
    let world = World::start().await;
    let reference = fixtures::workflow_ref(ACME, ENERGY_MODEL);
    let mut helper = got(world.demo(&format!("/api/v1/mcp/workflows/{reference}/"))).await.json();
    let rest = read(&world, &format!("orgs/acme/workflows/{ENERGY_MODEL}/")).await.json();
    let object = helper.as_object_mut().expect("an object");
    for key in ["workflow_ref", "org_slug", "org_name", "access_modes", "preferred_access_mode"] {
        assert!(object.shift_remove(key).is_some(), "{key}");
    }
    assert_eq!(rest, helper);
}

#[tokio::test]
async fn a_list_comes_by_the_page_with_absolute_links() {
    let world = World::start().await;
    let first = read(&world, "orgs/acme/workflows/?page_size=2").await.json();
    assert_eq!((first["results"].as_array().map(Vec::len), &first["previous"]), (Some(2), &Value::Null));
    let mut next = first["next"].as_str().expect("a link").to_owned();
    assert!(next.starts_with(&world.url("/api/v1/orgs/acme/workflows/?page_size=2&cursor=")), "{next}");
    let elsewhere =
        with_key(world.get("/api/v1/orgs/acme/workflows/?page_size=2")).header("host", "evil.example");
    assert!(
        got(elsewhere).await.json()["next"].as_str().expect("a link").starts_with("http://evil.example/")
    );
    let mut seen = 2;
    while !next.is_empty() {
        let page = got(with_key(world.http.get(&next))).await.json();
        seen += page["results"].as_array().expect("a page").len();
        next = page["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(seen, 4);
    let invalid = read(&world, "orgs/?cursor=nonsense").await;
    assert_eq!((invalid.status, invalid.text.as_str()), (404, r#"{"detail":"Invalid cursor"}"#));
}

#[tokio::test]
async fn only_api_keys_are_taken() {
    let world = World::start().await;
    got(world.get("/api/v1/orgs/")).await.is_detail(403);
    let token = world.sandbox.mint().sign();
    got(world.get("/api/v1/orgs/").bearer_auth(token)).await.is_detail(403);
    got(as_demo(world.get("/api/v1/orgs/"))).await.is_detail(403);
}

#[tokio::test]
async fn a_run_is_the_helpers_object_without_its_reference_and_either_way_reads_it() {
    let world = World::with(Sandbox::builder().simulation(Duration::from_secs(100))).await;
    let part = || {
        Part::bytes(fixtures::GOOD_ENERGY_MODEL)
            .file_name("m.json")
            .mime_str("application/json")
            .expect("a type")
    };
    let post = |workflow: &str| {
        let url = world.url(&format!("/api/v1/orgs/acme/workflows/{workflow}/runs/"));
        got(with_key(world.http.post(url)).multipart(Form::new().part("file", part())))
    };
    let slow = post(ANNUAL_SIMULATION).await;
    let run = slow.json();
    let url = world.url(&format!("/api/v1/orgs/acme/runs/{}/", run["id"].as_str().expect("an id")));
    assert_eq!((slow.status, slow.header("retry-after"), slow.header("location")), (202, "5", url.as_str()));
    assert_eq!((&run["url"], &run["poll"], &run["source"]), (&json!(url), &json!(url), &json!("API")));
    assert!(run.get("run_ref").is_none() && run.get("run_id").is_none());
    let done = post(ENERGY_MODEL).await;
    assert_eq!(done.status, 201);
    assert!(done.json().get("url").is_none() && !done.headers.contains_key("retry-after"));

    let helped = world.upload(ENERGY_MODEL, fixtures::GOOD_ENERGY_MODEL, "application/json").await.json();
    let id = helped["id"].as_str().expect("an id");
    let seen = read(&world, &format!("orgs/acme/runs/{id}/")).await;
    assert_eq!((seen.status, &seen.json()["source"]), (200, &json!("MCP")));
    assert!(seen.json().get("run_ref").is_none());
    read(&world, &format!("orgs/northwind/runs/{id}/")).await.is_detail(404);
    read(&world, "orgs/acme/runs/17/").await.is_detail(404);
    read(&world, &format!("orgs/workshop/runs/{id}/")).await.is_detail(403);

    let listed = read(&world, "orgs/acme/runs/?workflow=1").await.json();
    assert_eq!(listed["results"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed["results"][0]["id"], id, "the newest first");
    assert_eq!(read(&world, "orgs/acme/runs/?workflow=energy-model").await.status, 400);
}

#[tokio::test]
async fn a_key_replays_the_first_answer_as_it_was() {
    for version in BOTH {
        let world = World::with(Sandbox::builder().version(version)).await;
        let first = got(launch(&world, ACME, ANNUAL_SIMULATION, "k 1", "b")).await;
        world.sandbox.advance(Duration::from_hours(1));
        let again = got(launch(&world, ACME, ANNUAL_SIMULATION, "k 1", "b")).await;
        assert_eq!((first.status, again.status), (202, 202));
        assert_eq!(again.json(), first.json(), "a snapshot: the run has long ended");
        assert_ne!(again.text, first.text, "the keys come in another order");
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.header("original-request-id").len(), 36);
        assert!(!again.headers.contains_key("location") && !again.headers.contains_key("retry-after"));
        assert_eq!(world.sandbox.runs(), 1);
        // Kept for a day.
        world.sandbox.advance(Duration::from_hours(24));
        let anew = got(launch(&world, ACME, ANNUAL_SIMULATION, "k 1", "b")).await;
        assert!(!anew.headers.contains_key("idempotent-replayed"));
        assert_eq!(world.sandbox.runs(), 2);
    }
}

#[tokio::test]
async fn neither_the_user_nor_the_workflow_is_part_of_a_keys_scope() {
    let world = World::start().await;
    let first = got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await.json();
    let other_workflow = got(launch(&world, ACME, ANNUAL_SIMULATION, "k", "b")).await;
    assert_eq!(other_workflow.json()["id"], first["id"]);
    let unknown = got(launch(&world, ACME, "nope", "k", "b")).await;
    assert_eq!(unknown.json()["id"], first["id"]);
    let other_user = launch(&world, ACME, ENERGY_MODEL, "k", "b");
    let mut other_user = other_user.build().expect("a request");
    let bearer = format!("Bearer {}", fixtures::SECOND_TOKEN).parse().expect("a header");
    other_user.headers_mut().insert("authorization", bearer);
    let theirs: Value = world.http.execute(other_user).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(theirs["id"], first["id"]);
    // Another organization is another scope.
    let other_org = got(launch(&world, NORTHWIND, ENERGY_MODEL, "k", "b")).await.json();
    assert_ne!(other_org["id"], first["id"]);
    assert_eq!(world.sandbox.runs(), 2);
}

#[tokio::test]
async fn the_raw_body_is_the_fingerprint() {
    let world = World::start().await;
    assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, "k", "one")).await.status, 201);
    let other_body = got(launch(&world, ACME, ENERGY_MODEL, "k", "two")).await;
    assert_eq!((other_body.status, &other_body.json()["code"]), (422, &json!("idempotency_key_reused")));
    let long = "k".repeat(256);
    let refused = got(launch(&world, ACME, ENERGY_MODEL, &long, "one")).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("idempotency_key_too_long")));
    assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, &long[1..], "one")).await.status, 201);
    // No key, and the helper API whatever its headers say: each is a run.
    for _ in 0..2 {
        assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, " ", "one")).await.status, 201);
        let helped = world.launch(ACME, ENERGY_MODEL).header("idempotency-key", "h");
        let sent = body("one", fixtures::GOOD_ENERGY_MODEL);
        let helped = helped.header("content-type", "multipart/form-data; boundary=one").body(sent);
        assert_eq!(got(helped).await.status, 201);
    }
    assert_eq!(world.sandbox.runs(), 6);
}

#[tokio::test]
async fn what_was_returned_is_kept_and_what_was_raised_is_not() {
    let world = World::start().await;
    world.sandbox.pause_workflows(true);
    let refused = got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await;
    assert_eq!((refused.status, refused.text.as_str()), (409, r#"{"detail":"","code":"WORKFLOW_INACTIVE"}"#));
    got(launch(&world, ACME, "nope", "k2", "b")).await.is_detail(404);
    world.sandbox.pause_workflows(false);
    let replayed = got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await;
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (409, "true"));
    assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, "k2", "b")).await.status, 201);
    assert_eq!(world.sandbox.runs(), 1);
}

#[tokio::test]
async fn a_process_that_dies_leaves_its_key_claimed_for_a_day() {
    let world = World::start().await;
    world.sandbox.die_in_launches(1);
    assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await.status, 502);
    for _ in 0..2 {
        let stuck = got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await;
        assert_eq!((stuck.status, &stuck.json()["code"]), (409, &json!("idempotency_key_in_progress")));
        assert!(!stuck.headers.contains_key("retry-after"));
    }
    assert_eq!(world.sandbox.runs(), 0);
    world.sandbox.advance(Duration::from_hours(24));
    assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await.status, 201);
}

#[tokio::test]
async fn ten_at_once_with_one_key_make_one_run() {
    let world = World::start().await;
    let requests = (0..10).map(|_| got(launch(&world, ACME, ENERGY_MODEL, "k", "b")));
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 201));
    assert_eq!(world.sandbox.runs(), 1);
}

#[tokio::test]
async fn a_launch_whose_caller_is_gone_goes_on() {
    let world = World::start().await;
    world.sandbox.misbehave_times(Route::OrgLaunch, Fault::CutMidway, 1);
    let lost = launch(&world, ACME, ENERGY_MODEL, "k", "b").send().await.expect("a head");
    assert!(lost.bytes().await.is_err(), "half of a body");
    let again = got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(world.sandbox.runs(), 1);
}

#[tokio::test]
async fn launches_have_a_rate_of_their_own() {
    let world = World::with(Sandbox::builder().launch_throttle(2)).await;
    // A replay counts as well (contract of 0.16, B7).
    for _ in 0..2 {
        assert_eq!(got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await.status, 201);
    }
    let over = got(launch(&world, ACME, ENERGY_MODEL, "k", "b")).await;
    over.is_detail(429);
    let wait: u64 = over.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait));
    assert_eq!(read(&world, "orgs/").await.status, 200);
    assert_eq!(world.upload(ENERGY_MODEL, fixtures::GOOD_ENERGY_MODEL, "application/json").await.status, 201);
}
