//! What the fuzz targets see of chain 1.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

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

/// A key set.
pub(crate) fn keys(body: &[u8]) {
    let _ = jwks::parse(body);
}
