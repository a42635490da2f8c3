//! What clients and browsers hold for us, sealed. Field names are short: two of these travel in URLs. What holds a secret has
//! no `Debug`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cookie::Browser;
use crate::seal::Artifact;

/// A dynamic registration: the client id is the registration itself, so none is ever forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registration {
    /// The client's name, as it gave it.
    #[serde(rename = "n")]
    pub(super) name: String,
    #[serde(rename = "r")]
    pub(super) redirect_uris: Vec<String>,
}

impl Artifact for Registration {
    const PURPOSE: &'static str = "oauth client id";
    /// The same registration always gives the same client id.
    const DETERMINISTIC: bool = true;
}

/// A validated authorization request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    /// [`fingerprint`] of the client id, which itself may be too long for `state`.
    #[serde(rename = "c")]
    pub(super) client: String,
    #[serde(rename = "r")]
    pub(super) redirect_uri: String,
    /// Whether the request named the redirect URI, so that the token request has to (RFC 6749, section 4.1.3).
    #[serde(rename = "e")]
    pub(super) redirect_was_given: bool,
    /// The client's own `state`.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    /// The client's S256 challenge.
    #[serde(rename = "p")]
    pub(super) challenge: String,
    /// What Validibot is asked for.
    #[serde(rename = "o")]
    pub(super) scope: String,
}

/// The consent form's hidden field: the request that the page showed, for the browser that was shown it.
#[derive(Serialize, Deserialize)]
pub(super) struct Ticket {
    #[serde(rename = "q")]
    pub(super) request: Request,
    #[serde(rename = "b")]
    pub(super) browser: Browser,
}

impl Artifact for Ticket {
    const PURPOSE: &'static str = "oauth consent";
}

/// The `state` that Validibot carries: an approved request, for the browser that approved it.
#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    #[serde(rename = "q")]
    pub(super) request: Request,
    #[serde(rename = "b")]
    pub(super) browser: Browser,
    /// Our own PKCE verifier towards Validibot.
    #[serde(rename = "v")]
    pub(super) verifier: String,
}

impl Artifact for Login {
    const PURPOSE: &'static str = "oauth login";
}

/// Our authorization code, around Validibot's: that one is redeemed once, so this one is.
#[derive(Serialize, Deserialize)]
pub(super) struct Code {
    /// Validibot's code.
    #[serde(rename = "u")]
    pub(super) upstream: String,
    /// Our PKCE verifier towards Validibot.
    #[serde(rename = "v")]
    pub(super) verifier: String,
    #[serde(rename = "c")]
    pub(super) client: String,
    /// [`fingerprint`] of the redirect URI, where the authorization request named one.
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<String>,
    /// The client's S256 challenge.
    #[serde(rename = "p")]
    pub(super) challenge: String,
    #[serde(rename = "o")]
    pub(super) scope: String,
}

impl Artifact for Code {
    const PURPOSE: &'static str = "oauth code";
}

/// Our refresh token, around Validibot's rotating one.
#[derive(Serialize, Deserialize)]
pub(super) struct Refresh {
    /// Validibot's refresh token.
    #[serde(rename = "u")]
    pub(super) upstream: String,
    #[serde(rename = "c")]
    pub(super) client: String,
    #[serde(rename = "o")]
    pub(super) scope: String,
}

impl Artifact for Refresh {
    const PURPOSE: &'static str = "oauth refresh token";
}

/// SHA-256 in base64url: stands for a longer text that only has to be compared.
pub(super) fn fingerprint(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
