//! The OpenID provider, from discovery to revocation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::RequestBuilder;
use sandbox::fixtures::{CLAUDE_CLIENT_ID, MCP_CLIENT_ID};
use sandbox::{Builder, Sandbox};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use url::Url;

use crate::client::{Got, World, got, keys};

const SECRET: &str = "a secret of the MCP server's client: with +/ and %";
const REDIRECT: &str = "http://localhost:8001/auth/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn provider() -> Builder {
    Sandbox::builder().oauth_client_secret(SECRET).auto_login(true)
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// A good request of the confidential client, with these parameters added or replaced; `None` leaves one out.
async fn authorize(world: &World, changes: &[(&str, Option<&str>)]) -> Got {
    let challenge = challenge();
    let mut parameters = vec![
        ("client_id", MCP_CLIENT_ID),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid validibot:mcp"),
        ("state", "a b&c"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.extend(value.map(|value| (*name, value)));
    }
    got(world.get("/identity/o/authorize").query(&parameters)).await
}

/// The parameters that an answer redirects with.
fn redirected(answer: &Got) -> Vec<(String, String)> {
    assert_eq!(answer.status, 302, "{}", answer.text);
    Url::parse(answer.header("location")).expect("a URL").query_pairs().into_owned().collect()
}

async fn code(world: &World, changes: &[(&str, Option<&str>)]) -> String {
    let parameters = redirected(&authorize(world, changes).await);
    let [(name, code), (_, state)] = &parameters[..] else { panic!("{parameters:?}") };
    assert_eq!((name.as_str(), state.as_str(), code.len()), ("code", "a b&c", 30));
    code.clone()
}

/// The token endpoint with the client's secret in the form.
fn token(world: &World, form: &[(&str, &str)]) -> RequestBuilder {
    let mut form = form.to_vec();
    form.extend([("client_id", MCP_CLIENT_ID), ("client_secret", SECRET)]);
    world.http.post(world.url("/identity/o/api/token")).form(&form)
}

async fn redeem(world: &World, code: &str) -> Got {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    got(token(world, &form)).await
}

async fn refresh(world: &World, refresh_token: &Value) -> Got {
    let refresh_token = refresh_token.as_str().expect("a token");
    got(token(world, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])).await
}

#[track_caller]
fn is_error(answer: &Got, status: u16, error: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (status, format!(r#"{{"error":"{error}"}}"#).as_str()));
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().expect("a token").split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

#[tokio::test]
async fn discovery_names_the_endpoints() {
    let world = World::with(provider().site_url("https://app.example/")).await;
    let openid = got(world.get("/.well-known/openid-configuration")).await;
    assert_eq!((openid.status, openid.header("access-control-allow-origin")), (200, "*"));
    assert_eq!(openid.json()["issuer"], "https://app.example");
    assert_eq!(openid.json()["authorization_endpoint"], "https://app.example/identity/o/authorize");
    let server = got(world.get("/.well-known/oauth-authorization-server")).await.json();
    assert_eq!(server["token_endpoint_auth_methods_supported"], json!(["none", "client_secret_post"]));
    assert_eq!(server["scopes_supported"], json!(["openid", "profile", "email", "validibot:mcp"]));
    let keys_at = || got(world.get("/.well-known/jwks.json"));
    let jwks = keys_at().await.json();
    assert_eq!(keys(&jwks["keys"][0]), ["kty", "key_ops", "n", "e", "kid"]);
    let thumbprint = format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, jwks["keys"][0]["e"], jwks["keys"][0]["n"]);
    assert_eq!(jwks["keys"][0]["kid"], URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint)));
    assert_eq!(keys_at().await.json(), jwks);
    world.sandbox.rotate_key();
    let rotated = keys_at().await.json();
    assert_eq!(rotated["keys"].as_array().map(Vec::len), Some(1), "no overlap");
    assert_ne!(rotated, jwks);
}

