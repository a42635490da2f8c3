//! Payments that are not for what we sell: refused here, and nobody else is asked.

use sandbox::fixtures;
use serde_json::{Value, json};
use suite::mcp::Era;
use suite::post::{Framing, Post, call};

use crate::{Stack, challenged, nonce, now, order, payment, terms, validate};

/// A payment that is wrong in one place.
fn wrong(terms: &Value, pointer: &str, value: Value) -> Value {
    let mut payment = payment(terms);
    *payment.pointer_mut(pointer).expect("it is there") = value;
    payment
}

#[tokio::test]
async fn what_is_not_for_what_we_sell_is_refused_without_asking_the_facilitator() {
    let stack = Stack::start().await;
    let client = stack.client();
    let ours = terms(&client, &order()).await;
    let other = json!("0x1111111111111111111111111111111111111111");
    let signed = |field: &str| format!("/payload/authorization/{field}");
    let mut cheaper = payment(&ours);
    cheaper["accepted"]["amount"] = "1".into();
    cheaper["payload"]["authorization"]["value"] = "1".into();
    let mut elsewhere = payment(&ours);
    elsewhere["accepted"]["payTo"] = other.clone();
    elsewhere["payload"]["authorization"]["to"] = other.clone();
    let payments = [
        ("its own cheaper terms", "invalid_payment_requirements", cheaper),
        ("its own payee", "invalid_payment_requirements", elsewhere),
        ("another amount", "value_mismatch", wrong(&ours, &signed("value"), json!("99999"))),
        ("more", "value_mismatch", wrong(&ours, &signed("value"), json!("100001"))),
        ("another asset", "invalid_payment_requirements", wrong(&ours, "/accepted/asset", other.clone())),
        (
            "another network",
            "invalid_payment_requirements",
            wrong(&ours, "/accepted/network", json!("eip155:8453")),
        ),
        ("another recipient", "recipient_mismatch", wrong(&ours, &signed("to"), other)),
        ("expired", "valid_before", wrong(&ours, &signed("validBefore"), json!((now() - 1).to_string()))),
        (
            "not yet valid",
            "valid_after",
            wrong(&ours, &signed("validAfter"), json!((now() + 60).to_string())),
        ),
        (
            "for too long",
            "valid_before",
            wrong(&ours, &signed("validBefore"), json!((now() + 90_000).to_string())),
        ),
        ("a short nonce", "invalid_payload", wrong(&ours, &signed("nonce"), json!("0x01"))),
        ("another version", "invalid_payload", wrong(&ours, "/x402Version", json!(1))),
        ("no object", "invalid_payload", json!("payment")),
    ];
    for (what, reason, payment) in payments {
        let result = validate(&client, &order(), Some(&payment)).await.result();
        assert_eq!(challenged(&result), ours, "{what}: the terms stay ours");
        let error = result["structuredContent"]["error"].as_str().expect("text");
        assert!(error.contains(reason), "{what}: {error}");
    }
    assert_eq!((stack.ledger.asked("/verify"), stack.ledger.asked("/settle")), (0, 0));
    stack.assert_runs_match_money(0);
}

#[tokio::test]
async fn an_authorization_that_was_used_for_something_else_buys_nothing() {
    let stack = Stack::start().await;
    let client = stack.client();
    let ours = terms(&client, &order()).await;
    for (to, value) in [(fixtures::PAY_TO, 1), ("0x1111111111111111111111111111111111111111", 100_000)] {
        let payment = payment(&ours);
        let signed = &payment["payload"]["authorization"];
        let text = |key: &str| signed[key].as_str().expect("text");
        stack.ledger.use_up(text("from"), text("nonce"), to, value);
        let result = validate(&client, &order(), Some(&payment)).await.result();
        challenged(&result);
        let error = result["structuredContent"]["error"].as_str().expect("text");
        assert!(error.contains("nonce_already_used"), "{error}");
    }
    assert!(stack.sandbox.paid_transactions().is_empty(), "no run without money");
    let receipt =
        &validate(&client, &order(), Some(&wrong(&ours, "/payload/authorization/nonce", json!(nonce()))))
            .await
            .result()["_meta"]["x402/payment-response"];
    assert_eq!(receipt["success"], true, "a good one is still taken");
}

/// Anybody may send here: what hides JSON in a string, to be parsed once more, is refused before it is read.
#[tokio::test]
async fn a_request_that_hides_json_in_a_string_is_refused_at_this_door_too() {
    let stack = Stack::start().await;
    let post = Post::new(format!("{}/public-mcp", stack.server.base()), Era::Legacy, Framing::Length);
    for key in ["$serde_json::private::RawValue", "\\u0024serde_json::private::Number"] {
        let body = call(Era::Legacy, "list_workflows", &format!(r#"{{"a":{{"{key}":"[1]"}}}}"#));
        let answer = post.until_done("list_workflows", &body).await;
        assert_eq!((answer.status, &answer.body["error"]), (413, &json!("reserved_key")), "{key}");
    }
}
