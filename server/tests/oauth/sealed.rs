//! Sealed values in the wrong place, changed, or from another deployment.

use axum::http::StatusCode;
use serde_json::json;

use crate::client::text;
use crate::stack::Stack;
use suite::person::Person;
use validibot_mcp::base::outbound::Outbound;

const OLD_KEY: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW_KEY: &str = "new:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

/// One of each kind.
struct Values {
    client_id: String,
    ticket: String,
    state: String,
    code: String,
    refresh_token: String,
}

async fn one_of_each(stack: &Stack) -> Values {
    let (client_id, tokens) = stack.sign_in().await;
    let mut browser = Person::default();
    let ticket = browser.get(&stack.authorize_url(&client_id, &[])).await.ticket();
    let page = stack.approve(&mut browser, &client_id).await;
    let state = crate::client::params_of(page.location())["state"].clone();
    let code = stack.code(&mut browser, &client_id).await;
    Values { client_id, ticket, state, code, refresh_token: text(&tokens, "refresh_token") }
}

/// RFC 8725, section 2.8: a value of one purpose offered for another.
#[tokio::test]
async fn a_value_is_good_in_its_own_place_alone() {
    let stack = Stack::start().await;
    let values = one_of_each(&stack).await;
    assert!(values.state.len() < 2048, "{}", values.state.len());
    let all = [&values.client_id, &values.ticket, &values.state, &values.code, &values.refresh_token];
    for (index, value) in all.into_iter().enumerate() {
        let browser = &mut Person::default();
        if index != 0 {
            assert_eq!(browser.get(&stack.authorize_url(value, &[])).await.status, 400, "as a client id");
            assert_eq!(stack.redeem(value, &values.code, &[]).await.0, 401, "as a client id");
        }
        if index != 1 {
            assert_eq!(browser.decide(&stack.base, value, "allow").await.status, 400, "as a form");
        }
        if index != 2 {
            let callback = format!("{}?code=x&state={value}", stack.url("/auth/callback"));
            assert_eq!(browser.get(&callback).await.status, 400, "as a state");
        }
        if index != 3 {
            let (status, answer) = stack.redeem(&values.client_id, value, &[]).await;
            assert_eq!((status, text(&answer, "error").as_str()), (400, "invalid_grant"), "as a code");
        }
        if index != 4 {
            let (status, answer) = stack.refresh(&values.client_id, value).await;
            assert_eq!(
                (status, text(&answer, "error").as_str()),
                (400, "invalid_grant"),
                "as a refresh token"
            );
        }
        assert_eq!(stack.call(value).await.status(), StatusCode::UNAUTHORIZED, "as a bearer");
    }
    assert!(
        stack.sandbox.received().iter().all(|request| request.path != "/api/v1/auth/me/"),
        "none of them was sent to Validibot as a bearer"
    );
    assert_eq!(stack.redeem(&values.client_id, &values.code, &[]).await.0, 200, "the control");
    assert_eq!(stack.refresh(&values.client_id, &values.refresh_token).await.0, 200, "the control");
}

/// GHSA-g53w-w6mj-hrpp: what is not authenticated can be made up.
#[tokio::test]
async fn no_character_of_a_value_can_be_changed() {
    let stack = Stack::start().await;
    let values = one_of_each(&stack).await;
    let change = |value: &str, at: usize| {
        let mut bytes = value.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    for at in (0..values.refresh_token.len()).step_by(37) {
        let (status, answer) = stack.refresh(&values.client_id, &change(&values.refresh_token, at)).await;
        assert_eq!((status, text(&answer, "error").as_str()), (400, "invalid_grant"), "at {at}");
    }
    for at in (0..values.client_id.len()).step_by(23) {
        let changed = change(&values.client_id, at);
        assert_eq!(Person::default().get(&stack.authorize_url(&changed, &[])).await.status, 400, "at {at}");
    }
    assert_eq!(stack.refresh(&values.client_id, &values.refresh_token).await.0, 200, "the control");
}

/// The ring rotates: the old key goes behind the new one, and away after the longest-lived value.
#[tokio::test]
async fn a_rotation_of_keys_signs_nobody_out_until_the_old_key_is_gone() {
    let stack = Stack::with(2, &[("VALIDIBOT_MCP_SEAL_KEYS", OLD_KEY)], Outbound::default()).await;
    let (client_id, tokens) = stack.sign_in().await;
    let both = format!("{NEW_KEY},{OLD_KEY}");
    stack.restart(2, &[("VALIDIBOT_MCP_SEAL_KEYS", &both)]);
    let (status, tokens) = stack.refresh(&client_id, &text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200, "{tokens}");
    let refresh_token = text(&tokens, "refresh_token");
    assert!(refresh_token.starts_with("new."));
    let code = stack.code(&mut Person::default(), &client_id).await;
    assert_eq!(stack.redeem(&client_id, &code, &[]).await.0, 200, "the old client id is still known");

    stack.restart(2, &[("VALIDIBOT_MCP_SEAL_KEYS", NEW_KEY)]);
    let (status, answer) = stack.refresh(&client_id, &refresh_token).await;
    assert_eq!(
        (status, text(&answer, "error").as_str()),
        (401, "invalid_client"),
        "so that the client registers anew"
    );
    assert_eq!(Person::default().get(&stack.authorize_url(&client_id, &[])).await.status, 400);
    let again = stack.try_register(&json!({ "redirect_uris": ["http://localhost/callback"] })).await;
    assert!(text(&again.1, "client_id").starts_with("new."));
}
