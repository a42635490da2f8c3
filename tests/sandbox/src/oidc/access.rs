//! Access tokens and ID tokens, and what an access token opens here.

use http::{StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::grants::Grant;
use crate::answer::{self, Answer};
use crate::api::Call;
use crate::auth;
use crate::jwt::{self, Fields, SigningKey};
use crate::state::State;
use crate::version::Version;

/// The scope that binds a token to the MCP server.
const MCP_SCOPE: &str = "validibot:mcp";

/// A signed access token.
pub(crate) fn token(state: &State, grant: &Grant) -> String {
    let key = state.oidc.key();
    jwt::encode(&header(&key), &claims(state, grant), |input| key.sign(input))
}

/// The header of every token.
pub(crate) fn header(key: &SigningKey) -> Fields {
    fields(json!({ "alg": "RS256", "kid": key.kid(), "typ": "JWT" }))
}

/// An access token's claims. Until 0.15, with the MCP scope the audience is the MCP server's, whatever resource was asked
/// for; without it, and from 0.16 on, the resources that were, as a list, or none (contract of 0.16, C1).
pub(crate) fn claims(state: &State, grant: &Grant) -> Fields {
    let now = state.clock.now().unix_timestamp();
    let mut claims = fields(json!({
        "client_id": grant.client,
        "iss": state.oidc.issuer(),
        "iat": now,
        "exp": now + state.oidc.access_token_seconds(state.version()),
        "jti": Uuid::new_v4().simple().to_string(),
        "token_use": "access",
        "sub": grant.user.to_string(),
        "scope": grant.scopes.join(" "),
    }));
    let forced = state.version() == Version::V0_15;
    if forced && grant.scopes.iter().any(|scope| scope == MCP_SCOPE) {
        claims.insert("aud".to_owned(), state.oidc.clients().resource_audience().into());
    } else if !grant.resources.is_empty() {
        claims.insert("aud".to_owned(), json!(grant.resources));
    }
    claims
}

/// A signed ID token.
pub(crate) fn id_token(state: &State, grant: &Grant, nonce: Option<&str>) -> String {
    let now = state.clock.now().unix_timestamp();
    let mut claims = fields(json!({
        "iss": state.oidc.issuer(),
        "sub": grant.user.to_string(),
        "aud": grant.client,
        "iat": now,
        "exp": now + state.oidc.access_token_seconds(state.version()),
    }));
    if let Some(nonce) = nonce {
        claims.insert("nonce".to_owned(), nonce.into());
    }
    let key = state.oidc.key();
    jwt::encode(&header(&key), &claims, |input| key.sign(input))
}

/// The claims about the user of an access token.
pub(crate) fn userinfo(call: &Call<'_>) -> Result<Answer, Answer> {
    let user = auth::bearer_value(call)
        .and_then(jwt::decode)
        .filter(|token| token.is_signed_by(call.state.oidc.key().public_der()))
        .filter(|token| token.number("exp").is_some_and(|exp| exp > call.state.clock.now().unix_timestamp()))
        .and_then(|token| call.state.world.user(token.text("sub")?.parse().ok()?))
        .ok_or_else(|| {
            answer::detail(StatusCode::UNAUTHORIZED, "The access token is missing or not valid.")
                .with(header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)
        })?;
    let body = json!({
        "sub": user.id.to_string(),
        "email": user.email,
        "email_verified": true,
        "name": user.name,
        "preferred_username": user.email,
    });
    Ok(Answer::json(StatusCode::OK, &body))
}

/// The fields of an object that is written out in the source.
fn fields(object: Value) -> Fields {
    match object {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
