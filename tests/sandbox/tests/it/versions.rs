//! What 0.16 took away and brought, and an upgrade in place (contract of 0.16, section A).

use sandbox::{Edition, Sandbox, Version, fixtures};
use serde_json::{Value, json};

use crate::client::{World, as_demo, got};

const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

async fn of(version: Version, edition: Edition) -> World {
    World::with(Sandbox::builder().version(version).edition(edition)).await
}

/// The table of A2.
#[tokio::test]
async fn each_probe_has_its_answer() {
    for (version, edition, licence, helper, metadata) in [
        (Version::V0_15, Edition::Pro, 200, 401, 404),
        (Version::V0_15, Edition::Community, 200, 401, 404),
        (Version::V0_16, Edition::Pro, 404, 404, 200),
        (Version::V0_16, Edition::Community, 404, 404, 404),
    ] {
        let world = of(version, edition).await;
        for (path, status) in [
            ("/api/v1/license/features/", licence),
            ("/api/v1/mcp/workflows/", helper),
            (METADATA, metadata),
            ("/api/v1/auth/me/", 403),
            ("/health/", 200),
        ] {
            let answer = got(world.get(path)).await;
            assert_eq!(answer.status, status, "{version:?} {edition:?} {path}");
            let page = answer.header("content-type").starts_with("text/html");
            assert_eq!(page, status == 404, "{version:?} {edition:?} {path}");
        }
        let slashless = got(world.get("/api/v1/license/features")).await.status;
        assert_eq!(slashless, if version == Version::V0_15 { 301 } else { 404 });
    }
}

#[tokio::test]
async fn the_metadata_names_the_site_whatever_the_host_and_the_scheme() {
    let builder = Sandbox::builder().version(Version::V0_16).site_url("https://validibot.example.com");
    let world = World::with(builder.production(&["validibot.example.com"])).await;
    let metadata = got(world.get(METADATA)).await;
    assert_eq!(
        metadata.json(),
        json!({
            "resource": "https://validibot.example.com/mcp",
            "authorization_servers": ["https://validibot.example.com"],
            "scopes_supported": ["validibot:mcp"],
            "bearer_methods_supported": ["header"],
        })
    );
    assert_eq!(got(world.get("/api/v1/license/features/")).await.status, 400, "all else is judged first");
}

#[tokio::test]
async fn an_upgrade_in_place_keeps_users_and_runs() {
    let world = World::start().await;
    let run =
        world.upload(fixtures::ENERGY_MODEL, fixtures::GOOD_ENERGY_MODEL, "application/json").await.json();
    world.sandbox.set_version(Version::V0_16);
    assert_eq!(got(as_demo(world.get("/api/v1/mcp/workflows/"))).await.status, 404);
    let path = format!("/api/v1/orgs/acme/runs/{}/", run["id"].as_str().expect("an id"));
    let read = || got(world.get(&path).bearer_auth(fixtures::DEMO_TOKEN));
    assert_eq!((read().await.status, &read().await.json()["source"]), (200, &json!("MCP")));
    world.sandbox.set_version(Version::V0_15);
    assert_eq!(got(as_demo(world.get("/api/v1/mcp/workflows/"))).await.status, 200);
}

#[tokio::test]
async fn tokens_are_short_lived_and_for_a_list_of_resources() {
    for (version, lifetime, audience) in [
        (Version::V0_15, 3600, json!("http://localhost:8001/mcp")),
        (Version::V0_16, 900, json!(["https://validibot.example.com/mcp"])),
    ] {
        let world =
            World::with(Sandbox::builder().version(version).site_url("https://validibot.example.com")).await;
        let claims = claims(&world.sandbox.mint().sign());
        assert_eq!(claims["aud"], audience, "{version:?}");
        let number = |name: &str| claims[name].as_i64().expect("a number");
        assert_eq!(number("exp") - number("iat"), lifetime);
    }
}

#[tokio::test]
async fn only_one_resource_is_granted_and_the_answer_says_who_gave_it() {
    let builder = Sandbox::builder().version(Version::V0_16).auto_login(true).oauth_client_secret("s");
    let world = World::with(builder).await;
    let site = world.sandbox.url().to_owned();
    let ask = |resource: &str| {
        let query = [
            ("response_type", "code"),
            ("client_id", fixtures::MCP_CLIENT_ID),
            ("redirect_uri", "http://localhost:8001/auth/callback"),
            ("scope", "openid validibot:mcp"),
            ("resource", resource),
        ];
        got(world.get("/identity/o/authorize").query(&query))
    };
    let granted = ask(&format!("{site}/mcp")).await;
    let location = url::Url::parse(granted.header("location")).expect("a URL");
    let parameter =
        |name: &str| location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert!(parameter("code").is_some());
    assert_eq!(parameter("iss"), Some(site));
    let refused = ask("http://localhost:8001/mcp").await;
    assert_eq!((refused.status, refused.header("location")), (302, "?action=grant"));
    let metadata = got(world.get("/.well-known/oauth-authorization-server")).await.json();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).expect("three parts");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}
