//! Access tokens as an honest issuer makes them, and as others might.

use std::sync::atomic::Ordering;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::*;
use crate::base::clock::MockClock;
use crate::base::testing::{KeyServer, SIGNERS, message, spoilt};
use crate::config::BaseUrl;

const NOW: u64 = 1_795_388_905;
const FRACTIONAL_NOW: f64 = 1_795_388_905.0;
const ISSUER: &str = "https://app.example";
const AUDIENCE: &str = "https://mcp.example/mcp";

struct World {
    idp: KeyServer,
    clock: Arc<MockClock>,
    tokens: AccessTokens,
}

impl World {
    async fn new() -> Self {
        let idp = KeyServer::start(vec![SIGNERS[0].jwk()]).await;
        let url = |path: &str| format!("http://{}{path}", idp.address).parse().expect("a URL");
        let oauth = OauthSettings {
            reach: crate::config::Reach::default(),
            issuer: BaseUrl::parse(ISSUER).expect("a URL"),
            client_id: "validibot-mcp-server".to_owned(),
            client_secret: "secret".into(),
            authorization_endpoint: url("/authorize"),
            token_endpoint: url("/token"),
            revocation_endpoint: url("/revoke"),
            jwks_url: url("/.well-known/jwks.json"),
            audience: AUDIENCE.to_owned(),
            required_scope: Some("validibot:mcp".to_owned()),
            clients: Vec::new(),
            app_schemes: Vec::new(),
            client_documents: true,
            client_documents_proxy: None,
        };
        let clock = MockClock::at(NOW);
        let tokens = AccessTokens::new(
            &oauth,
            crate::base::http_client::http_client().expect("a client"),
            clock.clone(),
        );
        Self { idp, clock, tokens }
    }

    async fn verify(&self, token: &str) -> Result<String, BadToken> {
        self.tokens.verify(&SecretString::from(token)).await.map(|verified| verified.subject)
    }
}

fn header() -> Value {
    json!({ "alg": "RS256", "kid": "one", "typ": "JWT" })
}

/// What Validibot issues (contract, section c).
fn claims() -> Value {
    json!({
        "client_id": "validibot-mcp-server", "iss": ISSUER, "iat": NOW, "exp": NOW + 3600, "jti": "0123",
        "token_use": "access", "sub": "2", "scope": "openid validibot:mcp", "aud": AUDIENCE,
    })
}

fn with(mut value: Value, key: &str, new: Value) -> Value {
    value[key] = new;
    value
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().expect("an object").remove(key);
    value
}

fn sign(header: &Value, claims: &Value) -> String {
    SIGNERS[0].sign(header, claims)
}

#[tokio::test]
async fn a_token_of_validibot_for_this_server_is_good() {
    let world = World::new().await;
    let token = sign(&header(), &claims());
    assert!(has_jwt_form(&token));
    assert_eq!(world.verify(&token).await, Ok("2".to_owned()));
    assert_eq!(world.verify(&token).await, Ok("2".to_owned()));
    assert_eq!(world.idp.visits(), 1, "the keys are kept");
    let many = with(claims(), "aud", json!(["https://a.example", AUDIENCE]));
    assert_eq!(world.verify(&sign(&header(), &many)).await, Ok("2".to_owned()));
    // RFC 7519, section 2: a NumericDate may have a fraction.
    for times in
        [json!({ "exp": FRACTIONAL_NOW + 0.5 }), json!({ "exp": NOW + 60, "nbf": FRACTIONAL_NOW + 29.5 })]
    {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").extend(times.as_object().expect("an object").clone());
        assert_eq!(world.verify(&sign(&header(), &claims)).await, Ok("2".to_owned()), "{times}");
    }
    for typ in ["at+jwt", "application/AT+JWT", "jwt"] {
        let header = with(header(), "typ", json!(typ));
        assert_eq!(world.verify(&sign(&header, &claims())).await, Ok("2".to_owned()), "{typ}");
    }
    assert_eq!(world.verify(&sign(&without(header(), "typ"), &claims())).await, Ok("2".to_owned()));
}

