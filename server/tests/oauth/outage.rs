//! Validibot's provider goes away: who is signed in stays so, and nobody is told that their token is bad.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use sandbox::{Fault, Route};

use crate::client::{params_of, text};
use crate::stack::Stack;
use suite::person::Person;

#[tokio::test]
async fn warm_instances_go_on_and_cold_ones_say_503() {
    // An error, nobody there, and a proxy's page in place of the keys.
    for outage in [Fault::Status(503), Fault::Cut, Fault::Html(200)] {
        warm_goes_on_and_cold_says_503(outage).await;
    }
}

async fn warm_goes_on_and_cold_says_503(outage: Fault) {
    let stack = Stack::start().await;
    let (_, tokens) = stack.sign_in().await;
    let token = text(&tokens, "access_token");
    for _ in 0..2 {
        assert_eq!(stack.call(&token).await.status(), StatusCode::OK);
    }
    stack.sandbox.misbehave(Route::Jwks, outage);
    stack.advance(Duration::from_mins(30));
    let fresh = stack.sandbox.mint().sign();
    for _ in 0..4 {
        assert_eq!(stack.call(&token).await.status(), StatusCode::OK, "warm");
        assert_eq!(stack.call(&fresh).await.status(), StatusCode::OK, "warm, and a token never seen before");
    }
    stack.restart(2, &[]);
    for _ in 0..4 {
        let answer = stack.call(&token).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "cold: the token may be good");
        assert!(answer.headers().contains_key("retry-after"));
        assert!(
            !answer.headers().contains_key("www-authenticate"),
            "nothing that makes a client sign in anew"
        );
    }
    stack.sandbox.behave();
    stack.advance(Duration::from_secs(5));
    assert_eq!(stack.call(&token).await.status(), StatusCode::OK);
}

/// Whoever makes up key ids must not make this server flood the provider.
#[tokio::test]
async fn a_flood_of_unknown_key_ids_costs_one_request() {
    let stack = Stack::with(1, &[], validibot_mcp::base::outbound::Outbound::default()).await;
    assert_eq!(stack.call(&stack.sandbox.mint().sign()).await.status(), StatusCode::OK);
    stack.advance(Duration::from_mins(1));
    stack.sandbox.clear_received();
    let tokens: Vec<String> =
        (0..100).map(|n| stack.sandbox.mint().header("kid", format!("made-up-{n}")).sign()).collect();
    let answers = join_all(tokens.iter().map(|token| stack.call(token))).await;
    // Whoever waited for the one question has its answer; later ones are not known yet.
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE];
    assert!(answers.iter().all(|answer| refused.contains(&answer.status())));
    assert!(stack.asked("/.well-known/jwks.json") <= 1);
}

#[tokio::test]
async fn a_rotated_key_is_picked_up() {
    let stack = Stack::start().await;
    let old = stack.sandbox.mint().sign();
    for _ in 0..2 {
        assert_eq!(stack.call(&old).await.status(), StatusCode::OK);
    }
    stack.sandbox.rotate_key();
    stack.advance(Duration::from_mins(1));
    let new = stack.sandbox.mint().sign();
    for _ in 0..2 {
        assert_eq!(stack.call(&new).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_code_survives_an_outage_of_the_token_endpoint() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    let code = stack.code(&mut Person::default(), &client_id).await;
    stack.sandbox.misbehave_times(Route::Token, Fault::Status(503), 1);
    let (status, answer) = stack.redeem(&client_id, &code, &[]).await;
    assert_eq!((status, text(&answer, "error").as_str()), (503, "temporarily_unavailable"));
    assert_eq!(stack.redeem(&client_id, &code, &[]).await.0, 200, "the control");
}

/// What the provider says of this server's own mistakes is the operator's business, not the client's.
#[tokio::test]
async fn the_providers_errors_are_translated() {
    let stack = Stack::start().await;
    let client_id = stack.register("Test").await;
    for (theirs, ours) in [
        ("access_denied", "access_denied"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("invalid_scope", "server_error"),
        ("something new", "server_error"),
    ] {
        let mut browser = Person::default();
        let page = stack.approve(&mut browser, &client_id).await;
        let state = params_of(page.location())["state"].clone();
        let mut back: url::Url = stack.url("/auth/callback").parse().expect("a URL");
        let described = [("error", theirs), ("error_description", "secret detail"), ("state", &state)];
        back.query_pairs_mut().extend_pairs(described);
        let answer = params_of(browser.get(back.as_str()).await.location());
        assert_eq!(answer["error"], ours);
        assert!(!answer.values().any(|value| value.contains("secret detail")), "{answer:?}");
        assert_eq!(answer["state"], "the client's state");
    }
}

/// A deployment whose two halves disagree about the audience says so at sign-in, not in an endless loop of 401.
#[tokio::test]
async fn a_token_that_this_server_would_refuse_is_not_handed_out() {
    let audience = [("VALIDIBOT_OAUTH_RESOURCE_AUDIENCE", "https://other.example/mcp")];
    let stack = Stack::with(2, &audience, validibot_mcp::base::outbound::Outbound::default()).await;
    let client_id = stack.register("Test").await;
    let code = stack.code(&mut Person::default(), &client_id).await;
    let (status, answer) = stack.redeem(&client_id, &code, &[]).await;
    assert_eq!((status, text(&answer, "error").as_str()), (500, "server_error"));
}