#[tokio::test]
async fn a_code_becomes_tokens_once() {
    let world = World::with(provider()).await;
    let code = code(&world, &[("resource", Some("https://elsewhere.example/mcp"))]).await;
    let answer = redeem(&world, &code).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
    let tokens = answer.json();
    assert_eq!(
        answer.keys(),
        ["access_token", "expires_in", "token_type", "scope", "refresh_token", "id_token"]
    );
    assert_eq!((&tokens["expires_in"], &tokens["scope"]), (&json!(3600), &json!("openid validibot:mcp")));
    assert_eq!(tokens["refresh_token"].as_str().map(str::len), Some(86));
    let claims = claims(&tokens["access_token"]);
    assert_eq!(keys(&claims), ["client_id", "iss", "iat", "exp", "jti", "token_use", "sub", "scope", "aud"]);
    assert_eq!(claims["aud"], "http://localhost:8001/mcp", "the resource that was asked for does not count");
    assert_eq!((&claims["sub"], &claims["token_use"]), (&json!("2"), &json!("access")));
    assert_eq!(claims["iss"], world.sandbox.url());
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|iat| iat + 3600));
    is_error(&redeem(&world, &code).await, 400, "invalid_grant");
    let me = |token: &Value| {
        got(world.get("/identity/o/api/userinfo").bearer_auth(token.as_str().expect("a token")))
    };
    let user = me(&tokens["access_token"]).await;
    assert_eq!(user.json()["email"], "demo@example.com", "{}", user.text);
    world.sandbox.rotate_key();
    assert_eq!(me(&tokens["access_token"]).await.status, 401, "what the old key signed is void");
}

#[tokio::test]
async fn without_the_mcp_scope_the_audience_is_what_was_asked_for() {
    let world = World::with(provider()).await;
    let audience = async |resource: Option<&str>| {
        let changes = [("scope", Some("openid")), ("resource", resource)];
        let code = code(&world, &changes).await;
        claims(&redeem(&world, &code).await.json()["access_token"]).get("aud").cloned()
    };
    assert_eq!(audience(None).await, None);
    assert_eq!(audience(Some("https://a.example/x")).await, Some(json!(["https://a.example/x"])));
}

#[tokio::test]
async fn a_code_is_bound_and_short_lived() {
    let world = World::with(provider()).await;
    let first = code(&world, &[]).await;
    let with = async |change: (&str, &str)| {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", first.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(name, _)| *name != change.0);
        form.push(change);
        got(token(&world, &form)).await
    };
    is_error(&with(("code_verifier", "wrong")).await, 400, "invalid_grant");
    is_error(&with(("code_verifier", "")).await, 400, "invalid_grant");
    is_error(&with(("redirect_uri", "http://localhost:8001/")).await, 400, "invalid_grant");
    is_error(&with(("grant_type", "password")).await, 400, "unsupported_grant_type");
    assert_eq!(redeem(&world, &first).await.status, 200, "the control");
    let late = code(&world, &[]).await;
    world.sandbox.advance(Duration::from_mins(1));
    is_error(&redeem(&world, &late).await, 400, "invalid_grant");
    let without_pkce = code(&world, &[("code_challenge", None), ("code_challenge_method", None)]).await;
    let form = [("grant_type", "authorization_code"), ("code", &without_pkce), ("redirect_uri", REDIRECT)];
    assert_eq!(got(token(&world, &form)).await.status, 200, "PKCE is optional for this client");
}

