//! `POST /revoke`: a client gives its refresh token back (RFC 7009). Public clients can, with their client id alone.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Oauth;
use super::artifacts::{Refresh, fingerprint};
use super::error::OauthError;
use super::params::Params;
use crate::caller::has_jwt_form;

pub(super) async fn revoke(
    State(oauth): State<Arc<Oauth>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OauthError> {
    let params =
        Params::of_form(&headers, body).map_err(|error| OauthError::invalid_request(error.to_string()))?;
    let client_id =
        params.get("client_id").ok_or_else(|| OauthError::invalid_request("client_id is missing"))?;
    let token = params.get("token").ok_or_else(|| OauthError::invalid_request("token is missing"))?;
    if !oauth.clients.is_known(client_id) {
        return Err(OauthError::invalid_client());
    }
    if has_jwt_form(token) {
        // Validibot's access tokens end by themselves, within the hour, and nothing ends them before.
        let text = "access tokens cannot be revoked: they expire. Revoke the refresh token";
        return Err(OauthError::new(StatusCode::BAD_REQUEST, "unsupported_token_type", text));
    }
    // A token that is not good any more is as gone as it can be (RFC 7009, section 2.2).
    if let Ok(refresh) = oauth.seal.open::<Refresh>(token, oauth.clock.unix()) {
        if refresh.client != fingerprint(client_id) {
            return Err(OauthError::invalid_grant("the token was issued to another client"));
        }
        oauth.refreshes.forget(&refresh.upstream).await;
        oauth.upstream.revoke(&refresh.upstream).await.map_err(|_| OauthError::temporarily_unavailable())?;
    }
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response())
}
