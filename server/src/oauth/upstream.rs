//! Validibot's OpenID provider, towards which this server is a confidential client (contract, section c).

use std::time::Duration;

use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::base::http_body;
use crate::base::json;
use crate::base::trouble;
use crate::config::{OauthSettings, Reach, Settings};

/// The whole exchange.
const DEADLINE: Duration = Duration::from_secs(15);
/// Far above a token answer.
const MAX_BODY_BYTES: usize = 64 * 1024;

pub(super) struct Upstream {
    authorization_endpoint: Url,
    token_endpoint: Url,
    revocation_endpoint: Url,
    client_id: String,
    client_secret: SecretString,
    callback: String,
    resource: String,
    reach: Reach,
    http: reqwest::Client,
}

/// A token answer (RFC 6749, section 5.1).
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: SecretString,
    token_type: String,
    pub(super) expires_in: Option<u64>,
    pub(super) refresh_token: Option<SecretString>,
    pub(super) scope: Option<String>,
}

/// Why there are no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum UpstreamError {
    /// Validibot says that the code or refresh token is not good: the only answer that ends a session.
    #[error("refused")]
    Refused,
    /// No answer, or none that says anything about the code or refresh token. The log has the line.
    #[error("unavailable")]
    Unavailable,
}

impl Upstream {
    pub(super) fn new(settings: &Settings, oauth: &OauthSettings, http: reqwest::Client) -> Self {
        let base = settings.base_url.as_str();
        Self {
            authorization_endpoint: oauth.authorization_endpoint.clone(),
            token_endpoint: oauth.token_endpoint.clone(),
            revocation_endpoint: oauth.revocation_endpoint.clone(),
            client_id: oauth.client_id.clone(),
            client_secret: oauth.client_secret.clone(),
            callback: format!("{base}/auth/callback"),
            resource: format!("{base}/mcp"),
            reach: oauth.reach.clone(),
            http,
        }
    }

    /// Where the browser goes to sign in.
    pub(super) fn authorization_url(&self, scope: &str, state: &str, challenge: &str) -> Url {
        let mut url = self.authorization_endpoint.clone();
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.callback),
            ("scope", scope),
            ("state", state),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("resource", &self.resource),
        ]);
        url
    }

    /// Redeems a code, which works once.
    pub(super) async fn redeem(&self, code: &str, verifier: &str) -> Result<Tokens, UpstreamError> {
        self.tokens(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier),
        ])
        .await
    }

    /// Uses up a refresh token for new tokens.
    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<Tokens, UpstreamError> {
        self.tokens(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// Revokes a refresh token (RFC 7009). Validibot does not say whether it knew it.
    pub(super) async fn revoke(&self, refresh_token: &str) -> Result<(), UpstreamError> {
        let form = [("token", refresh_token), ("token_type_hint", "refresh_token")];
        let response = self.post(&self.revocation_endpoint, &form).await?;
        if response.status().is_success() { Ok(()) } else { Err(self.explain(response).await) }
    }

    async fn tokens(&self, form: &[(&str, &str)]) -> Result<Tokens, UpstreamError> {
        let response = self.post(&self.token_endpoint, form).await?;
        if response.status() != StatusCode::OK {
            return Err(self.explain(response).await);
        }
        let body = http_body::read(response, MAX_BODY_BYTES).await.ok();
        let tokens = body.and_then(|body| json::document::<Tokens>(&body).ok());
        tokens.filter(|tokens| tokens.token_type.eq_ignore_ascii_case("bearer")).ok_or_else(|| {
            tracing::error!(
                "sign-in: {} answered 200 with something that is no token answer",
                self.token_endpoint
            );
            UpstreamError::Unavailable
        })
    }

    async fn post(&self, url: &Url, form: &[(&str, &str)]) -> Result<reqwest::Response, UpstreamError> {
        let credentials =
            [("client_id", self.client_id.as_str()), ("client_secret", self.client_secret.expose_secret())];
        let form: Vec<(&str, &str)> = form.iter().chain(&credentials).copied().collect();
        let request = self.reach.say(url, self.http.post(url.clone())).form(&form);
        request.timeout(DEADLINE).send().await.map_err(|error| {
            let reason = trouble::reason(&error);
            tracing::warn!("sign-in: {url} could not be asked: {reason}; clients are told to try again");
            UpstreamError::Unavailable
        })
    }

    /// Tells the refusal of what was sent from every other trouble.
    async fn explain(&self, response: reqwest::Response) -> UpstreamError {
        #[derive(Deserialize)]
        struct Failure {
            error: String,
        }
        let status = response.status();
        let url = response.url().clone();
        let body = http_body::read(response, MAX_BODY_BYTES).await.unwrap_or_default();
        let error = json::document::<Failure>(&body).map(|failure| failure.error).unwrap_or_default();
        match (status, error.as_str()) {
            (StatusCode::BAD_REQUEST, "invalid_grant") => return UpstreamError::Refused,
            (_, "invalid_client" | "unauthorized_client") => tracing::error!(
                "sign-in: {url} refuses this server itself ({error}): check VALIDIBOT_OAUTH_CLIENT_ID and \
                 VALIDIBOT_OAUTH_CLIENT_SECRET against Validibot's IDP_OIDC_MCP_SERVER_* settings"
            ),
            // The name of an OAuth error is safe to log; anything else may hold anything.
            (
                _,
                "invalid_request"
                | "invalid_scope"
                | "unsupported_grant_type"
                | "invalid_target"
                | "server_error",
            ) => {
                tracing::error!("sign-in: {url} answered HTTP {} ({error})", status.as_u16());
            }
            _ => tracing::warn!(
                "sign-in: {url} answered HTTP {}; clients are told to try again",
                status.as_u16()
            ),
        }
        UpstreamError::Unavailable
    }
}
