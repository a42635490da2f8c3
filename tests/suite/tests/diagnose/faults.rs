//! One fault each, in the server's settings, in Validibot or in the token: the first finding names it.

use sandbox::metadata::{MetadataServer, SERVICE_ACCOUNT};
use sandbox::{Edition, Fault, GoogleVerification, Route, Sandbox, Version, fixtures};
use suite::net::free_port;
use suite::server::{Builder, Server};

use super::{CLIENT_SECRET, Diagnosis, With, diagnose, with_oauth};

/// A server with a fault in its settings, diagnosed with the demo user's token.
async fn with_settings(change: impl FnOnce(Builder, &Sandbox, &str) -> Builder) -> Diagnosis {
    let (sandbox, builder, base) = with_oauth().await;
    let _server = change(builder, &sandbox, &base).start().await;
    diagnose(&base, With::token(fixtures::DEMO_TOKEN)).await
}

/// A healthy server before a Validibot that is then broken, diagnosed with the demo user's token.
async fn with_validibot(break_it: impl FnOnce(&Sandbox)) -> Diagnosis {
    let (sandbox, builder, base) = with_oauth().await;
    let _server = builder.start().await;
    break_it(&sandbox);
    diagnose(&base, With::token(fixtures::DEMO_TOKEN)).await
}

/// A healthy deployment, diagnosed with another access token than a good one.
async fn with_jwt(mint: impl FnOnce(sandbox::Mint<'_>) -> sandbox::Mint<'_>) -> Diagnosis {
    let (sandbox, builder, base) = with_oauth().await;
    let _server = builder.start().await;
    diagnose(&base, With::token(&mint(sandbox.mint()).sign())).await
}

// The description's table: "Container exits at startup".

#[tokio::test]
async fn the_licence_gate_is_named_when_the_server_does_not_listen() {
    let sandbox = Sandbox::builder().edition(Edition::Community).start().await.expect("a sandbox");
    let builder = Server::for_sandbox(&sandbox).on_its_own_base_url();
    let exit = builder.run_to_exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.log);
    let found = diagnose(&format!("http://127.0.0.1:{}", free_port()), With::api(sandbox.url())).await;
    found.expect("licence", "not-licensed", &["community", "validibot-pro"]);
    assert_eq!(found.hops("failed"), ["licence", "connect"]);
    assert!(found.hops("not reached").contains(&"list_workflows"));
}

/// What is done to a sandbox.
type Spoil = fn(&Sandbox);

/// What each Validibot without a licence is told by: `serve` as it ends, and `diagnose`, in the same words.
#[tokio::test]
async fn each_reason_for_a_closed_gate_has_one_sentence_in_serve_and_in_diagnose() {
    let newer = || Sandbox::builder().version(Version::V0_16);
    let rows: [(sandbox::Builder, Spoil, &str, &[&str]); 6] = [
        (
            newer().edition(Edition::Community),
            |_| {},
            "not-licensed",
            &["is 0.16 or later", "oauth-protected-resource/mcp"],
        ),
        (
            newer(),
            |sandbox| sandbox.misbehave(Route::ResourceMetadata, Fault::Html(404)),
            "not-licensed",
            &["is 0.16 or later", "a proxy before it hides that address"],
        ),
        (
            newer(),
            |sandbox| {
                sandbox.misbehave(Route::LicenseFeatures, Fault::Redirect("/accounts/login/".to_owned()));
            },
            "not-let-in",
            &["redirects elsewhere (HTTP 302)"],
        ),
        (
            newer(),
            |sandbox| sandbox.misbehave(Route::Any, Fault::StatusWithRetryAfter(429, 60)),
            "licence-unknown",
            &["HTTP 429 (too many requests)"],
        ),
        (
            newer(),
            |sandbox| sandbox.misbehave(Route::Any, Fault::Html(404)),
            "licence-unknown",
            &["is no Validibot that this server knows (0.14 or later)"],
        ),
        (
            Sandbox::builder().edition(Edition::Community),
            |_| {},
            "not-licensed",
            &["is the community edition"],
        ),
    ];
    for (builder, spoil, code, words) in rows {
        let sandbox = builder.start().await.expect("a sandbox");
        spoil(&sandbox);
        let exit = Server::for_sandbox(&sandbox).run_to_exit().await;
        assert_eq!(exit.code, Some(1), "{}", exit.log);
        let found = diagnose(&format!("http://127.0.0.1:{}", free_port()), With::api(sandbox.url())).await;
        found.expect("licence", code, words);
        assert!(words.iter().all(|word| exit.log.contains(word)), "{words:?} are not all in: {}", exit.log);
    }
}

