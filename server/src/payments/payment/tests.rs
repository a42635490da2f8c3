//! Payments that are wrong in one way each.

use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::config::{BaseUrl, X402Settings};

pub(in crate::payments) fn settings() -> X402Settings {
    let loopback = BaseUrl::parse("http://127.0.0.1:1").expect("a URL");
    X402Settings {
        pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C".to_owned(),
        network: "eip155:84532".to_owned(),
        chain_id: 84532,
        asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e".to_owned(),
        asset_name: "USDC".to_owned(),
        asset_version: "2".to_owned(),
        facilitator: loopback.clone(),
        cdp_key: None,
        rpc_url: SecretString::from("http://127.0.0.1:1"),
        agent_api_base_url: loopback,
    }
}

const NOW: u64 = 1_800_000_000;

fn terms() -> Requirements {
    Requirements::new(&settings(), 5)
}

fn payload() -> Value {
    json!({
        "x402Version": 2,
        "accepted": terms(),
        "payload": {
            "signature": format!("0x{}", "5e".repeat(65)),
            "authorization": {
                "from": "0x857b06519E91e3A54538791bDbb0E22373e36b66",
                "to": terms().pay_to,
                "value": "50000",
                "validAfter": "0",
                "validBefore": (NOW + 300).to_string(),
                "nonce": format!("0x{}", "f3".repeat(32)),
            },
        },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut payload = payload();
    *payload.pointer_mut(pointer).expect("it is there") = value;
    payload
}

fn check(payload: &Value) -> Result<Time, Mismatch> {
    Payment::read(payload).expect("well formed").check(&terms(), NOW)
}

#[test]
fn a_good_payment_is_good_and_shows_nothing_of_itself() {
    let payment = Payment::read(&payload()).expect("well formed");
    assert_eq!(payment.check(&terms(), NOW), Ok(Time::Enough));
    assert_eq!(payment.payer(), "0x857b06519e91e3a54538791bdbb0e22373e36b66");
    assert_eq!(format!("{payment:?}"), "Payment([redacted])");
    let header = STANDARD.encode(payload().to_string());
    assert_eq!(Payment::from_header(header.as_bytes()).expect("well formed").digest(), payment.digest());
}

#[test]
fn what_was_signed_and_what_was_agreed_on_have_to_be_ours() {
    let field = |name: &str| format!("/payload/authorization/{name}");
    let cheaper = with("/accepted/amount", json!("1"));
    assert_eq!(check(&cheaper), Err(Mismatch::Accepted), "the client's own, cheaper terms");
    let other = json!("0x1111111111111111111111111111111111111111");
    assert_eq!(check(&with(&field("to"), other.clone())), Err(Mismatch::Recipient));
    assert_eq!(check(&with("/accepted/asset", other.clone())), Err(Mismatch::Accepted));
    assert_eq!(check(&with("/accepted/payTo", other)), Err(Mismatch::Accepted));
    assert_eq!(check(&with("/accepted/network", json!("eip155:8453"))), Err(Mismatch::Accepted));
    for value in ["49999", "50001", "0"] {
        assert_eq!(check(&with(&field("value"), json!(value))), Err(Mismatch::Value), "{value}");
    }
    assert_eq!(check(&with(&field("value"), json!("0050000"))), Ok(Time::Enough), "the same number");
    assert_eq!(check(&with(&field("validAfter"), json!((NOW + 1).to_string()))), Err(Mismatch::NotYet));
    let before = |time: u64| check(&with(&field("validBefore"), json!(time.to_string())));
    assert_eq!(before(NOW + 7), Ok(Time::Enough));
    assert_eq!(before(NOW + 6), Ok(Time::Short));
    assert_eq!(before(NOW), Ok(Time::Over));
    assert_eq!(before(NOW + 901), Err(Mismatch::TooLong));
    let huge = with(&field("validBefore"), json!("9".repeat(70)));
    assert_eq!(check(&huge), Err(Mismatch::TooLong));
}

#[test]
fn what_has_another_form_is_malformed() {
    for (pointer, value, expected) in [
        ("/x402Version", json!(1), Malformed::Version),
        ("/accepted", json!([]), Malformed::Part("accepted")),
        ("/payload/signature", json!("5e"), Malformed::Part("signature")),
        ("/payload/authorization/nonce", json!("0xf3"), Malformed::Part("nonce")),
        ("/payload/authorization/from", json!("../../x"), Malformed::Part("from")),
        ("/payload/authorization/value", json!("-1"), Malformed::Part("value")),
        ("/payload/authorization/value", json!("0x1"), Malformed::Part("value")),
        ("/payload/authorization/validBefore", json!(null), Malformed::Part("validBefore")),
    ] {
        assert_eq!(Payment::read(&with(pointer, value)).err(), Some(expected), "{pointer}");
    }
    assert_eq!(Payment::read(&json!("text")).err(), Some(Malformed::Encoding));
    let mut long = payload();
    long["extensions"] = json!({ "x": "x".repeat(20_000) });
    assert_eq!(Payment::read(&long).err(), Some(Malformed::Encoding));
    for header in ["", "!", "bm9uZQ=="] {
        assert_eq!(Payment::from_header(header.as_bytes()).err(), Some(Malformed::Encoding), "{header:?}");
    }
}

#[test]
fn what_goes_to_the_facilitator_is_what_was_checked_and_nothing_beside_it() {
    let mut given = payload();
    given["accepted"]["more"] = json!("x");
    given["resource"] = json!({ "url": "x" });
    given["payload"]["authorization"]["value"] = json!("0050000");
    let sent = Payment::read(&given).expect("well formed").payload(&terms());
    assert_eq!(sent, payload(), "addresses as they were written: their capitals are a checksum");
    // What might be settled in place of what was checked.
    for (place, key, name) in [
        ("/payload", "permit2Authorization", "payload"),
        ("/payload", "transaction", "payload"),
        ("/payload/authorization", "spender", "authorization"),
        ("/accepted/extra", "assetTransferMethod", "accepted.extra"),
    ] {
        let mut given = payload();
        given.pointer_mut(place).expect("it is there")[key] = json!({ "from": "0x1" });
        assert_eq!(Payment::read(&given).err(), Some(Malformed::Members(name)), "{key}");
    }
}
