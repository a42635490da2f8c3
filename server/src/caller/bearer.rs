//! The `Authorization: Bearer` header (RFC 6750, section 2.1).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use secrecy::SecretString;

use super::challenge::Refusal;

/// Longer than any token we know of: Validibot's API tokens have at most 160 characters, its JWTs some 700.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A bearer credential that has the right form; nothing is known of its worth.
pub(crate) struct Bearer(SecretString);

impl Bearer {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(Refusal::Missing)?;
        if values.next().is_some() {
            // Two credentials: choosing one would be a guess that another hop may make differently.
            return Err(Refusal::Malformed);
        }
        let value = value.to_str().map_err(|_| Refusal::Malformed)?;
        let (scheme, token) = value.split_once(' ').ok_or(Refusal::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Missing);
        }
        let token = token.trim();
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.bytes().all(is_token_byte) {
            return Err(Refusal::Malformed);
        }
        Ok(Self(SecretString::from(token)))
    }

    pub(crate) fn into_token(self) -> SecretString {
        self.0
    }
}

/// `b64token` of RFC 6750, section 2.1.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use secrecy::ExposeSecret;

    use super::*;

    fn read(values: &[&str]) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Bearer::from_headers(&headers).map(|bearer| bearer.0.expose_secret().to_owned())
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_the_token_has_one_form() {
        assert_eq!(read(&["Bearer abc"]).as_deref(), Ok("abc"));
        assert_eq!(read(&["bEARER  abc "]).as_deref(), Ok("abc"));
        assert_eq!(read(&[]), Err(Refusal::Missing));
        assert_eq!(read(&["Basic abc"]), Err(Refusal::Missing));
        assert_eq!(read(&["Bearer"]), Err(Refusal::Missing));
        assert_eq!(read(&["Bearer "]), Err(Refusal::Malformed));
        assert_eq!(read(&["Bearer a b"]), Err(Refusal::Malformed));
        assert_eq!(read(&["Bearer a", "Bearer b"]), Err(Refusal::Malformed));
        assert_eq!(read(&[&format!("Bearer {}", "a".repeat(9000))]), Err(Refusal::Malformed));
    }
}
