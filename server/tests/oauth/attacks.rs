//! What attackers try, each one changed field away from a control that succeeds.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::client::{CHALLENGE, Change, params_of, text};
use crate::stack::Stack;
use suite::person::Person;

/// The control of this file: two instances that take turns at every request finish a sign-in.
#[tokio::test]
async fn two_instances_finish_each_others_sign_in() {
    let stack = Stack::start().await;
    let (client_id, tokens) = stack.sign_in().await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(
        tokens["expires_in"].as_u64().is_some_and(|seconds| (3500..=3600).contains(&seconds)),
        "{tokens}"
    );
    assert_eq!(tokens["scope"], "validibot:mcp");
    assert_eq!(stack.call(&text(&tokens, "access_token")).await.status(), StatusCode::OK);

    let (status, refreshed) = stack.refresh(&client_id, &text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200, "{refreshed}");

    stack.restart(2, &[]);
    assert_eq!(stack.call(&text(&refreshed, "access_token")).await.status(), StatusCode::OK);
    let (status, again) = stack.refresh(&client_id, &text(&refreshed, "refresh_token")).await;
    assert_eq!(status, 200, "nothing was lost with the processes: {again}");
    stack.code(&mut Person::default(), &client_id).await;
}

/// GHSA-c2jp-c369-7pvx: an open session at the provider must not spare a new client its consent page.
#[tokio::test]
async fn every_client_is_asked_about_every_time() {
    let stack = Stack::start().await;
    let mut victim = Person::default();
    let first = stack.register("First").await;
    stack.code(&mut victim, &first).await;
    for client_id in [first, stack.register("Second").await] {
        let page = victim.get(&stack.authorize_url(&client_id, &[])).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.ticket();
    }
    let silent =
        victim.get(&stack.authorize_url(&stack.register("Third").await, &[("prompt", Some("none"))])).await;
    assert_eq!((silent.status, params_of(&silent.onward())["error"].as_str()), (400, "consent_required"));
}

/// PrefectHQ/fastmcp#3519: the attacker opens the page, and makes the victim's browser send the form.
#[tokio::test]
async fn a_form_counts_only_from_the_browser_that_was_shown_it() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    let (mut attacker, mut victim) = (Person::default(), Person::default());
    let lure = attacker.get(&stack.authorize_url(&client_id, &[])).await.ticket();
    victim.get(&stack.authorize_url(&client_id, &[])).await;
    let refused = victim.decide(&stack.base, &lure, "allow").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!refused.headers.contains_key("location"));

    let form = [("ticket", lure.as_str()), ("decision", "allow")];
    let cross_site =
        stack.http.post(stack.url("/consent")).form(&form).header("sec-fetch-site", "cross-site");
    assert_eq!(attacker.send(cross_site).await.status, 403);
    // Browsers that do not know that header.
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        let form = stack.http.post(stack.url("/consent")).form(&form).header("origin", origin);
        assert_eq!(attacker.send(form).await.status, 403, "{origin}");
    }
    let own = stack
        .http
        .post(stack.url("/consent"))
        .form(&[("ticket", lure.as_str())])
        .header("origin", &stack.base);
    assert_eq!(attacker.send(own).await.status, 400, "from here, and without a decision");
    assert_eq!(attacker.decide(&stack.base, &lure, "allow").await.status, 303, "the control");
}

/// CVE-2026-27124: the attacker approves, and the victim finishes.
#[tokio::test]
async fn a_sign_in_ends_only_in_the_browser_that_approved_it() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    let (mut attacker, mut victim) = (Person::default(), Person::default());
    let lure = stack.approve(&mut attacker, &client_id).await;
    let back = victim.get(lure.location()).await;
    let refused = victim.get(back.location()).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!refused.headers.contains_key("location"));
    assert_eq!(stack.asked("/identity/o/api/token"), 0, "the victim's code was not used up");
    assert_eq!(attacker.get(back.location()).await.status, 302, "the control");
    assert_eq!(attacker.get(back.location()).await.status, 403, "once");
}