#[tokio::test]
async fn a_licensed_0_16_passes() {
    let sandbox = Sandbox::builder().version(Version::V0_16).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    let with = With { token: Some(fixtures::DEMO_TOKEN.to_owned()), api: Some(sandbox.url().to_owned()) };
    let found = diagnose(server.base(), with).await;
    found.expect_nothing();
    assert!(found.report.to_string().contains("0.16 or later"), "{:#}", found.report);
}

#[tokio::test]
async fn a_validibot_that_cannot_be_asked_for_its_licence_is_named() {
    let api = format!("http://127.0.0.1:{}", free_port());
    let found = diagnose(&format!("http://127.0.0.1:{}", free_port()), With::api(&api)).await;
    found.expect("licence", "licence-unknown", &[&api, "VALIDIBOT_API_BASE_URL"]);
}

#[tokio::test]
async fn nothing_that_listens_is_named() {
    let found = diagnose(&format!("http://127.0.0.1:{}", free_port()), With::default()).await;
    found.expect("connect", "connection-refused", &["nothing listens", "licence", "--api"]);
}

// The description's table: "Mismatching redirect URI on OAuth".

#[tokio::test]
async fn a_redirect_uri_that_validibot_has_not_registered_is_named() {
    let found = with_validibot(|sandbox| sandbox.set_mcp_base_url("https://mcp.acme.example")).await;
    found.expect(
        "sign-in",
        "redirect-uri",
        &["/auth/callback", "VALIDIBOT_MCP_BASE_URL=", "ensure_oidc_clients"],
    );
}

#[tokio::test]
async fn a_sign_in_that_shows_nothing_to_anonymous_browsers_is_not_taken_for_proven() {
    let (sandbox, builder, base) = with_oauth().await;
    let _server = builder.start().await;
    sandbox.misbehave(Route::Authorize, Fault::Redirect("/accounts/login/?next=/x".to_owned()));
    let found = diagnose(&base, With::default()).await;
    assert!(found.hops("skipped").contains(&"sign-in"), "{:#}", found.report);
    assert!(found.report.to_string().contains("--login"), "{:#}", found.report);
}

#[tokio::test]
async fn a_validibot_in_production_that_does_not_take_the_name_is_told_with_the_line() {
    let sandbox = Sandbox::builder().production(&["app.acme.example"]).start().await.expect("a sandbox");
    let api = With::api(sandbox.url());
    let found = diagnose(&format!("http://127.0.0.1:{}", free_port()), api).await;
    found.expect("licence", "not-let-in", &["DJANGO_ALLOWED_HOSTS", "VALIDIBOT_API_HOST", "127.0.0.1"]);
}

#[tokio::test]
async fn a_mismatch_is_known_by_the_words_of_the_real_provider_too() {
    let page = "<h1>Error</h1><p>Mismatching redirect URI.</p>";
    let body = Fault::Body { status: 200, content_type: "text/html".to_owned(), bytes: page.into() };
    let found = with_validibot(|sandbox| sandbox.misbehave(Route::Authorize, body)).await;
    found.expect("sign-in", "redirect-uri", &["client row"]);
}

#[tokio::test]
async fn a_client_that_validibot_does_not_know_is_named() {
    let found = with_settings(|builder, _, _| builder.env("VALIDIBOT_OAUTH_CLIENT_ID", "another")).await;
    found.expect("sign-in", "unknown-client", &["another", "IDP_OIDC_MCP_SERVER_CLIENT_SECRET"]);
}

