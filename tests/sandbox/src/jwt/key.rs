//! An RSA key that signs tokens, and its public half as a JWK (RFC 7517).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A 2048-bit RSA key.
pub(crate) struct SigningKey {
    pair: KeyPair,
    /// The modulus, base64url.
    n: String,
    /// The exponent, base64url.
    e: String,
    kid: String,
}

impl SigningKey {
    /// A new key. Takes a good part of a second on a slow machine.
    pub(crate) fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the system gives random bytes");
        let [n, e] = components(pair.public_key().as_ref()).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        // RFC 7638: the required members alone, sorted, without spaces.
        let thumbprint = Sha256::digest(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Self { pair, n, e, kid: URL_SAFE_NO_PAD.encode(thumbprint) }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, as Validibot publishes it: with neither `alg` nor `use` (contract, section c).
    pub(crate) fn jwk(&self) -> Value {
        json!({ "kty": "RSA", "key_ops": ["verify"], "n": self.n, "e": self.e, "kid": self.kid })
    }

    /// The public half as PKCS #1 DER.
    pub(crate) fn public_der(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// An RS256 signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("the buffer is as long as the modulus");
        signature
    }
}

/// Modulus and exponent of `RSAPublicKey ::= SEQUENCE { INTEGER, INTEGER }` (RFC 8017, A.1.1), without the
/// zero byte that keeps DER's integers positive.
fn components(der: &[u8]) -> [&[u8]; 2] {
    let (sequence, _) = element(der);
    let (modulus, rest) = element(sequence);
    let (exponent, _) = element(rest);
    [modulus, exponent].map(|integer| integer.strip_prefix(&[0]).unwrap_or(integer))
}

/// The content of the first DER element, and what follows it.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let first = usize::from(der[1]);
    let (length, start) = if first < 0x80 {
        (first, 2)
    } else {
        let end = 2 + (first & 0x7f);
        (der[2..end].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), end)
    };
    der[start..].split_at(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jwk_is_the_public_key() {
        let key = SigningKey::generate();
        let modulus = URL_SAFE_NO_PAD.decode(&key.n).expect("base64url");
        assert_eq!((modulus.len(), modulus[0] >= 0x80, key.e.as_str()), (256, true, "AQAB"));
        let jwk = key.jwk();
        let names: Vec<&String> = jwk.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["kty", "key_ops", "n", "e", "kid"]);
        assert_eq!(key.kid().len(), 43);
    }
}
