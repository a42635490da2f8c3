//! How this server proves itself to Coinbase's facilitator: a JWT for each request, good for two minutes, that names
//! the request's method and address (CDP, API key authentication).

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::base::random::{self, SharedRandom};
use crate::config::CdpKey;

/// How long a token is good, in seconds.
const LIFETIME_SECONDS: u64 = 120;

/// Signs tokens with one key.
pub(super) struct CdpSigner {
    id: String,
    pair: Ed25519KeyPair,
    random: SharedRandom,
}

impl CdpSigner {
    /// # Panics
    /// When the two halves of the key do not belong together, which reading the settings has ruled out.
    pub(super) fn new(key: &CdpKey, random: SharedRandom) -> Self {
        let (seed, public) = key.secret.expose_secret().split_at(32);
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).expect("checked when it was read");
        Self { id: key.id.clone(), pair, random }
    }

    /// A token for a POST to this address.
    pub(super) fn token(&self, url: &Url, now: u64) -> SecretString {
        let nonce = random::token::<16>(self.random.as_ref());
        let header = json!({ "alg": "EdDSA", "kid": self.id, "typ": "JWT", "nonce": nonce });
        let claims = json!({
            "sub": self.id,
            "iss": "cdp",
            "aud": ["cdp_service"],
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "uris": [format!("POST {}{}", url.host_str().unwrap_or_default(), url.path())],
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = self.pair.sign(message.as_bytes());
        SecretString::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};
    use secrecy::SecretBox;

    use super::*;
    use crate::base::random::SystemRandom;

    fn key(seed: [u8; 32], public: &[u8]) -> CdpKey {
        let secret: [u8; 64] = [&seed[..], public].concat().try_into().expect("64 bytes");
        CdpKey { id: "organizations/x/apiKeys/y".to_owned(), secret: SecretBox::new(Box::new(secret)) }
    }

    #[test]
    fn a_token_names_the_request_and_verifies() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
        let public = pair.public_key().as_ref();
        let signer = CdpSigner::new(&key([7; 32], public), Arc::new(SystemRandom));
        let url = Url::parse("https://api.cdp.coinbase.com/platform/v2/x402/verify").expect("a URL");
        let token = signer.token(&url, 1000);
        let token = token.expose_secret();
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).expect("it verifies");
        let parts: Vec<Value> = message
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON"))
            .collect();
        assert_eq!(
            (&parts[0]["alg"], &parts[0]["kid"]),
            (&json!("EdDSA"), &json!("organizations/x/apiKeys/y"))
        );
        assert_eq!(parts[1]["uris"], json!(["POST api.cdp.coinbase.com/platform/v2/x402/verify"]));
        assert_eq!((&parts[1]["nbf"], &parts[1]["exp"]), (&json!(1000), &json!(1120)));
        assert_ne!(token, signer.token(&url, 1000).expose_secret(), "each has a nonce of its own");
    }
}