#[tokio::test]
async fn refresh_tokens_rotate_and_can_be_revoked() {
    let world = World::with(provider()).await;
    let first = redeem(&world, &code(&world, &[]).await).await.json();
    let second = refresh(&world, &first["refresh_token"]).await;
    assert_eq!(second.status, 200);
    let second = second.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    is_error(&refresh(&world, &first["refresh_token"]).await, 400, "invalid_grant");
    // The replay did not end the family, and a refresh may narrow the scope.
    let narrow = |scope: &'static str, token: &Value| {
        let token_text = token.as_str().expect("a token").to_owned();
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", token_text.as_str()), ("scope", scope)];
        got(self::token(&world, &form))
    };
    is_error(&narrow("openid email", &second["refresh_token"]).await, 400, "invalid_scope");
    let third = narrow("validibot:mcp", &second["refresh_token"]).await;
    assert_eq!(third.json()["scope"], "validibot:mcp", "{}", third.text);
    assert!(third.json().get("id_token").is_none());
    let third = third.json();
    let revoke = |form: &[(&str, &str)]| got(world.http.post(world.url("/identity/o/api/revoke")).form(form));
    let token_text = third["refresh_token"].as_str().expect("a token");
    let credentials = [("client_id", MCP_CLIENT_ID), ("client_secret", SECRET)];
    is_error(&revoke(&[("token", token_text)]).await, 401, "invalid_client");
    let done = revoke(&[credentials[0], credentials[1], ("token", token_text)]).await;
    assert_eq!((done.status, done.text.as_str()), (200, ""));
    assert_eq!(done.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(revoke(&[credentials[0], credentials[1], ("token", "unknown")]).await.status, 200);
    is_error(&refresh(&world, &third["refresh_token"]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn clients_prove_themselves() {
    let world = World::with(provider()).await;
    let endpoint = || world.http.post(world.url("/identity/o/api/token"));
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    is_error(&got(endpoint().form(&form)).await, 401, "invalid_client");
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20");
    let basic = got(endpoint().basic_auth(MCP_CLIENT_ID, Some(encoded)).form(&form)).await;
    is_error(&basic, 400, "invalid_grant");
    let wrong = got(endpoint().basic_auth(MCP_CLIENT_ID, Some("wrong")).form(&form)).await;
    is_error(&wrong, 401, "invalid_client");
    let without_secret = World::start().await;
    let page = authorize(&without_secret, &[("prompt", Some("none"))]).await;
    assert_eq!(
        (page.status, page.text.contains("Invalid client_id")),
        (200, true),
        "no secret, no such client"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_back_is_shown() {
    let world = World::with(provider()).await;
    for change in [
        ("client_id", Some("stranger")),
        ("redirect_uri", None),
        ("redirect_uri", Some("https://evil.example/auth/callback")),
        ("redirect_uri", Some("http://localhost:9/auth/callback")),
        ("resource", Some("/mcp")),
        ("resource", Some("https://a.example/mcp#x")),
    ] {
        let page = authorize(&world, &[change]).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, "text/html; charset=utf-8"),
            "{change:?}"
        );
    }
    let public = [
        ("client_id", Some(CLAUDE_CLIENT_ID)),
        ("redirect_uri", Some("https://claude.ai/api/mcp/auth_callback")),
    ];
    for (changes, error) in [
        (&[("scope", None)][..], "invalid_scope"),
        (&[("scope", Some("openid admin"))], "invalid_scope"),
        (&[("response_type", None)], "invalid_request"),
        (&[("response_type", Some("token"))], "unauthorized_client"),
        (&[("code_challenge_method", Some("plain"))], "invalid_request"),
        (&[public[0], public[1], ("code_challenge", None)], "invalid_request"),
    ] {
        let parameters = redirected(&authorize(&world, changes).await);
        let expected = [("error", error), ("state", "a b&c")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(parameters, expected, "{changes:?}");
    }
}

/// As measured on the real application.
#[tokio::test]
async fn an_anonymous_browser_signs_in_before_client_and_redirect_are_looked_at() {
    let world = World::with(Sandbox::builder().oauth_client_secret(SECRET)).await;
    let (stranger, elsewhere) =
        (("client_id", Some("stranger")), ("redirect_uri", Some("https://elsewhere.example/auth/callback")));
    for changes in [&[][..], &[stranger], &[elsewhere]] {
        let answer = authorize(&world, changes).await;
        let to = answer.header("location");
        assert!(answer.status == 302 && to.starts_with("/accounts/login/?next="), "{changes:?}: {to}");
    }
    let silent = ("prompt", Some("none"));
    for (change, says) in
        [(stranger, "Invalid client_id parameter value"), (elsewhere, "Mismatching redirect URI")]
    {
        let page = authorize(&world, &[silent, change]).await;
        assert_eq!((page.status, page.text.contains(says)), (200, true), "{change:?}: {}", page.text);
    }
    assert_eq!(redirected(&authorize(&world, &[silent]).await)[0].1, "login_required");
    assert_eq!(authorize(&world, &[silent, ("scope", Some("validibot:mcp"))]).await.status, 500, "no openid");
}

/// A browser's part: cookies kept, forms read from the page.
#[tokio::test]
async fn a_person_signs_in_and_consents() {
    let world = World::with(Sandbox::builder().oauth_client_secret(SECRET)).await;
    let changes = [
        ("client_id", Some(CLAUDE_CLIENT_ID)),
        ("redirect_uri", Some("https://claude.ai/api/mcp/auth_callback")),
    ];
    let silent = redirected(&authorize(&world, &[changes[0], changes[1], ("prompt", Some("none"))]).await);
    assert_eq!(silent[0].1, "login_required");
    let to_login = authorize(&world, &changes).await;
    let login_path = to_login.header("location").to_owned();
    assert!(to_login.status == 302 && login_path.starts_with("/accounts/login/?next="), "{login_path}");

    let page = got(world.get(&login_path)).await;
    let cookie = page.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let csrf = cookie.strip_prefix("csrftoken=").expect("the token").to_owned();
    assert!(page.text.contains(&format!(r#"name="csrfmiddlewaretoken" value="{csrf}""#)), "{}", page.text);
    let sign_in = |csrf: &str, password: &str| {
        let form = [("csrfmiddlewaretoken", csrf), ("login", "demo@example.com"), ("password", password)];
        got(world.http.post(world.url(&login_path)).header("cookie", &cookie).form(&form))
    };
    assert_eq!(sign_in("forged", "demo-password").await.status, 403);
    let wrong = sign_in(&csrf, "wrong").await;
    assert!(wrong.status == 200 && wrong.text.contains("role=\"alert\""));
    let signed_in = sign_in(&csrf, "demo-password").await;
    assert_eq!(signed_in.status, 302);
    let session = signed_in.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let cookies = format!("{cookie}; {session}");

    let consent = got(world.get(signed_in.header("location")).header("cookie", &cookies)).await;
    assert!(consent.status == 200 && consent.text.contains("Claude"), "{}", consent.text);
    let mut form: Vec<(String, String)> =
        consent.text.split("type=\"hidden\" name=\"").skip(1).map(hidden_field).collect();
    form.push(("action".to_owned(), "grant".to_owned()));
    let decide = |form: &[(String, String)], cookies: &str| {
        got(world.http.post(world.url("/identity/o/authorize")).header("cookie", cookies).form(form))
    };
    let granted = redirected(&decide(&form, &cookies).await);
    assert_eq!((granted[0].0.as_str(), granted[1].1.as_str()), ("code", "a b&c"));
    assert_eq!(decide(&form, &session).await.status, 403, "without the CSRF cookie");
    form.last_mut().expect("the action").1 = "cancel".to_owned();
    assert_eq!(redirected(&decide(&form, &cookies).await)[0].1, "access_denied");
    // The public client redeems its code without a secret.
    let code = granted[0].1.as_str();
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", CLAUDE_CLIENT_ID),
        ("code", code),
        ("redirect_uri", "https://claude.ai/api/mcp/auth_callback"),
        ("code_verifier", VERIFIER),
    ];
    let tokens = got(world.http.post(world.url("/identity/o/api/token")).form(&redeem)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
}

/// Name and value of a hidden field, from its name on. Only `&amp;` is escaped in these forms.
fn hidden_field(text: &str) -> (String, String) {
    let mut parts = text.split('"');
    let name = parts.next().expect("a name");
    let value = parts.nth(1).expect("a value");
    (name.to_owned(), value.replace("&amp;", "&"))
}

#[tokio::test]
async fn signing_in_never_leads_to_another_site() {
    let world = World::start().await;
    for next in ["https://evil.example/", "//evil.example/", "/\\evil.example"] {
        let page = got(world.get("/accounts/login/").query(&[("next", next)])).await;
        let cookie = page.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        let csrf = cookie.strip_prefix("csrftoken=").expect("the token");
        let form =
            [("csrfmiddlewaretoken", csrf), ("login", "demo@example.com"), ("password", "demo-password")];
        let login = world.http.post(world.url("/accounts/login/")).query(&[("next", next)]);
        let signed_in = got(login.header("cookie", &cookie).form(&form)).await;
        assert_eq!((signed_in.status, signed_in.header("location")), (302, "/"), "{next}");
    }
}

#[tokio::test]
async fn minted_tokens_differ_where_they_are_told_to() {
    let world = World::with(provider()).await;
    let userinfo = |token: String| got(world.get("/identity/o/api/userinfo").bearer_auth(token));
    let mint = || world.sandbox.mint();
    assert_eq!(userinfo(mint().sign()).await.status, 200, "the control");
    for (what, token) in [
        ("foreign", mint().foreign_key().sign()),
        ("unsigned", mint().unsigned().sign()),
        ("confused", mint().hs256_with_public_key().sign()),
        ("expired", mint().expires_in(-1).sign()),
        ("without exp", mint().without("exp").sign()),
        ("unknown user", mint().claim("sub", "99").sign()),
    ] {
        assert_eq!(userinfo(token).await.status, 401, "{what}");
    }
    let token = json!(mint().claim("aud", json!(["a", "b"])).without("scope").sign());
    assert_eq!((&claims(&token)["aud"], claims(&token).get("scope")), (&json!(["a", "b"]), None));
    let odd = mint().header("kid", "unknown").without_header("typ").sign();
    let header: Value = serde_json::from_slice(
        &URL_SAFE_NO_PAD.decode(odd.split('.').next().expect("a header")).expect("base64url"),
    )
    .expect("JSON");
    assert_eq!(header, json!({ "alg": "RS256", "kid": "unknown" }));
    world.sandbox.set_mcp_base_url("http://127.0.0.1:9/");
    assert_eq!(claims(&json!(mint().sign()))["aud"], "http://127.0.0.1:9/mcp");
}
