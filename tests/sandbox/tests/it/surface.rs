//! Licence, unknown paths, methods, throttle, start and stop.

use sandbox::{Edition, Sandbox};

use crate::client::{World, as_demo, got};

#[tokio::test]
async fn the_licence_is_the_contracts_example() {
    let world = World::start().await;
    let licence = || got(world.get("/api/v1/license/features/"));
    let pro = licence().await;
    assert_eq!((pro.status, pro.header("content-type")), (200, "application/json"));
    assert_eq!(pro.text, r#"{"edition":"pro","features":["mcp_server","team_management"]}"#);
    world.sandbox.set_edition(Edition::Community);
    assert_eq!(licence().await.text, r#"{"edition":"community","features":[]}"#);
    world.sandbox.set_edition(Edition::Enterprise);
    let features = licence().await.json()["features"].clone();
    let features: Vec<&str> =
        features.as_array().expect("a list").iter().filter_map(|feature| feature.as_str()).collect();
    assert!(features.is_sorted() && features.contains(&"mcp_server"));
}

#[tokio::test]
async fn unknown_paths_are_html_and_a_missing_slash_redirects() {
    let world = World::start().await;
    for path in ["/api/v1/nope/", "/api/v1/mcp/workflows/a%2Fb/", "/nope"] {
        let page = got(as_demo(world.get(path))).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
    }
    let moved = got(world.get("/api/v1/license/features?a=b")).await;
    assert_eq!((moved.status, moved.header("location")), (301, "/api/v1/license/features/?a=b"));
    let home = got(world.get("/")).await;
    assert_eq!(home.status, 200);
    assert!(home.text.contains("stand-in Validibot"));
}

#[tokio::test]
async fn other_methods_are_refused_after_authentication() {
    let world = World::start().await;
    let post = |path: &str| world.http.post(world.url(path));
    let licence = got(post("/api/v1/license/features/")).await;
    licence.is_detail(405);
    assert_eq!(licence.header("allow"), "GET, HEAD, OPTIONS");
    got(post("/api/v1/auth/me/")).await.is_detail(403);
    got(post("/api/v1/mcp/workflows/")).await.is_detail(401);
    got(as_demo(post("/api/v1/mcp/workflows/"))).await.is_detail(405);
}

#[tokio::test]
async fn a_user_over_the_rate_is_told_when_to_come_back() {
    let world = World::with(Sandbox::builder().throttle(2)).await;
    let list = || got(world.demo("/api/v1/mcp/workflows/"));
    // A refused identity never reaches the throttle.
    got(world.get("/api/v1/mcp/workflows/")).await.is_detail(401);
    assert_eq!((list().await.status, list().await.status), (200, 200));
    let over = list().await;
    over.is_detail(429);
    let wait: u64 = over.header("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&wait));
    assert!(over.text.contains(&wait.to_string()));
    // The anonymous bucket is another one.
    assert_eq!(got(world.get("/api/v1/license/features/")).await.status, 200);
    world.sandbox.advance(std::time::Duration::from_secs(wait));
    assert_eq!(list().await.status, 200);
}

#[tokio::test]
async fn a_stopped_sandbox_refuses_connections() {
    let world = World::start().await;
    let url = world.url("/");
    assert_eq!(got(world.get("/")).await.status, 200);
    world.sandbox.stop().await;
    let error = world.http.get(url).send().await.expect_err("nobody listens");
    assert!(error.is_connect(), "{error:?}");
}

/// As measured on the real application with production settings.
#[tokio::test]
async fn production_settings_judge_host_and_scheme_before_anything_else() {
    let world = World::with(Sandbox::builder().production(&["validibot.example.com", "localhost"])).await;
    let ask = async |host: &str, proto: Option<&str>, path: &str| {
        let request = world.get(path).header("host", host);
        got(proto.into_iter().fold(request, |request, proto| request.header("x-forwarded-proto", proto)))
            .await
    };
    for path in ["/health/", "/api/v1/license/features/"] {
        for (host, proto, status) in [
            ("web:8000", None, 400),
            ("web:8000", Some("https"), 400),
            ("validibot.example.com", None, 301),
            ("localhost:8000", None, 301),
            ("validibot.example.com", Some("http"), 301),
            ("validibot.example.com", Some("https"), 200),
            ("localhost:8000", Some("https"), 200),
        ] {
            let answer = ask(host, proto, path).await;
            assert_eq!(answer.status, status, "{host} {proto:?} {path}");
            if status == 301 {
                assert_eq!(answer.header("location"), format!("https://{host}{path}"));
            } else if status == 400 {
                assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            }
        }
    }
    assert_eq!(
        ask("web:8000", Some("https"), "/api/v1/auth/me/").await.status,
        400,
        "before the credentials"
    );
    assert_eq!(ask("localhost", Some("https"), "/api/v1/auth/me/").await.status, 403);
}
