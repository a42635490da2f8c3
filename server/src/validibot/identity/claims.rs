//! What our own identity token says, for the log: decoded without verification, and never the token itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::base::json;

/// Longer is nothing that a claim of ours can be.
const MAX_CHARS: usize = 200;

/// The claims that Validibot judges by, each as text; `missing` where the token does not have it.
pub(super) struct Claims {
    pub(super) aud: String,
    pub(super) email: String,
    pub(super) email_verified: String,
}

impl Claims {
    pub(super) fn read(token: &str) -> Self {
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = payload.and_then(|payload| json::document(&payload).ok()).unwrap_or_default();
        let text = |name: &str| match claims.get(name) {
            None => "missing".to_owned(),
            Some(Value::String(text)) => text.chars().take(MAX_CHARS).collect(),
            Some(other) => other.to_string().chars().take(MAX_CHARS).collect(),
        };
        Self { aud: text("aud"), email: text("email"), email_verified: text("email_verified") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_shown_and_what_is_not_is_called_missing() {
        let payload =
            URL_SAFE_NO_PAD.encode(r#"{"aud":"https://a.example/","email":"mcp@x","email_verified":false}"#);
        let claims = Claims::read(&format!("e30.{payload}.c2ln"));
        assert_eq!(
            (claims.aud.as_str(), claims.email.as_str(), claims.email_verified.as_str()),
            ("https://a.example/", "mcp@x", "false")
        );
        for odd in ["", "a.b.c", "e30.e30.c2ln", "e30"] {
            assert_eq!(Claims::read(odd).aud, "missing", "{odd:?}");
        }
    }
}