#[tokio::test]
async fn a_scope_that_validibot_does_not_give_is_named() {
    let found =
        with_settings(|builder, _, _| builder.env("VALIDIBOT_OAUTH_REQUIRED_SCOPE", "acme:mcp")).await;
    found.expect("sign-in", "sign-in-refused", &["invalid_scope", "VALIDIBOT_OAUTH_REQUIRED_SCOPE"]);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_reached_is_named() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let found =
        with_settings(|builder, _, _| builder.env("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", &nowhere))
            .await;
    found.expect("sign-in", "sign-in-unreachable", &[&nowhere, "SITE_URL"]);
}

#[tokio::test]
async fn a_wrong_path_of_the_sign_in_is_named() {
    let found = with_settings(|builder, sandbox, _| {
        builder.env("VALIDIBOT_OAUTH_AUTHORIZATION_ENDPOINT", format!("{}/o/authorize", sandbox.url()))
    })
    .await;
    found.expect("sign-in", "sign-in-endpoint", &["HTTP 404", "VALIDIBOT_OAUTH_AUTHORIZATION_ENDPOINT"]);
}

// The description's table: "401 invalid_token on tool call".

#[tokio::test]
async fn an_unknown_api_token_is_named() {
    let (_sandbox, builder, base) = with_oauth().await;
    let _server = builder.start().await;
    let found = diagnose(&base, With::token("vbk_1_unknown_token")).await;
    found.expect("initialize", "token-refused", &["401 invalid_token", "VALIDIBOT_E2E_TOKEN"]);
}

#[tokio::test]
async fn an_access_token_for_another_audience_is_named() {
    let found = with_jwt(|mint| mint.claim("aud", "https://old.acme.example/mcp")).await;
    found.expect("initialize", "token-audience", &["https://old.acme.example/mcp", "VALIDIBOT_MCP_BASE_URL"]);
}

#[tokio::test]
async fn an_access_token_of_another_issuer_is_named() {
    let found = with_jwt(|mint| mint.claim("iss", "http://web:8000")).await;
    found.expect("initialize", "token-issuer", &["http://web:8000", "SITE_URL"]);
}

#[tokio::test]
async fn an_expired_access_token_is_named() {
    let found = with_jwt(|mint| mint.expires_in(-3600)).await;
    found.expect("initialize", "token-expired", &["has expired"]);
}

#[tokio::test]
async fn an_access_token_signed_by_another_key_is_named() {
    let found = with_jwt(|mint| mint.claim("jti", "another").foreign_key()).await;
    found.expect("initialize", "token-signature", &["sign in again"]);
}

#[tokio::test]
async fn an_access_token_without_the_scope_is_named() {
    let found = with_jwt(|mint| mint.claim("scope", "openid")).await;
    found.expect("initialize", "token-scope", &["validibot:mcp"]);
}

#[tokio::test]
async fn a_validibot_that_signs_as_another_issuer_is_named() {
    let sandbox = Sandbox::builder()
        .oauth_client_secret(CLIENT_SECRET)
        .site_url("https://app.acme.example")
        .start()
        .await
        .expect("a sandbox");
    let builder = Server::with_sign_in(&sandbox).on_its_own_base_url();
    let server = builder.start().await;
    sandbox.set_mcp_base_url(server.base());
    let found = diagnose(server.base(), With::default()).await;
    found.expect("issuer", "issuer-differs", &["https://app.acme.example", "401 invalid_token", "SITE_URL="]);
}

#[tokio::test]
async fn a_validibot_without_keys_is_named() {
    let keys = Fault::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        bytes: r#"{"keys":[]}"#.into(),
    };
    let found = with_validibot(|sandbox| sandbox.misbehave(Route::Jwks, keys)).await;
    found.expect("issuer", "no-keys", &["IDP_OIDC_PRIVATE_KEY_B64"]);
}

#[tokio::test]
async fn a_validibot_whose_provider_is_off_is_named() {
    let found = with_validibot(|sandbox| sandbox.misbehave(Route::Discovery, Fault::Html(404))).await;
    found.expect("issuer", "issuer-missing", &["openid-configuration"]);
}

// The description's table: "401 on /api/v1/mcp/* from MCP".

