//! What the fuzz targets see of chain 1.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use jsonwebtoken::Algorithm;

use super::bearer::Bearer;
use super::{Callers, jwks};

/// A bearer, and what a JWT of that text claims, as if its signature were good.
pub(crate) fn token(callers: &Callers, text: &str) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {text}")) {
        headers.insert(AUTHORIZATION, value);
        let _ = Bearer::from_headers(&headers);
    }
    let Some(access_tokens) = callers.access_tokens() else { return };
    if let Ok(verified) = access_tokens.claims_of(text) {
        assert!(verified.subject.bytes().all(|byte| byte.is_ascii_digit()), "a subject goes into a header");
    }
}

/// A key set. Whatever keys it has, each is of one of the two algorithms, none accepts a signature that nobody made, and
/// reading it again gives the same.
pub(crate) fn keys(body: &[u8]) {
    let Some(keys) = jwks::parse(body) else { return };
    let again = jwks::parse(body).expect("it was a set a moment ago");
    assert_eq!(keys.len(), again.len());
    for (kid, key) in keys {
        assert!(matches!(
            (key.name, key.algorithm),
            ("RS256", Algorithm::RS256) | ("ES256", Algorithm::ES256)
        ));
        assert_eq!(again.get(&kid).map(|key| key.thumbprint), Some(key.thumbprint));
        for signature in ["", "AAAA", &"A".repeat(86), &"A".repeat(342)] {
            let good =
                jsonwebtoken::crypto::verify(signature, b"nobody signed this", &key.key, key.algorithm);
            assert!(!good.unwrap_or(false), "{kid} accepts a signature that nobody made");
        }
    }
}
