//! How this server proves itself to Validibot (contract, section b).

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

use super::error::ApiError;
use super::sensitive;
use crate::config::ServiceIdentity;

/// The proof that goes with every request.
pub(super) enum Identity {
    /// The header `X-MCP-Service-Key`; no `Authorization` is sent beside it.
    SharedKey(SecretString),
    /// A Google-signed identity token.
    GoogleIdToken,
}

impl Identity {
    pub(super) fn new(settings: &ServiceIdentity) -> Self {
        match settings {
            ServiceIdentity::SharedKey(key) => Self::SharedKey(key.clone()),
            ServiceIdentity::GoogleIdToken { .. } => Self::GoogleIdToken,
        }
    }

    pub(super) fn prove(&self, request: RequestBuilder) -> Result<RequestBuilder, ApiError> {
        match self {
            Self::SharedKey(key) => Ok(request.header("X-MCP-Service-Key", sensitive(key.expose_secret())?)),
            Self::GoogleIdToken => Err(ApiError::no_identity_token()),
        }
    }
}
