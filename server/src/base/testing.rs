//! What the unit tests stand on: objects from literals, and an issuer of tokens on loopback.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Copies of a JSON object with one member more, by which it would cost much more than its bytes.
pub(crate) fn spoilt(object: &str) -> [String; 3] {
    let begun = object.strip_suffix('}').expect("an object");
    let hidden = |key: &str| format!(r#"{{"{key}":"[[1],[1]]"}}"#);
    [
        hidden("$serde_json::private::RawValue"),
        hidden(r"\u0024serde_json::private::RawVal\u0075e"),
        format!("[{}[]]", "[],".repeat(100_000)),
    ]
    .map(|more| format!(r#"{begun},"more":{more}}}"#))
}

/// The object that a literal is.
pub(crate) fn object(literal: Value) -> Map<String, Value> {
    let Value::Object(object) = literal else { panic!("{literal} is no object") };
    object
}

/// An RSA key that signs tokens.
pub(crate) struct Signer {
    pub(crate) kid: String,
    pair: RsaKeyPair,
}

/// Making an RSA key takes a tenth of a second: two are enough for every test.
pub(crate) static SIGNERS: LazyLock<[Signer; 2]> = LazyLock::new(|| [Signer::new("one"), Signer::new("two")]);

impl Signer {
    fn new(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key") }
    }

    pub(crate) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA", "kid": self.kid, "key_ops": ["verify"],
            "n": part(public.modulus().big_endian_without_leading_zero()),
            "e": part(public.exponent().big_endian_without_leading_zero()),
        })
    }

    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.pair.public_key().modulus().big_endian_without_leading_zero().to_vec()
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The first two parts of a JWT.
pub(crate) fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A JWKS endpoint on loopback that counts its visitors.
pub(crate) struct KeyServer {
    pub(crate) address: SocketAddr,
    pub(crate) visits: Arc<AtomicUsize>,
    pub(crate) down: Arc<AtomicBool>,
    pub(crate) keys: Arc<Mutex<Vec<Value>>>,
}

impl KeyServer {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let visits = Arc::new(AtomicUsize::new(0));
        let down = Arc::new(AtomicBool::new(false));
        let keys = Arc::new(Mutex::new(keys));
        let answer = {
            let (visits, down, keys) = (visits.clone(), down.clone(), keys.clone());
            move || {
                visits.fetch_add(1, Ordering::SeqCst);
                let response = if down.load(Ordering::SeqCst) {
                    StatusCode::SERVICE_UNAVAILABLE.into_response()
                } else {
                    Json(json!({ "keys": *keys.lock().expect("unpoisoned") })).into_response()
                };
                std::future::ready(response)
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router: Router = Router::new().route("/.well-known/jwks.json", get(answer));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, visits, down, keys }
    }

    pub(crate) fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}
