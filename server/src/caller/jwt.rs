//! Access tokens: JWTs that Validibot issued for this server (RFC 9068 in spirit; contract, section c).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use super::challenge::Refusal;
use super::fingerprint::Fingerprint;
use super::jwks::{Jwks, NoKey, Thumbprint};
use crate::base::clock::SharedClock;
use crate::base::json;
use crate::config::OauthSettings;

/// How far Validibot's clock and ours may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// Bounds the memory of verified tokens, at about 200 bytes an entry.
const MAX_ENTRIES: u64 = 10_000;
/// Above the digits of any user id that a database has.
const MAX_SUBJECT_DIGITS: usize = 18;

/// Verifies access tokens, and remembers the good ones until they expire.
pub(crate) struct AccessTokens {
    issuer: String,
    audience: String,
    required_scope: Option<String>,
    keys: Arc<Jwks>,
    verified: Cache<Fingerprint, Verified>,
    clock: SharedClock,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The user.
    pub(crate) subject: String,
    /// When it ends, in seconds since the Unix epoch.
    expires: u64,
    /// Which key signed it: its id may come to mean another one.
    kid: String,
    signer: Thumbprint,
}

/// Why a token is not good. The client is told less; the log may say this.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BadToken {
    #[error("it is not a signed JWT with the claims of an access token")]
    Malformed,
    #[error("its algorithm is not the one of its key (RS256 or ES256)")]
    Algorithm,
    #[error("its signing key is not one of Validibot's")]
    UnknownKey,
    #[error("its signature does not verify")]
    Signature,
    #[error("its iss is {found:?}, expected {expected:?}: check VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL")]
    Issuer { found: String, expected: String },
    #[error(
        "its aud is {found:?}, expected {expected:?}: check VALIDIBOT_OAUTH_RESOURCE_AUDIENCE and IDP_OIDC_MCP_RESOURCE_AUDIENCE"
    )]
    Audience { found: Vec<String>, expected: String },
    #[error("it has expired, or is not good yet")]
    Time,
    #[error("it lacks the scope {0}")]
    Scope(String),
    #[error("its sub is not a user id")]
    Subject,
    #[error("Validibot's keys could not be fetched")]
    CannotTell,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that a verifier has to understand (RFC 7515, section 4.1.11): we understand none.
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(deserialize_with = "numeric_date")]
    exp: u64,
    #[serde(default, deserialize_with = "optional_numeric_date")]
    nbf: Option<u64>,
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    scope: String,
    token_use: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
    #[default]
    Absent,
}

impl AccessTokens {
    pub(crate) fn new(oauth: &OauthSettings, http: reqwest::Client, clock: SharedClock) -> Self {
        Self {
            issuer: oauth.issuer.as_str().to_owned(),
            audience: oauth.audience.clone(),
            required_scope: oauth.required_scope.clone(),
            keys: Arc::new(Jwks::new(oauth.jwks_url.clone(), oauth.reach.clone(), http, clock.clone())),
            verified: Cache::new(MAX_ENTRIES),
            clock,
        }
    }

    /// Who the token speaks for.
    pub(crate) async fn verify(&self, token: &SecretString) -> Result<Verified, BadToken> {
        let id = Fingerprint::of(token);
        match self.remembered(id).await {
            Some(verified) => Ok(verified),
            None => self.verify_new(token, id).await,
        }
    }

    /// What is known of a token that was verified before, if it is still good.
    pub(super) async fn remembered(&self, id: Fingerprint) -> Option<Verified> {
        let verified = self.verified.get(&id).await?;
        // Asked on every request: this is also what keeps the keys fresh, and what ends the trust in a token whose key
        // Validibot has withdrawn.
        if self.still_good(&verified) {
            let key = self.keys.key(&verified.kid).await;
            if key.is_ok_and(|key| key.thumbprint == verified.signer) {
                return Some(verified);
            }
        }
        self.verified.invalidate(&id).await;
        None
    }

    /// Verifies a token that is not remembered.
    pub(super) async fn verify_new(
        &self,
        token: &SecretString,
        id: Fingerprint,
    ) -> Result<Verified, BadToken> {
        let verified = self.examine(token.expose_secret()).await?;
        self.verified.insert(id, verified.clone()).await;
        Ok(verified)
    }

    fn still_good(&self, verified: &Verified) -> bool {
        self.clock.unix() < verified.expires.saturating_add(LEEWAY.as_secs())
    }

