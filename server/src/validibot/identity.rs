//! How this server proves itself to Validibot (contract, section b).

mod claims;
mod google;

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

use self::claims::Claims;
use self::google::GoogleIdentity;
use super::error::ApiError;
use super::sensitive;
use crate::config::ServiceIdentity;

/// The proof that goes with every request.
pub(super) enum Identity {
    /// The header `X-MCP-Service-Key`; no `Authorization` is sent beside it.
    SharedKey(SecretString),
    /// A Google-signed identity token.
    Google(GoogleIdentity),
}

/// What a request was proven with, for the case that Validibot does not accept it.
pub(super) enum Proof {
    /// The shared key.
    SharedKey,
    /// This identity token.
    IdToken(SecretString),
}

impl Identity {
    /// Remembers how; asks nobody.
    pub(super) fn new(settings: &ServiceIdentity) -> Self {
        match settings {
            ServiceIdentity::SharedKey(key) => Self::SharedKey(key.clone()),
            ServiceIdentity::GoogleIdToken { audience } => Self::Google(GoogleIdentity::new(audience)),
        }
    }

    /// The proof for one request. Waits for the metadata server where a token is due.
    pub(super) async fn proof(&self) -> Result<Proof, ApiError> {
        match self {
            Self::SharedKey(_) => Ok(Proof::SharedKey),
            Self::Google(google) => match google.token().await {
                Ok(token) => Ok(Proof::IdToken(token)),
                Err(error) => {
                    tracing::error!(
                        reason = %error,
                        "no identity token: the metadata server gave none for this server's service account"
                    );
                    Err(ApiError::no_identity_token())
                }
            },
        }
    }

    /// The request with its proof.
    pub(super) fn add(&self, request: RequestBuilder, proof: &Proof) -> Result<RequestBuilder, ApiError> {
        match (self, proof) {
            (Self::SharedKey(key), _) => {
                Ok(request.header("X-MCP-Service-Key", sensitive(key.expose_secret())?))
            }
            (Self::Google(_), Proof::IdToken(token)) => {
                Ok(request.header("Authorization", sensitive(&format!("Bearer {}", token.expose_secret()))?))
            }
            (Self::Google(_), Proof::SharedKey) => Err(ApiError::internal()),
        }
    }

    /// Validibot answered 401 and it is not the user's fault. Validibot gives the same answer for all causes, so
    /// the log says what we presented, and which settings have to match it.
    pub(super) fn refused(&self, proof: &Proof) {
        if let (Self::Google(google), Proof::IdToken(token)) = (self, proof) {
            let Claims { aud, email, email_verified } = Claims::read(token.expose_secret());
            tracing::error!(
                aud,
                email,
                email_verified,
                "Validibot does not accept this server's identity token: its MCP_OIDC_AUDIENCE has to equal aud, and \
                 its MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS has to hold email, which has to be verified"
            );
            google.doubt(token);
        } else {
            tracing::error!(
                "Validibot does not accept this server's shared key, or does not know the user: \
                 VALIDIBOT_MCP_SERVICE_KEY has to be the same in its .django and in this server's .mcp"
            );
        }
    }
}