#[tokio::test]
async fn a_shared_key_that_differs_is_named() {
    let found = with_settings(|builder, _, _| builder.env("VALIDIBOT_MCP_SERVICE_KEY", "another-key")).await;
    found.expect("list_workflows", "service-identity", &["/api/v1/mcp/", "VALIDIBOT_MCP_SERVICE_KEY"]);
    assert!(found.hops("passed").contains(&"tools/list"), "chain 1 is in order");
}

/// A deployment that proves itself by Google identity tokens.
async fn with_google(change: impl FnOnce(&mut GoogleVerification)) -> Diagnosis {
    let metadata = MetadataServer::start().await.expect("a metadata server");
    let sandbox = Sandbox::builder().no_service_key().start().await.expect("a sandbox");
    let mut verification = GoogleVerification {
        audience: sandbox.url().to_owned(),
        allowed_service_accounts: vec![SERVICE_ACCOUNT.to_owned()],
        certs: metadata.certs(),
    };
    change(&mut verification);
    sandbox.set_google_verification(Some(verification));
    let builder = Server::for_api(sandbox.url()).on_its_own_base_url();
    let server = builder.env("GCE_METADATA_HOST", metadata.host()).start().await;
    diagnose(server.base(), With::token(fixtures::DEMO_TOKEN)).await
}

#[tokio::test]
async fn identity_tokens_that_are_accepted_are_no_finding() {
    with_google(|_| {}).await.expect_nothing();
}

#[tokio::test]
async fn a_wrong_audience_is_named() {
    let found = with_google(|google| google.audience.push('/')).await;
    found.expect("list_workflows", "service-identity", &["MCP_OIDC_AUDIENCE", "byte for byte"]);
}

#[tokio::test]
async fn a_missing_allow_list_entry_is_named() {
    let found = with_google(|google| google.allowed_service_accounts.clear()).await;
    found.expect("list_workflows", "service-identity", &["MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS"]);
}

#[tokio::test]
async fn no_metadata_server_is_named() {
    let sandbox = Sandbox::builder().no_service_key().start().await.expect("a sandbox");
    let nobody = format!("127.0.0.1:{}", free_port());
    let builder = Server::for_api(sandbox.url()).on_its_own_base_url();
    let server = builder.env("GCE_METADATA_HOST", nobody).start().await;
    let found = diagnose(server.base(), With::token(fixtures::DEMO_TOKEN)).await;
    found.expect("list_workflows", "no-identity-token", &["VALIDIBOT_MCP_SERVICE_KEY"]);
}

// What else breaks behind the sign-in.

#[tokio::test]
async fn the_kill_switch_is_named() {
    let found = with_settings(|builder, _, _| builder.env("VALIDIBOT_MCP_ENABLED", "false")).await;
    found.expect("list_workflows", "switched-off", &["VALIDIBOT_MCP_ENABLED=true"]);
}

#[tokio::test]
async fn a_validibot_that_fails_is_named() {
    let found = with_validibot(|sandbox| sandbox.misbehave(Route::ListWorkflows, Fault::Html(500))).await;
    found.expect("list_workflows", "validibot-down", &["VALIDIBOT_API_BASE_URL"]);
}

#[tokio::test]
async fn a_validibot_without_the_helper_api_is_named() {
    let neither = |sandbox: &Sandbox| {
        for route in [Route::ListWorkflows, Route::Orgs] {
            sandbox.misbehave(route, Fault::Html(404));
        }
    };
    let found = with_validibot(neither).await;
    found.expect("list_workflows", "no-helper-api", &["/api/v1/mcp/"]);
}

#[tokio::test]
async fn a_user_without_a_budget_is_named() {
    let limited = Fault::StatusWithRetryAfter(429, 600);
    let found = with_validibot(|sandbox| sandbox.misbehave(Route::ListWorkflows, limited)).await;
    found.expect("list_workflows", "rate-limited", &["DRF_THROTTLE_RATE_USER"]);
}

#[tokio::test]
async fn a_token_that_nobody_can_check_is_named() {
    let found = with_validibot(|sandbox| sandbox.misbehave(Route::AuthMe, Fault::Status(503))).await;
    found.expect("initialize", "token-unknown", &["VALIDIBOT_API_BASE_URL"]);
}
