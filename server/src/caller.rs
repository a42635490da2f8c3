//! Chain 1: who is calling. Every request of `/mcp` passes here first.

mod api_token;
mod bearer;
mod challenge;
mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod jwks;
mod jwt;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

pub(crate) use self::api_token::ApiTokens;
use self::api_token::may_be_api_token;
pub(crate) use self::bearer::Bearer;
pub use self::challenge::Refusal;
pub(crate) use self::fingerprint::Fingerprint;
pub(crate) use self::jwt::{AccessTokens, BadToken, has_jwt_form};
use crate::base::clock::SharedClock;
use crate::config::Settings;

/// Who is calling, as far as this server knows.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A user who signed in: the subject of a verified access token.
    Subject(String),
    /// A user with a Validibot API token, which Validibot accepted.
    ApiToken(SecretString),
    /// Anybody, on the surface where a payment takes the place of an account.
    Public,
    /// A bearer that was not verified: the kill switch is off, and every tool refuses.
    Unchecked,
}

impl Caller {
    /// The kind of caller, for logs: never the identity itself.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Subject(_) => "oauth",
            Self::ApiToken(_) => "api_token",
            Self::Public => "public",
            Self::Unchecked => "unchecked",
        }
    }
}

/// A request extension: how long it took to find out who is calling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthDuration(pub(crate) Duration);

/// The verifiers of chain 1.
pub struct Callers {
    api_tokens: Arc<ApiTokens>,
    /// Where OAuth is on.
    access_tokens: Option<Arc<AccessTokens>>,
}

impl Callers {
    /// Puts the verifiers together; touches no network.
    pub fn new(settings: &Settings, http: reqwest::Client, clock: SharedClock) -> Self {
        let access_tokens = settings
            .oauth
            .as_ref()
            .map(|oauth| Arc::new(AccessTokens::new(oauth, http.clone(), clock.clone())));
        Self { api_tokens: Arc::new(ApiTokens::new(settings, http, clock)), access_tokens }
    }

    /// The verifier of access tokens, where OAuth is on.
    pub(crate) fn access_tokens(&self) -> Option<Arc<AccessTokens>> {
        self.access_tokens.clone()
    }

    /// The verifier of API tokens, for whoever has to find out whose fault a 401 of Validibot is.
    pub(crate) fn api_tokens(&self) -> Arc<ApiTokens> {
        self.api_tokens.clone()
    }

    /// A bearer with the form of a JWT is an access token; one with the form of an API token only Validibot can judge.
    /// Anything else (what this server sealed, a token of another issuer) is neither, and is nobody else's to see.
    pub(crate) async fn verify(&self, token: SecretString, id: Fingerprint) -> Result<Caller, Refusal> {
        if let Some(access_tokens) =
            self.access_tokens.as_ref().filter(|_| token.expose_secret().contains('.'))
        {
            // Before its form is parsed: what has been verified has it.
            if let Some(verified) = access_tokens.remembered(id).await {
                return Ok(Caller::Subject(verified.subject));
            }
            if has_jwt_form(token.expose_secret()) {
                let verified = access_tokens.verify_new(&token, id).await.map_err(|bad| bad.refusal())?;
                return Ok(Caller::Subject(verified.subject));
            }
        }
        if !may_be_api_token(token.expose_secret()) {
            return Err(Refusal::Invalid);
        }
        self.api_tokens.verify(token, id).await
    }
}