#[tokio::test]
async fn one_wrong_field_makes_a_good_token_bad() {
    let world = World::new().await;
    let control = sign(&header(), &claims());
    assert_eq!(world.verify(&control).await, Ok("2".to_owned()), "the control");

    for (key, value) in [
        ("iss", json!("https://app.example/")),
        ("iss", json!("https://evil.example")),
        ("aud", json!("https://mcp.example/mcp2")),
        ("aud", json!("https://mcp.example")),
        ("aud", json!(["https://other.example/mcp"])),
        ("aud", json!(7)),
        ("exp", json!(NOW - 31)),
        ("exp", json!(FRACTIONAL_NOW - 30.5)),
        ("exp", json!(-1.5)),
        ("exp", json!("never")),
        ("exp", json!(null)),
        ("nbf", json!("now")),
        ("nbf", json!(NOW + 31)),
        ("token_use", json!("id")),
        ("sub", json!("alice")),
        ("sub", json!("")),
        ("sub", json!("-2")),
        ("sub", json!("9999999999999999999999")),
        ("sub", json!(2)),
    ] {
        let refusal = world.verify(&sign(&header(), &with(claims(), key, value.clone()))).await;
        let refusal = refusal.expect_err(&format!("{key} {value}")).refusal();
        assert_eq!(refusal, Refusal::Invalid, "{key} {value}");
    }
    for key in ["iss", "exp", "sub", "aud"] {
        let bad = world.verify(&sign(&header(), &without(claims(), key))).await.expect_err(key);
        assert_eq!(bad.refusal(), Refusal::Invalid, "no {key}");
    }
    assert_eq!(
        world.verify(&sign(&with(header(), "crit", json!(["b64"])), &claims())).await,
        Err(BadToken::Malformed)
    );
    // RFC 9068, section 4: another kind of token with the same claims is no access token.
    for typ in ["logout+jwt", "secevent+jwt", "application/dpop+jwt", ""] {
        let header = with(header(), "typ", json!(typ));
        assert_eq!(world.verify(&sign(&header, &claims())).await, Err(BadToken::Malformed), "{typ}");
    }
    assert_eq!(
        world.verify(&SIGNERS[1].sign(&header(), &claims())).await,
        Err(BadToken::Signature),
        "foreign key"
    );
    let (rest, _) = control.rsplit_once('.').expect("three parts");
    assert_eq!(world.verify(&format!("{rest}.")).await, Err(BadToken::Signature), "no signature");
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_never_the_tokens_choice() {
    let world = World::new().await;
    let unsigned = format!("{}.", message(&with(header(), "alg", json!("none")), &claims()));
    assert!(has_jwt_form(&unsigned), "an unsecured JWT is judged here, and never sent to Validibot");
    assert_eq!(world.verify(&unsigned).await, Err(BadToken::Algorithm));
    for alg in ["HS256", "RS512", "PS256", "EdDSA", "rs256"] {
        let message = message(&with(header(), "alg", json!(alg)), &claims());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &SIGNERS[0].modulus());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
        assert_eq!(world.verify(&format!("{message}.{signature}")).await, Err(BadToken::Algorithm), "{alg}");
    }
    assert_eq!(world.idp.visits(), 0, "no key is looked for");
    assert_eq!(
        world.verify(&sign(&with(header(), "alg", json!("ES256")), &claims())).await,
        Err(BadToken::Algorithm),
        "an allowed algorithm with a key of another one"
    );
}

#[tokio::test]
async fn a_missing_scope_can_be_mended_and_says_so() {
    let world = World::new().await;
    // Validibot leaves `aud` out when the scope is missing (contract, section c).
    for claims in [
        with(without(claims(), "aud"), "scope", json!("openid")),
        with(claims(), "scope", json!("openid validibot:mcps")),
        without(claims(), "scope"),
    ] {
        let bad = world.verify(&sign(&header(), &claims)).await.expect_err("refused");
        assert_eq!(bad.refusal(), Refusal::InsufficientScope, "{claims}");
    }
}

#[tokio::test]
async fn a_verified_token_ends_with_its_time_and_with_its_key() {
    let world = World::new().await;
    let token = sign(&header(), &claims());
    assert!(world.verify(&token).await.is_ok());
    world.clock.advance(Duration::from_secs(3600 + 29));
    assert!(world.verify(&token).await.is_ok(), "within the leeway");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(&token).await, Err(BadToken::Time));
}

#[tokio::test]
async fn made_up_key_ids_cost_validibot_one_request() {
    let world = World::new().await;
    assert!(world.verify(&sign(&header(), &claims())).await.is_ok());
    assert_eq!(world.idp.visits(), 1);
    let forged: Vec<String> =
        (0..200).map(|n| sign(&with(header(), "kid", json!(format!("made-up-{n}"))), &claims())).collect();
    world.clock.advance(PAUSE_SECONDS);
    let answers = futures_util::future::join_all(forged.iter().map(|token| world.verify(token))).await;
    assert!(answers.iter().all(|answer| *answer == Err(BadToken::UnknownKey)));
    assert_eq!(world.idp.visits(), 2, "one fetch for 200 of them");
}

