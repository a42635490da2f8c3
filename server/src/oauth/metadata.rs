//! How clients find their way: protected resource (RFC 9728) and authorization server metadata (RFC 8414).
//!
//! Every address comes from the configured base URL, never from a request's `Host`. The issuer is the bare origin
//! without a trailing slash, as clients compare it byte for byte; real clients also look for `/authorize`, `/token` and
//! `/register` at that origin whatever the metadata says.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Oauth, scope};
use crate::base::refusal::HttpRefusal;

/// One hour, as the peers do: the answer changes only with the configuration.
const CACHED: &str = "public, max-age=3600";

/// `GET /.well-known/oauth-protected-resource[/mcp]`. Both say the same: some clients ask at the root only, and compare
/// `resource` with the address that their user typed.
pub(super) async fn protected_resource(State(oauth): State<Arc<Oauth>>) -> Response {
    let base = oauth.base.as_str();
    answer(json!({
        "resource": format!("{base}/mcp"),
        "authorization_servers": [base],
        "scopes_supported": [oauth.base_scope()],
        "bearer_methods_supported": ["header"],
        "resource_name": "Validibot",
        "resource_documentation": "https://docs.validibot.com/api/mcp-integration/",
    }))
}

/// `GET /.well-known/oauth-authorization-server`.
pub(super) async fn authorization_server(State(oauth): State<Arc<Oauth>>) -> Response {
    answer(server(&oauth))
}

/// `GET /.well-known/openid-configuration`: the same, with what OpenID discovery wants besides. Clients that know no
/// RFC 8414 look here.
pub(super) async fn openid_configuration(State(oauth): State<Arc<Oauth>>) -> Response {
    let mut document = server(&oauth);
    document["jwks_uri"] = oauth.jwks_url.as_str().into();
    document["subject_types_supported"] = json!(["public"]);
    document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    answer(document)
}

/// 404 for every other resource and issuer. A document with another issuer than the one in its address must not be used
/// (RFC 8414, section 3.3; the same of resources in RFC 9728), and a client that finds none goes on to the root, where the issuer
/// without a path has it (MCP 2025-11-25, authorization server metadata discovery).
pub(super) async fn elsewhere(State(oauth): State<Arc<Oauth>>) -> Response {
    let base = oauth.base.as_str();
    let description = format!(
        "The issuer is {base}, with its metadata at {base}/.well-known/oauth-authorization-server; the resource is \
         {base}/mcp, with its metadata at {base}/.well-known/oauth-protected-resource/mcp"
    );
    HttpRefusal::new(StatusCode::NOT_FOUND, "not_found", description)
        .at_endpoint(&format!("{base}/mcp"))
        .into_response()
}

fn server(oauth: &Oauth) -> Value {
    let base = oauth.base.as_str();
    json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "registration_endpoint": format!("{base}/register"),
        "revocation_endpoint": format!("{base}/revoke"),
        // `offline_access` stands here and not in the resource's document: clients ask for it where they see it.
        "scopes_supported": [oauth.base_scope(), scope::OFFLINE_ACCESS],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": oauth.clients.take_documents(),
        "protected_resources": [format!("{base}/mcp")],
        "service_documentation": "https://docs.validibot.com/api/mcp-integration/",
    })
}

fn answer(document: Value) -> Response {
    ([(CACHE_CONTROL, CACHED)], Json(document)).into_response()
}
