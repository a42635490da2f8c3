//! The provider's metadata and its public key.

use http::{StatusCode, header};
use serde_json::json;

use super::clients::SCOPES;
use crate::answer::Answer;
use crate::api::Call;
use crate::version::Version;

/// OpenID Connect Discovery and RFC 8414, each at its own path.
pub(crate) fn document(call: &Call<'_>) -> Answer {
    let issuer = call.state.oidc.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    // Registration of clients is another thing that 0.16 brought; it is not played, and so not announced.
    let newer = call.state.version() == Version::V0_16;
    let mut body = if call.head.uri.path().ends_with("openid-configuration") {
        json!({
            "authorization_endpoint": at("/identity/o/authorize"),
            "revocation_endpoint": at("/identity/o/api/revoke"),
            "token_endpoint": at("/identity/o/api/token"),
            "userinfo_endpoint": at("/identity/o/api/userinfo"),
            "jwks_uri": at("/.well-known/jwks.json"),
            "issuer": issuer,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    } else {
        json!({
            "issuer": issuer,
            "authorization_endpoint": at("/identity/o/authorize"),
            "token_endpoint": at("/identity/o/api/token"),
            "revocation_endpoint": at("/identity/o/api/revoke"),
            "jwks_uri": at("/.well-known/jwks.json"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "scopes_supported": SCOPES,
            "token_endpoint_auth_methods_supported": if newer {
                json!(["client_secret_basic", "client_secret_post", "none"])
            } else {
                json!(["none", "client_secret_post"])
            },
            "code_challenge_methods_supported": ["S256"],
        })
    };
    if newer {
        // RFC 9207, section 3 (contract of 0.16, A2).
        body["authorization_response_iss_parameter_supported"] = true.into();
    }
    public(Answer::json(StatusCode::OK, &body))
}

/// The metadata of Validibot's own MCP server (RFC 9728), which only a licensed 0.16 has (contract of 0.16, A2).
pub(crate) fn resource(call: &Call<'_>) -> Answer {
    let oidc = &call.state.oidc;
    let body = json!({
        "resource": oidc.resource(),
        "authorization_servers": [oidc.issuer()],
        "scopes_supported": ["validibot:mcp"],
        "bearer_methods_supported": ["header"],
    });
    Answer::json(StatusCode::OK, &body)
}

/// One key: there is no overlap when it is rotated.
pub(crate) fn jwks(call: &Call<'_>) -> Answer {
    let key = call.state.oidc.key();
    public(Answer::json(StatusCode::OK, &json!({ "keys": [key.jwk()] })))
}

/// Any web page may read it.
fn public(answer: Answer) -> Answer {
    answer.with(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
}
