//! `POST /token`: codes and refresh tokens become access tokens (RFC 6749, sections 4.1.3 and 6).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::artifacts::{Code, Refresh, fingerprint};
use super::error::OauthError;
use super::params::Params;
use super::upstream::{Tokens, UpstreamError};
use super::{Oauth, pkce, resource, scope};
use crate::caller::BadToken;

/// How long a refresh token that is not used stays good: 90 days. Each use gives a new one.
const REFRESH_SECONDS: u64 = 90 * 24 * 3600;

/// What a client receives.
#[derive(Clone)]
pub(super) struct Grant {
    access_token: SecretString,
    /// When the access token ends, in seconds since the Unix epoch, where Validibot said so.
    expires: Option<u64>,
    refresh_token: Option<SecretString>,
    scope: String,
}

pub(super) async fn token(
    State(oauth): State<Arc<Oauth>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OauthError> {
    let params =
        Params::of_form(&headers, body).map_err(|error| OauthError::invalid_request(error.to_string()))?;
    let client_id =
        params.get("client_id").ok_or_else(|| OauthError::invalid_request("client_id is missing"))?;
    if !oauth.clients.is_known(client_id) {
        return Err(OauthError::invalid_client());
    }
    if !params.all("resource").all(|resource| resource::is_ours(&oauth.base, resource)) {
        return Err(OauthError::invalid_target());
    }
    let grant = match params.get("grant_type") {
        Some("authorization_code") => redeem(&oauth, client_id, &params).await?,
        Some("refresh_token") => refresh(&oauth, client_id, &params).await?,
        Some(_) => {
            let text = "grant_type has to be authorization_code or refresh_token";
            return Err(OauthError::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", text));
        }
        None => return Err(OauthError::invalid_request("grant_type is missing")),
    };
    Ok(grant.answer(oauth.clock.unix()))
}

async fn redeem(oauth: &Oauth, client_id: &str, params: &Params) -> Result<Grant, OauthError> {
    let code = params.get("code").ok_or_else(|| OauthError::invalid_request("code is missing"))?;
    let verifier = params
        .get("code_verifier")
        .ok_or_else(|| OauthError::invalid_request("code_verifier is missing: PKCE is required"))?;
    let code = oauth
        .seal
        .open::<Code>(code, oauth.clock.unix())
        .map_err(|_| OauthError::invalid_grant("the code is unknown or has expired"))?;
    // All of ours first: Validibot's code inside is used up by the first try.
    if code.client != fingerprint(client_id) {
        return Err(OauthError::invalid_grant("the code was issued to another client"));
    }
    let redirect = params.get("redirect_uri").map(fingerprint);
    if code.redirect.is_some() && code.redirect != redirect {
        return Err(OauthError::invalid_grant("redirect_uri is not the one of the authorization request"));
    }
    if !pkce::verifies(verifier, &code.challenge) {
        return Err(OauthError::invalid_grant("code_verifier does not match the code_challenge"));
    }
    let tokens =
        oauth.upstream.redeem(&code.upstream, &code.verifier).await.map_err(|error| match error {
            UpstreamError::Refused => OauthError::invalid_grant("the code was used before or has expired"),
            UpstreamError::Unavailable => OauthError::temporarily_unavailable(),
        })?;
    // A token that this server would refuse helps nobody: say so now, where the log can tell why.
    match oauth.access_tokens.verify(&tokens.access_token).await {
        Ok(_) | Err(BadToken::CannotTell) => {}
        Err(bad) => {
            tracing::error!(
                "sign-in: Validibot issued an access token that this server has to refuse: {bad}"
            );
            let text = "the access token that was issued is not good for this server: tell its operator";
            return Err(OauthError::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text));
        }
    }
    Ok(oauth.grant(tokens, code.client, code.scope, None))
}

async fn refresh(oauth: &Arc<Oauth>, client_id: &str, params: &Params) -> Result<Grant, OauthError> {
    let token =
        params.get("refresh_token").ok_or_else(|| OauthError::invalid_request("refresh_token is missing"))?;
    let refresh = oauth
        .seal
        .open::<Refresh>(token, oauth.clock.unix())
        .map_err(|_| OauthError::invalid_grant("the refresh token is unknown or has expired"))?;
    if refresh.client != fingerprint(client_id) {
        return Err(OauthError::invalid_grant("the refresh token was issued to another client"));
    }
    let wanted = params.get("scope").unwrap_or_default();
    if !scope::within(wanted, &refresh.scope, oauth.required_scope.as_deref()) {
        let text = "a refresh cannot ask for more than was granted";
        return Err(OauthError::new(StatusCode::BAD_REQUEST, "invalid_scope", text));
    }
    oauth.refreshes.refresh(oauth, refresh).await
}

impl Oauth {
    /// Turns Validibot's answer into ours. `kept` is the refresh token that stays good where no new one came.
    pub(super) fn grant(&self, tokens: Tokens, client: String, scope: String, kept: Option<String>) -> Grant {
        let now = self.clock.unix();
        let scope = tokens.scope.unwrap_or(scope);
        let upstream = tokens.refresh_token.map(|token| token.expose_secret().to_owned()).or(kept);
        let refresh_token = upstream.map(|upstream| {
            let refresh = Refresh { upstream, client, scope: scope.clone() };
            SecretString::from(self.seal.seal_until(&refresh, now + REFRESH_SECONDS))
        });
        let expires = tokens.expires_in.map(|seconds| now.saturating_add(seconds));
        Grant { access_token: tokens.access_token, expires, refresh_token, scope }
    }
}

impl Grant {
    fn answer(self, now: u64) -> Response {
        let mut body = json!({
            "access_token": self.access_token.expose_secret(),
            "token_type": "Bearer",
            "scope": self.scope,
        });
        if let Some(expires) = self.expires {
            // A remembered grant is up to a minute old.
            body["expires_in"] = expires.saturating_sub(now).into();
        }
        if let Some(refresh_token) = &self.refresh_token {
            body["refresh_token"] = refresh_token.expose_secret().into();
        }
        ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}
