//! API tokens and service identity.

use sandbox::{Sandbox, fixtures};

use crate::client::{World, got};

#[tokio::test]
async fn an_api_token_names_its_user() {
    let world = World::start().await;
    let me =
        |authorization: String| got(world.get("/api/v1/auth/me/").header("authorization", authorization));
    let demo = me(format!("Bearer {}", fixtures::DEMO_TOKEN)).await;
    assert_eq!(
        (demo.status, demo.text.as_str()),
        (200, r#"{"email":"demo@example.com","name":"Demo User"}"#)
    );
    assert_eq!(me(format!("bEaReR {}", fixtures::LEGACY_TOKEN)).await.text, demo.text);
    let second = me(format!("Bearer {}", fixtures::SECOND_TOKEN)).await;
    assert_eq!(second.text, r#"{"email":"second@example.com","name":""}"#);
    for refused in [
        String::new(),
        "Bearer".to_owned(),
        format!("Token {}", fixtures::DEMO_TOKEN),
        format!("Bearer {} x", fixtures::DEMO_TOKEN),
        format!("Bearer {}", fixtures::REVOKED_TOKEN),
        format!("Bearer {}", fixtures::INACTIVE_TOKEN),
        format!("Bearer {}", "a".repeat(161)),
    ] {
        let answer = me(refused.clone()).await;
        answer.is_detail(403);
        assert!(!answer.headers.contains_key("www-authenticate"), "{refused}");
    }
}

#[tokio::test]
async fn the_helper_api_needs_a_service_and_a_user() {
    let world = World::start().await;
    let call = |headers: &[(&str, &str)]| {
        let request = world.get("/api/v1/mcp/workflows/");
        got(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
    };
    let key = ("X-MCP-Service-Key", fixtures::SERVICE_KEY);
    let bearer = format!("Bearer {}", fixtures::DEMO_TOKEN);
    let (sub, token) = ("X-Validibot-User-Sub", "X-Validibot-Api-Token");
    let mut texts = std::collections::BTreeSet::new();
    for headers in [
        &[][..],
        &[("Authorization", bearer.as_str())],
        &[("X-MCP-Service-Key", "wrong"), (sub, "2")],
        &[key],
        &[key, (sub, "  ")],
        &[key, (sub, "99")],
        &[key, (sub, "4")],
        &[key, (sub, "99999999999999999999999")],
        &[key, (token, fixtures::REVOKED_TOKEN)],
        &[key, (token, fixtures::INACTIVE_TOKEN)],
    ] {
        let refused = call(headers).await;
        refused.is_detail(401);
        assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="validibot-mcp-service""#);
        texts.insert(refused.text);
    }
    assert_eq!(texts.len(), 4, "four kinds, told apart by their text: {texts:?}");
    for not_integer in ["nope", "1e3"] {
        call(&[key, (sub, not_integer)]).await.is_coded(500, "INTERNAL_SERVER_ERROR");
    }
    let count = |got: crate::client::Got| got.json().as_array().map(Vec::len);
    assert_eq!(count(call(&[key, (sub, " 2 ")]).await), Some(5));
    assert_eq!(count(call(&[key, (token, fixtures::SECOND_TOKEN)]).await), Some(4));
    // The subject wins over the token.
    assert_eq!(count(call(&[key, (sub, "2"), (token, fixtures::SECOND_TOKEN)]).await), Some(5));
}

/// Contract, section a, throttling: a user's budget covers `auth/me` and the helper API together, whichever way
/// she is named; failed keys never get that far, and use nothing up.
#[tokio::test]
async fn a_users_budget_covers_the_key_check_and_failed_keys_use_none() {
    let world = World::with(Sandbox::builder().throttle(3)).await;
    let me = |token: &str| got(world.get("/api/v1/auth/me/").bearer_auth(token));
    for _ in 0..45 {
        me(fixtures::REVOKED_TOKEN).await.is_detail(403);
    }
    assert_eq!(me(fixtures::DEMO_TOKEN).await.status, 200);
    assert_eq!(me(fixtures::LEGACY_TOKEN).await.status, 200, "her other key");
    assert_eq!(got(world.demo("/api/v1/mcp/workflows/")).await.status, 200);
    for refused in [me(fixtures::DEMO_TOKEN).await, got(world.demo("/api/v1/mcp/workflows/")).await] {
        refused.is_detail(429);
        let wait: u32 = refused.header("retry-after").parse().expect("seconds");
        assert!((3000..=3600).contains(&wait), "{wait}");
    }
    assert_eq!(me(fixtures::SECOND_TOKEN).await.status, 200, "another user has a budget of her own");
    me("vbk_1_unknown").await.is_detail(403);
}

#[tokio::test]
async fn without_a_configured_key_no_key_is_accepted() {
    let world = World::with(Sandbox::builder().no_service_key()).await;
    got(world.demo("/api/v1/mcp/workflows/")).await.is_detail(401);
    let blank = world.get("/api/v1/mcp/workflows/").header("X-MCP-Service-Key", "");
    got(blank.header("X-Validibot-User-Sub", "2")).await.is_detail(401);
}
