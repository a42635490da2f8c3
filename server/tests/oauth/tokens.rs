//! Refreshing, revoking, and what bearers are good for.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use sandbox::{Fault, Route, fixtures};
use validibot_mcp::base::outbound::Outbound;

use crate::client::text;
use crate::stack::Stack;

async fn one_instance() -> Stack {
    Stack::with(1, &[], Outbound::default()).await
}

fn error(answer: &(u16, serde_json::Value)) -> (u16, &str) {
    (answer.0, answer.1["error"].as_str().unwrap_or_default())
}

/// PrefectHQ/fastmcp#4901 and anthropics/claude-code#85236.
#[tokio::test]
async fn ten_refreshes_at_once_are_one_and_all_are_answered() {
    let stack = one_instance().await;
    let (client_id, tokens) = stack.sign_in().await;
    let old = text(&tokens, "refresh_token");
    stack.sandbox.clear_received();
    stack.sandbox.misbehave(Route::Token, Fault::Delay(Duration::from_millis(200)));
    let answers = join_all((0..10).map(|_| stack.refresh(&client_id, &old))).await;
    stack.sandbox.behave();
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let new = text(&answers[0].1, "refresh_token");
    assert!(answers.iter().all(|(_, answer)| answer["refresh_token"] == new), "one answer for all");
    assert_eq!(stack.asked("/identity/o/api/token"), 1);

    stack.advance(Duration::from_secs(59));
    let (status, late) = stack.refresh(&client_id, &old).await;
    assert_eq!((status, &late["refresh_token"]), (200, &new.clone().into()), "for a minute");
    assert!(
        late["expires_in"].as_u64().is_some_and(|seconds| seconds <= 3541),
        "and it says how old it is: {late}"
    );
    stack.advance(Duration::from_secs(1));
    let replayed = stack.refresh(&client_id, &old).await;
    assert_eq!(error(&replayed), (400, "invalid_grant"), "this instance knows that it is used up");
    assert_eq!(stack.refresh(&client_id, &new).await.0, 200, "and the new one is still good");
}

/// OAuth 2.1, section 4.3.1: whoever stole the old token must not be given the new one once its owner has it.
#[tokio::test]
async fn a_remembered_answer_ends_with_the_use_or_the_revocation_of_what_it_holds() {
    let stack = one_instance().await;
    let (client_id, tokens) = stack.sign_in().await;
    let first = text(&tokens, "refresh_token");
    let second = text(&stack.refresh(&client_id, &first).await.1, "refresh_token");
    assert_eq!(stack.refresh(&client_id, &first).await.0, 200, "the control: remembered");
    let third = text(&stack.refresh(&client_id, &second).await.1, "refresh_token");
    assert_eq!(
        error(&stack.refresh(&client_id, &first).await),
        (400, "invalid_grant"),
        "its successor was used"
    );

    assert_eq!(stack.refresh(&client_id, &second).await.0, 200, "the control: remembered");
    assert_eq!(stack.post("/revoke", &[("client_id", &client_id), ("token", &third)]).await.0, 200);
    assert_eq!(
        error(&stack.refresh(&client_id, &second).await),
        (400, "invalid_grant"),
        "its successor was revoked"
    );
}

#[tokio::test]
async fn across_instances_a_refusal_is_503_first_and_400_then() {
    let stack = Stack::start().await;
    let (client_id, tokens) = stack.sign_in().await;
    let old = text(&tokens, "refresh_token");
    let (status, new) = stack.refresh(&client_id, &old).await;
    assert_eq!(status, 200, "by one instance");
    let second = stack.refresh(&client_id, &old).await;
    assert_eq!(error(&second), (503, "temporarily_unavailable"), "by the other one");
    let third = stack.refresh(&client_id, &old).await;
    assert_eq!(third.1["refresh_token"], new["refresh_token"], "the first one remembers its answer");
    let fourth = stack.refresh(&client_id, &old).await;
    assert_eq!(error(&fourth), (400, "invalid_grant"), "the other one again");
    assert_eq!(
        stack.refresh(&client_id, &text(&new, "refresh_token")).await.0,
        200,
        "the client's newer token is good"
    );
}