/// OAuth 2.1, section 4.1.3, and CVE-2025-4143: a stolen code is of no use without all that it was issued for.
#[tokio::test]
async fn a_code_works_once_and_only_with_all_that_it_is_bound_to() {
    let stack = Stack::start().await;
    let (client_id, other) = (stack.register("Test").await, stack.register("Other").await);
    let code = stack.code(&mut Person::default(), &client_id).await;
    let changes: [(Change<'_>, &str); 10] = [
        (("client_id", Some(&other)), "invalid_grant"),
        (("client_id", Some("unknown")), "invalid_client"),
        (("client_id", None), "invalid_request"),
        (("redirect_uri", Some("http://localhost:49153/callback")), "invalid_grant"),
        (("redirect_uri", None), "invalid_grant"),
        (("code_verifier", Some(CHALLENGE)), "invalid_grant"),
        (("code_verifier", Some("short")), "invalid_grant"),
        (("code_verifier", None), "invalid_request"),
        (("resource", Some("https://other.example/mcp")), "invalid_target"),
        (("grant_type", Some("password")), "unsupported_grant_type"),
    ];
    for (change, error) in changes {
        let (status, answer) = stack.redeem(&client_id, &code, &[change]).await;
        assert_eq!(answer["error"], error, "{change:?}");
        assert_eq!(status, if error == "invalid_client" { 401 } else { 400 }, "{change:?}");
    }
    assert_eq!(stack.asked("/identity/o/api/token"), 0, "the provider's code inside was never tried");
    let (status, tokens) = stack.redeem(&client_id, &code, &[]).await;
    assert_eq!(status, 200, "the control: {tokens}");
    for _ in 0..2 {
        let (status, answer) = stack.redeem(&client_id, &code, &[]).await;
        assert_eq!((status, text(&answer, "error")), (400, "invalid_grant".to_owned()), "replayed");
    }
}

/// CVE-2025-4144 and chrisdoc/hevy-mcp#682: a code without a challenge is a code for whoever finds it.
#[tokio::test]
async fn what_is_wrong_with_a_request_goes_back_to_a_client_that_the_operator_knows_and_names_it() {
    let clients =
        [("VALIDIBOT_OAUTH_CLIENTS", "our-editor http://localhost/callback cursor://editor/callback")];
    let stack = Stack::with(2, &clients, validibot_mcp::base::outbound::Outbound::default()).await;
    let client_id = "our-editor";
    let long = "x".repeat(2000);
    let changes: [(Change<'_>, &str); 12] = [
        (("code_challenge", None), "invalid_request"),
        (("code_challenge", Some("")), "invalid_request"),
        (("code_challenge", Some("not-a-sha256")), "invalid_request"),
        (("code_challenge_method", None), "invalid_request"),
        (("code_challenge_method", Some("plain")), "invalid_request"),
        (("response_type", Some("token")), "unsupported_response_type"),
        (("response_type", None), "invalid_request"),
        (("response_mode", Some("fragment")), "invalid_request"),
        (("resource", Some("https://other.example/mcp")), "invalid_target"),
        (("resource", Some("mcp")), "invalid_target"),
        (("request", Some("eyJhbGciOiJub25lIn0.e30.")), "request_not_supported"),
        (("state", Some(&long)), "invalid_request"),
    ];
    for (change, error) in changes {
        let page = Person::default().get(&stack.authorize_url(client_id, &[change])).await;
        assert_eq!(page.status, 302, "{change:?}: {page:?}");
        let answer = params_of(page.location());
        assert_eq!(answer["error"], error, "{change:?}");
        assert_eq!(answer["iss"], stack.base, "RFC 9207 holds for errors too");
        assert!(change.0 == "state" || answer["state"] == "the client's state");
        assert!(!answer.contains_key("code"));
    }
    let page = Person::default().get(&stack.authorize_url(client_id, &[("resource", None)])).await;
    assert_eq!(page.status, 200, "no resource means this one");

    let app = [("redirect_uri", Some("cursor://editor/callback")), ("response_type", Some("token"))];
    let page = Person::default().get(&stack.authorize_url(client_id, &app)).await;
    assert!(
        page.status == 400 && !page.headers.contains_key("location"),
        "no program is started unasked: {page:?}"
    );
    assert!(
        page.onward().starts_with("cursor://editor/callback?error=unsupported_response_type"),
        "{page:?}"
    );
}

/// RFC 9700, section 4.11.2: anybody can register an address, and this server must not send browsers there before a person was
/// asked.
#[tokio::test]
async fn a_mistake_of_a_client_that_named_itself_is_told_here() {
    let stack = Stack::start().await;
    let (lure, program) =
        ("https://evil.example/login?from=validibot", "vscode://vscode.git/clone?url=https://evil.example");
    let (status, registered) = stack.try_register(&json!({ "redirect_uris": [lure, program] })).await;
    assert_eq!(status, 201);
    let client_id = text(&registered, "client_id");
    let url = stack.authorize_url(&client_id, &[("redirect_uri", Some(program)), ("prompt", Some("none"))]);
    let page = Person::default().get(&url).await;
    assert_eq!((page.status, page.headers.get("location")), (400, None), "no program is started: {page:?}");
    for change in [("response_type", Some("token")), ("prompt", Some("none")), ("code_challenge", None)] {
        let url = stack.authorize_url(&client_id, &[("redirect_uri", Some(lure)), change]);
        let page = Person::default().get(&url).await;
        assert_eq!(page.status, 400, "{change:?}: {page:?}");
        assert!(!page.headers.contains_key("location"), "{change:?}");
        assert!(page.body.contains("Go back to evil.example"), "the link names the host: {}", page.body);
        let answer = params_of(&page.onward());
        assert_eq!((answer["from"].as_str(), answer["state"].as_str()), ("validibot", "the client's state"));
        assert_eq!(answer["iss"], stack.base);
        assert!(answer.contains_key("error") && !answer.contains_key("code"));
    }
}

/// cloudflare/workers-oauth-provider#92 and CVE-2025-4143: an open redirect hands codes to strangers.
#[tokio::test]
async fn before_client_and_redirect_are_known_nothing_is_redirected() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    let twice = format!("{}&client_id=x", stack.authorize_url(&client_id, &[]));
    let urls = [
        stack.authorize_url(&client_id, &[("redirect_uri", Some("https://evil.example/callback"))]),
        stack.authorize_url(&client_id, &[("redirect_uri", Some("http://localhost:1/callback/evil"))]),
        stack.authorize_url(&client_id, &[("redirect_uri", Some("http://localhost:1/callback#x"))]),
        stack
            .authorize_url(&client_id, &[("redirect_uri", Some("http://localhost:1@evil.example/callback"))]),
        stack.authorize_url(&client_id, &[("redirect_uri", Some("javascript:alert(1)"))]),
        stack.authorize_url("unknown", &[]),
        stack.authorize_url(&client_id, &[("client_id", None)]),
        stack.url("/authorize"),
        twice,
    ];
    let control = Person::default().get(&stack.authorize_url(&client_id, &[])).await;
    assert_eq!(control.status, 200, "the control: {control:?}");
    for url in urls {
        let page = Person::default().get(&url).await;
        assert_eq!(page.status, 400, "{url}: {page:?}");
        assert!(!page.headers.contains_key("location"), "{url}");
        assert!(page.headers["content-type"].to_str().expect("text").starts_with("text/html"));
        assert!(!page.body.contains("evil.example"), "nothing of the request is shown: {}", page.body);
        let json = stack.http.get(&url).header("accept", "application/json").send().await.expect("an answer");
        assert_eq!(json.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn the_user_can_say_no() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    let mut browser = Person::default();
    let page = browser.get(&stack.authorize_url(&client_id, &[])).await;
    let ticket = page.ticket();
    assert_eq!(browser.decide(&stack.base, &ticket, "perhaps").await.status, 400);
    let page = browser.decide(&stack.base, &ticket, "deny").await;
    let answer = params_of(page.location());
    assert_eq!(answer["error"], "access_denied");
    assert_eq!((answer["iss"].as_str(), answer["state"].as_str()), (&*stack.base, "the client's state"));
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert_eq!(stack.asked("/identity/o/authorize"), 0);
}

/// MCP security best practices, confused deputy: a page that can be framed or scripted is one that says yes by itself.
#[tokio::test]
async fn the_page_cannot_be_framed_or_scripted_whatever_the_client_is_called() {
    let stack = Stack::start().await;
    let client_id = stack.register("<script>alert(1)</script>\u{202e}\"'").await;
    let page = Person::default().get(&stack.authorize_url(&client_id, &[])).await;
    assert!(!page.body.contains("<script") && !page.body.contains('\u{202e}'), "{}", page.body);
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "same-origin");
    assert_eq!(page.headers["cross-origin-opener-policy"], "same-origin");
    assert!(page.body.contains(crate::client::REDIRECT), "the whole address is shown: {}", page.body);
    assert!(
        page.body.contains("button.yes{animation:wait 1s}"),
        "a double click that began elsewhere says no yes"
    );
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let cookie = page.headers["set-cookie"].to_str().expect("text");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
}

/// MCP security best practices: ten minutes for a person; RFC 6749, section 4.1.2: one for a client.
#[tokio::test]
async fn every_step_ends_with_its_time() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    let mut browser = Person::default();

    let ticket = browser.get(&stack.authorize_url(&client_id, &[])).await.ticket();
    let late = browser.get(&stack.authorize_url(&client_id, &[])).await.ticket();
    stack.advance(Duration::from_secs(590));
    let back = browser.decide(&stack.base, &ticket, "allow").await;
    assert_eq!(back.status, 303, "the control: {back:?}");
    stack.advance(Duration::from_secs(15));
    assert_eq!(browser.decide(&stack.base, &late, "allow").await.status, 400);

    let back = browser.get(back.location()).await;
    stack.advance(Duration::from_mins(10));
    assert_eq!(browser.get(back.location()).await.status, 400);

    let code = stack.code(&mut browser, &client_id).await;
    stack.advance(Duration::from_secs(61));
    let (status, answer) = stack.redeem(&client_id, &code, &[]).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant".to_owned()));
    assert_eq!(stack.asked("/identity/o/api/token"), 0);

    let code = stack.code(&mut browser, &client_id).await;
    let (_, tokens) = stack.redeem(&client_id, &code, &[]).await;
    let refresh_token = text(&tokens, "refresh_token");
    stack.advance(Duration::from_hours(90 * 24));
    let (status, answer) = stack.refresh(&client_id, &refresh_token).await;
    assert_eq!((status, text(&answer, "error")), (400, "invalid_grant".to_owned()));
}

/// Clients that the operator or Validibot knows: no registration, and no other redirect than theirs.
#[tokio::test]
async fn a_client_that_need_not_register_is_held_to_its_redirects() {
    let clients = [("VALIDIBOT_OAUTH_CLIENTS", "our-editor http://localhost/callback")];
    let stack = Stack::with(2, &clients, validibot_mcp::base::outbound::Outbound::default()).await;
    let code = stack.code(&mut Person::default(), "our-editor").await;
    assert_eq!(stack.redeem("our-editor", &code, &[]).await.0, 200);
    let claude = "validibot-claude-desktop";
    let url = |redirect| stack.authorize_url(claude, &[("redirect_uri", Some(redirect))]);
    let page = Person::default().get(&url("https://claude.ai/api/mcp/auth_callback")).await;
    assert!(page.status == 200 && page.body.contains("Claude"), "{page:?}");
    assert_eq!(Person::default().get(&url("https://evil.example/callback")).await.status, 400);
}