    async fn examine(&self, token: &str) -> Result<Verified, BadToken> {
        let (message, signature) = token.rsplit_once('.').ok_or(BadToken::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(BadToken::Malformed)?;
        let header: Header = decode(header).ok_or(BadToken::Malformed)?;
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token_type) {
            return Err(BadToken::Malformed);
        }
        let kid = header.kid.ok_or(BadToken::UnknownKey)?;
        // Refused before a key is looked for, so that such a token never causes a fetch.
        if !["RS256", "ES256"].contains(&header.alg.as_str()) {
            return Err(BadToken::Algorithm);
        }
        let key = self.keys.key(&kid).await.map_err(|none| match none {
            NoKey::Unknown => BadToken::UnknownKey,
            NoKey::CannotTell => BadToken::CannotTell,
        })?;
        if key.name != header.alg {
            return Err(BadToken::Algorithm);
        }
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(BadToken::Signature),
        }
        self.examine_claims(decode(payload).ok_or(BadToken::Malformed)?, kid, key.thumbprint)
    }

    /// What a token claims, whoever signed it.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn claims_of(&self, token: &str) -> Result<Verified, BadToken> {
        let mut parts = token.split('.');
        let header: Header = parts.next().and_then(decode).ok_or(BadToken::Malformed)?;
        let claims = parts.next().and_then(decode).ok_or(BadToken::Malformed)?;
        self.examine_claims(claims, header.kid.unwrap_or_default(), Thumbprint::default())
    }

    fn examine_claims(&self, claims: Claims, kid: String, signer: Thumbprint) -> Result<Verified, BadToken> {
        if claims.iss != self.issuer {
            return Err(BadToken::Issuer { found: claims.iss, expected: self.issuer.clone() });
        }
        if claims.token_use.is_some_and(|usage| usage != "access") {
            return Err(BadToken::Malformed);
        }
        let (now, leeway) = (self.clock.unix(), LEEWAY.as_secs());
        let begun = claims.nbf.is_none_or(|nbf| nbf <= now + leeway);
        if !begun || claims.exp.saturating_add(leeway) <= now {
            return Err(BadToken::Time);
        }
        let audience = match claims.aud {
            Audience::One(one) => vec![one],
            Audience::Many(many) => many,
            Audience::Absent => Vec::new(),
        };
        let in_scope = |scope: &String| claims.scope.split(' ').any(|granted| granted == scope);
        let lacking = self.required_scope.as_ref().filter(|scope| !in_scope(scope));
        match lacking {
            // Validibot names us in `aud` only when the scope is there (contract, section c): without both, the user can mend
            // it by granting the scope, so this is no wrong token.
            Some(scope) if audience.is_empty() || audience.contains(&self.audience) => {
                return Err(BadToken::Scope(scope.clone()));
            }
            _ if !audience.contains(&self.audience) => {
                return Err(BadToken::Audience { found: audience, expected: self.audience.clone() });
            }
            _ => {}
        }
        // Validibot answers 500 to a forwarded subject that is no user id.
        let digits = !claims.sub.is_empty() && claims.sub.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || claims.sub.len() > MAX_SUBJECT_DIGITS {
            return Err(BadToken::Subject);
        }
        Ok(Verified { subject: claims.sub, expires: claims.exp, kid, signer })
    }
}

impl BadToken {
    /// What the client is told. Writes the log line of what only an operator can mend.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::CannotTell => Refusal::cannot_tell(None),
            Self::Scope(_) => Refusal::InsufficientScope,
            Self::Issuer { .. } | Self::Audience { .. } | Self::Subject => {
                tracing::warn!("a token with Validibot's signature was refused: {self}");
                Refusal::Invalid
            }
            Self::Malformed | Self::Algorithm | Self::UnknownKey | Self::Signature | Self::Time => {
                tracing::debug!("an access token was refused: {self}");
                Refusal::Invalid
            }
        }
    }
}

/// Whether a bearer has the form of a JWT (RFC 7519): three parts, and a header that is a JSON object with an `alg`.
/// The signature may be empty, as in an unsecured JWT: such a bearer is refused here rather than asked about.
pub(crate) fn has_jwt_form(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    decode::<Header>(header).is_some()
}

/// Whether a token of this `typ` may be an access token (RFC 9068, section 4: a logout token, say, is none). Validibot writes
/// `JWT` (contract, section c).
fn is_access_token_type(typ: &str) -> bool {
    // RFC 7515, section 4.1.9: `application/` may be left out, and media types have no case.
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

/// Seconds since the Unix epoch, with or without a fraction (RFC 7519, section 2).
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the fraction does not matter beside the leeway, and what is out of range ends at its bound"
    )]
    Ok(seconds as u64)
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    numeric_date(deserializer).map(Some)
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    json::document(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