/// PrefectHQ/fastmcp#5002: an outage must not look like a refusal, or clients throw good tokens away.
#[tokio::test]
async fn only_a_definite_refusal_is_invalid_grant() {
    let stack = one_instance().await;
    let (client_id, tokens) = stack.sign_in().await;
    let refresh_token = text(&tokens, "refresh_token");
    let body = |status, text: &str| Fault::Body {
        status,
        content_type: "application/json".to_owned(),
        bytes: text.to_owned().into(),
    };
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(429),
        Fault::Html(200),
        Fault::Html(400),
        Fault::Cut,
        Fault::Redirect("https://evil.example/".to_owned()),
        Fault::Oversized(200_000),
        body(200, "{}"),
        body(400, r#"{"error":"invalid_request"}"#),
        body(401, r#"{"error":"invalid_client"}"#),
        body(401, r#"{"error":"invalid_grant"}"#),
    ] {
        stack.sandbox.misbehave(Route::Token, fault.clone());
        let answer = stack.refresh(&client_id, &refresh_token).await;
        assert_eq!(error(&answer), (503, "temporarily_unavailable"), "{fault:?}");
        assert!(!answer.1.to_string().contains(fixtures::HTML_MARKER));
        stack.sandbox.behave();
    }
    assert_eq!(stack.refresh(&client_id, &refresh_token).await.0, 200, "the control: nothing was lost");
}

/// A client that hangs up must not take the rotated token with it.
#[tokio::test]
async fn a_refresh_goes_on_when_its_client_hangs_up() {
    let stack = one_instance().await;
    let (client_id, tokens) = stack.sign_in().await;
    let old = text(&tokens, "refresh_token");
    stack.sandbox.clear_received();
    stack.sandbox.misbehave(Route::Token, Fault::Delay(Duration::from_millis(500)));
    {
        let hung_up = stack.refresh(&client_id, &old);
        let asked = async {
            while stack.asked("/identity/o/api/token") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = hung_up => panic!("answered already: {answer:?}"),
            () = asked => {}
        }
    }
    let (status, answer) = stack.refresh(&client_id, &old).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(stack.asked("/identity/o/api/token"), 1, "the first request's answer is this one");
}

#[tokio::test]
async fn a_refresh_cannot_widen_its_scope_or_change_its_client() {
    let stack = Stack::start().await;
    let (client_id, tokens) = stack.sign_in().await;
    let refresh_token = text(&tokens, "refresh_token");
    let other = stack.register("Other").await;
    assert_eq!(error(&stack.refresh(&other, &refresh_token).await), (400, "invalid_grant"));
    let form = |scope| {
        [
            ("grant_type", "refresh_token"),
            ("client_id", &client_id),
            ("refresh_token", &refresh_token),
            ("scope", scope),
        ]
    };
    assert_eq!(error(&stack.post("/token", &form("validibot:mcp email")).await), (400, "invalid_scope"));
    assert_eq!(stack.post("/token", &form("validibot:mcp offline_access")).await.0, 200, "the control");
}

#[tokio::test]
async fn a_public_client_can_revoke_its_own_refresh_token() {
    let stack = Stack::start().await;
    let (client_id, tokens) = stack.sign_in().await;
    let (refresh_token, access_token) = (text(&tokens, "refresh_token"), text(&tokens, "access_token"));
    let other = stack.register("Other").await;
    let revoke = async |client: &str, token: &str| {
        stack.post("/revoke", &[("client_id", client), ("token", token)]).await
    };
    assert_eq!(error(&revoke(&other, &refresh_token).await), (400, "invalid_grant"));
    assert_eq!(error(&revoke("unknown", &refresh_token).await), (401, "invalid_client"));
    assert_eq!(error(&revoke(&client_id, &access_token).await), (400, "unsupported_token_type"));
    assert_eq!(revoke(&client_id, "no token of ours").await.0, 200, "RFC 7009, section 2.2");
    assert_eq!(stack.asked("/identity/o/api/revoke"), 0);
    stack.sandbox.misbehave_times(Route::Revoke, Fault::Status(500), 1);
    assert_eq!(error(&revoke(&client_id, &refresh_token).await), (503, "temporarily_unavailable"));

    assert_eq!(revoke(&client_id, &refresh_token).await.0, 200, "the control");
    for expected in [503, 503, 400] {
        assert_eq!(stack.refresh(&client_id, &refresh_token).await.0, expected, "once for each instance");
    }
}

/// RFC 8725, section 2.1, and the MCP specification's audience rules.
#[tokio::test]
async fn a_bearer_is_good_only_for_this_server_and_signed_by_its_provider() {
    let stack = Stack::start().await;
    let mint = || stack.sandbox.mint();
    assert_eq!(stack.call(&mint().sign()).await.status(), StatusCode::OK, "the control");
    for (attack, token) in [
        ("another audience", mint().claim("aud", "https://other.example/mcp").sign()),
        ("an audience below", mint().claim("aud", stack.url("/mcp/more")).sign()),
        ("the bare origin", mint().claim("aud", stack.base.clone()).sign()),
        ("no audience", mint().without("aud").sign()),
        ("another issuer", mint().claim("iss", "https://evil.example").sign()),
        ("expired", mint().expires_in(-31).sign()),
        ("a foreign key", mint().foreign_key().sign()),
        ("no signature", mint().unsigned().sign()),
        ("the public key as a secret", mint().hs256_with_public_key().sign()),
        ("no key id", mint().without_header("kid").sign()),
        ("another type of token", mint().header("typ", "logout+jwt").sign()),
        ("a key id that is no text", mint().header("kid", 7).sign()),
        ("five parts, as encrypted ones have", "eyJhbGciOiJkaXIifQ.a.b.c.d".to_owned()),
        ("base64 with padding", "eyJhbGciOiJSUzI1NiJ9=.e30=.x=".to_owned()),
        ("a value that a retired key sealed", "retired.abcdefgh".to_owned()),
        ("longer than any API token", "a".repeat(161)),
        ("letters that no API token has", "abc/def+ghi==".to_owned()),
        ("an id token", mint().claim("token_use", "id").sign()),
        ("a subject that is no user", mint().claim("sub", "../2").sign()),
    ] {
        let answer = stack.call(&token).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{attack}");
        let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
        assert!(
            challenge.contains("error=\"invalid_token\"") && challenge.contains("resource_metadata="),
            "{challenge}"
        );
    }
    let narrow = mint().claim("scope", "openid profile").without("aud").sign();
    let answer = stack.call(&narrow).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
    assert!(
        challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"validibot:mcp\"")
    );
    assert_eq!(stack.asked("/api/v1/auth/me/"), 0, "nothing of this was taken for an API token");
    stack.advance(Duration::from_secs(10));
    let unknown = mint().header("kid", "made-up").sign();
    assert_eq!(stack.call(&unknown).await.status(), StatusCode::UNAUTHORIZED, "an unknown key id");
}

/// Neither the operator's two configurations nor a new sign-in would help: the answer says what does.
#[tokio::test]
async fn a_user_who_was_deactivated_is_told_so_and_not_the_operator() {
    let stack = Stack::start().await;
    let of = |id: i64| stack.sandbox.mint().claim("sub", id.to_string()).sign();
    let error = &stack.list_workflows(&of(fixtures::INACTIVE_USER_ID)).await["error"];
    assert_eq!(error["code"], "ACCOUNT_INACTIVE", "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("deactivated")), "{error}");
    let control = stack.list_workflows(&of(fixtures::DEMO_USER_ID)).await;
    assert!(control.get("error").is_none(), "{control}");

    stack.restart(1, &[("VALIDIBOT_MCP_SERVICE_KEY", "another-key")]);
    for id in [fixtures::INACTIVE_USER_ID, fixtures::DEMO_USER_ID] {
        let error = &stack.list_workflows(&of(id)).await["error"];
        assert_eq!(error["code"], "SERVICE_AUTH_FAILED", "{error}");
    }
}
