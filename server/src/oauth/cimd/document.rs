//! What a metadata document has to say.

use serde::Deserialize;
use serde_json::Value;

use super::DocumentError;
use crate::base::json;
use crate::config::redirect_uri::{AppSchemes, RedirectUri};
use crate::oauth::display_name::clean_name;

/// The part of a metadata document that a sign-in needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::oauth) struct Document {
    /// What the client calls itself; a name that is empty or too long to show counts as none.
    pub(in crate::oauth) name: Option<String>,
    /// The redirect URIs that a client may have here; at least one.
    pub(in crate::oauth) redirect_uris: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    /// What the client can do besides; the method above is the one that it prefers.
    token_endpoint_auth_methods_supported: Option<Value>,
    client_secret: Option<serde::de::IgnoredAny>,
}

/// Longer names push the decision off the page.
const MAX_NAME_CHARS: usize = 80;

impl Document {
    /// Reads the document that was fetched for the client `id`.
    pub(super) fn parse(body: &[u8], id: &str, schemes: &AppSchemes) -> Result<Self, DocumentError> {
        let metadata: Metadata = json::document(body)
            .map_err(|_| DocumentError::Unusable("it is not the JSON of a client's metadata"))?;
        if metadata.client_id != id {
            return Err(DocumentError::Unusable("its client_id is not the address that it was fetched from"));
        }
        // A secret in a public document is none, and we have no way to check a key. A client that prefers one and can go
        // without is a public client here: PKCE guards its codes.
        let preferred = metadata.token_endpoint_auth_method;
        let offered = metadata.token_endpoint_auth_methods_supported;
        let offers_none = offered
            .as_ref()
            .and_then(Value::as_array)
            .is_some_and(|methods| methods.iter().any(|method| method == "none"));
        if metadata.client_secret.is_some()
            || !(offers_none || preferred.is_none_or(|method| method == "none"))
        {
            return Err(DocumentError::Unusable("none of its authentication methods is none"));
        }
        let redirect_uris: Vec<String> = metadata
            .redirect_uris
            .into_iter()
            .filter(|uri| RedirectUri::parse(uri, schemes).is_ok())
            .collect();
        if redirect_uris.is_empty() {
            return Err(DocumentError::Unusable("it has no redirect URI that is allowed here"));
        }
        let name = metadata.client_name.map(|name| clean_name(&name));
        let name = name.filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS);
        Ok(Self { name, redirect_uris })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "https://client.example/metadata.json";

    fn parse(text: &str) -> Result<Document, DocumentError> {
        Document::parse(text.as_bytes(), ID, &AppSchemes::default())
    }

    #[test]
    fn claude_codes_document_is_good() {
        let text = r#"{"client_id":"https://client.example/metadata.json","client_name":"Claude Code",
            "redirect_uris":["http://localhost/callback","http://127.0.0.1/callback","javascript:alert(1)"],
            "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}"#;
        let document = parse(text).expect("good");
        assert_eq!(document.name.as_deref(), Some("Claude Code"));
        assert_eq!(document.redirect_uris, ["http://localhost/callback", "http://127.0.0.1/callback"]);
    }

    #[test]
    fn a_client_that_can_go_without_a_key_is_a_public_one() {
        let with = |methods: &str| {
            parse(&format!(
                r#"{{"client_id":"{ID}","redirect_uris":["https://client.example/connector/oauth/abc"],
                "token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_methods_supported":{methods},
                "jwks":{{"keys":[]}}}}"#
            ))
        };
        assert!(with(r#"["none","private_key_jwt"]"#).is_ok());
        for methods in [r#"["private_key_jwt"]"#, "[]", r#""none""#, "null"] {
            assert!(matches!(with(methods), Err(DocumentError::Unusable(_))), "{methods}");
        }
        let secret = r#"{"client_id":"https://client.example/metadata.json","client_secret":"x",
            "redirect_uris":["https://a.example/cb"],"token_endpoint_auth_methods_supported":["none"]}"#;
        assert!(parse(secret).is_err(), "a secret in a public document");
    }

    #[test]
    fn a_document_of_another_client_or_with_a_secret_is_not() {
        for text in [
            r#"{"client_id":"https://client.example/metadata","redirect_uris":["https://a.example/cb"]}"#,
            r#"{"client_id":"https://client.example/metadata.json","redirect_uris":[]}"#,
            r#"{"client_id":"https://client.example/metadata.json","redirect_uris":["javascript:alert(1)"]}"#,
            r#"{"client_id":"https://client.example/metadata.json"}"#,
            r#"{"client_id":"https://client.example/metadata.json","redirect_uris":["https://a.example/cb"],
                "token_endpoint_auth_method":"client_secret_post"}"#,
            r#"{"client_id":"https://client.example/metadata.json","redirect_uris":["https://a.example/cb"],
                "client_secret":"x"}"#,
            "<html>",
        ] {
            assert!(matches!(parse(text), Err(DocumentError::Unusable(_))), "{text}");
        }
    }
}