const PAUSE_SECONDS: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_rotation_is_seen_at_once_and_withdraws_the_old_key() {
    let world = World::new().await;
    let old = sign(&header(), &claims());
    assert!(world.verify(&old).await.is_ok());
    world.clock.advance(PAUSE_SECONDS);
    *world.idp.keys.lock().expect("unpoisoned") = vec![SIGNERS[1].jwk()];
    let new = SIGNERS[1].sign(&with(header(), "kid", json!("two")), &claims());
    assert!(world.verify(&new).await.is_ok());
    assert_eq!(world.verify(&old).await, Err(BadToken::UnknownKey), "verified before, but its key is gone");
    assert_eq!(world.idp.visits(), 2);
}

/// A client throws away a token that was answered 401: a key that was rotated in while Validibot may not be asked must not
/// cost anybody theirs, and whoever makes up key ids must not be able to bring that about.
#[tokio::test]
async fn a_key_that_may_not_be_asked_about_is_not_told_to_be_unknown() {
    let world = World::new().await;
    let made_up = |n: u8| sign(&with(header(), "kid", json!(format!("made-up-{n}"))), &claims());
    assert_eq!(world.verify(&made_up(0)).await, Err(BadToken::UnknownKey), "asked about");
    assert_eq!(world.verify(&made_up(0)).await, Err(BadToken::UnknownKey), "and remembered");
    assert_eq!(world.verify(&made_up(1)).await, Err(BadToken::CannotTell), "never asked about");
    *world.idp.keys.lock().expect("unpoisoned") = vec![SIGNERS[1].jwk()];
    let new = SIGNERS[1].sign(&with(header(), "kid", json!("two")), &claims());
    assert_eq!(world.verify(&new).await, Err(BadToken::CannotTell), "rotated in a moment ago");
    assert_eq!(world.idp.visits(), 1);
    world.clock.advance(PAUSE_SECONDS);
    assert!(world.verify(&new).await.is_ok());
    assert_eq!(
        world.verify(&made_up(0)).await,
        Err(BadToken::UnknownKey),
        "the newer set has no such key either"
    );
    assert_eq!(world.idp.visits(), 2);
}

#[tokio::test]
async fn a_key_that_is_replaced_under_its_id_ends_the_tokens_of_the_old_one() {
    let world = World::new().await;
    let old = sign(&header(), &claims());
    assert!(world.verify(&old).await.is_ok());
    world.clock.advance(PAUSE_SECONDS);
    *world.idp.keys.lock().expect("unpoisoned") = vec![with(SIGNERS[1].jwk(), "kid", json!("one"))];
    let asking = sign(&with(header(), "kid", json!("made-up")), &claims());
    assert_eq!(world.verify(&asking).await, Err(BadToken::UnknownKey), "which fetches the set");
    assert_eq!(world.verify(&old).await, Err(BadToken::Signature));
    assert!(world.verify(&SIGNERS[1].sign(&header(), &claims())).await.is_ok(), "the control");
}

#[tokio::test]
async fn an_outage_spares_warm_instances_and_makes_cold_ones_say_503() {
    let world = World::new().await;
    world.idp.down.store(true, Ordering::SeqCst);
    let token = sign(&header(), &claims());
    let cold = futures_util::future::join_all((0..50).map(|_| world.verify(&token))).await;
    assert!(cold.iter().all(|answer| *answer == Err(BadToken::CannotTell)), "not 401: the token may be good");
    assert_eq!(world.idp.visits(), 1, "and all of them asked once");
    assert_eq!(BadToken::CannotTell.refusal(), Refusal::cannot_tell(None));

    world.idp.down.store(false, Ordering::SeqCst);
    world.clock.advance(Duration::from_secs(2));
    assert!(world.verify(&token).await.is_ok());

    world.idp.down.store(true, Ordering::SeqCst);
    world.clock.advance(Duration::from_mins(30));
    let another = sign(&header(), &with(claims(), "jti", json!("4567")));
    assert!(world.verify(&token).await.is_ok());
    assert!(world.verify(&another).await.is_ok(), "a token never seen before is checked with the old keys");
    let unknown = sign(&with(header(), "kid", json!("two")), &claims());
    assert_eq!(world.verify(&unknown).await, Err(BadToken::CannotTell), "it may be a new key");
}

#[test]
fn what_has_the_form_of_a_jwt() {
    for token in ["", "abc", "a.b", "a.b.c", "abc.def.ghi", "vb_0123456789abcdef", "..", "e30.e30.x"] {
        assert!(!has_jwt_form(token), "{token:?}");
    }
}

#[test]
fn the_parts_of_a_token_cost_no_more_than_their_bytes() {
    let good = r#"{"alg":"RS256"}"#;
    let token = |header: &str| format!("{}.e30.x", URL_SAFE_NO_PAD.encode(header));
    assert!(has_jwt_form(&token(good)));
    assert!(spoilt(good).iter().all(|bad| !has_jwt_form(&token(bad))));
}
