//! Service identity by Google-signed identity tokens (contract, section b, step 2).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use crate::jwt::{self, SigningKey};

/// Who Google is, as its tokens' `iss` says it.
const ISSUERS: [&str; 2] = ["accounts.google.com", "https://accounts.google.com"];

/// What Validibot demands of an identity token.
#[derive(Debug, Clone, Default)]
pub struct GoogleVerification {
    /// `MCP_OIDC_AUDIENCE`: the token's `aud`, byte for byte. Empty refuses every token.
    pub audience: String,
    /// `MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS`: e-mail addresses in any case. An empty list refuses every token.
    pub allowed_service_accounts: Vec<String>,
    /// Whose signatures count; [`crate::metadata::MetadataServer::certs`] gives them.
    pub certs: GoogleCerts,
}

/// Google's signing key, as far as a test has one: shared between who signs and who verifies.
#[derive(Clone, Default)]
pub struct GoogleCerts(Arc<Certs>);

#[derive(Default)]
struct Certs {
    key: OnceLock<SigningKey>,
    /// The public half alone, where who signs is another process.
    public: Option<Vec<u8>>,
    unreachable: AtomicBool,
}

/// Why a token is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 401, whatever the cause.
    Invalid,
    /// Known bug, kept: this error is not caught.
    ForeignIssuer,
}

impl GoogleCerts {
    /// Whether Validibot can fetch them. While it cannot, it refuses every token.
    pub fn set_reachable(&self, reachable: bool) {
        self.0.unreachable.store(!reachable, Ordering::Relaxed);
    }

    /// The public half as base64url of its PKCS #1 DER: what another process needs to believe these tokens.
    ///
    /// Makes the key where there is none yet, which takes a good part of a second.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public_der())
    }

    /// The certs of somebody else, by what [`GoogleCerts::public`] gave there; `None` where it is no base64url.
    pub fn of_public(text: &str) -> Option<Self> {
        let public = Some(URL_SAFE_NO_PAD.decode(text).ok()?);
        Some(Self(Arc::new(Certs { public, ..Certs::default() })))
    }

    fn public_der(&self) -> &[u8] {
        self.0.public.as_deref().unwrap_or_else(|| self.key().public_der())
    }

    pub(crate) fn key(&self) -> &SigningKey {
        self.0.key.get_or_init(SigningKey::generate)
    }
}

impl std::fmt::Debug for GoogleCerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GoogleCerts")
    }
}

impl GoogleVerification {
    /// Signature, audience and times, then the issuer, then the account: the order decides the status.
    pub(crate) fn verify(&self, token: &str, now: OffsetDateTime) -> Result<(), Refusal> {
        let now = now.unix_timestamp();
        let token = jwt::decode(token)
            .filter(|_| !self.certs.0.unreachable.load(Ordering::Relaxed))
            .filter(|token| token.is_signed_by(self.certs.public_der()))
            // No leeway: the clocks have to agree to the second.
            .filter(|token| token.number("iat").is_some_and(|iat| iat <= now))
            .filter(|token| token.number("exp").is_some_and(|exp| exp > now))
            .filter(|token| !self.audience.is_empty() && token.text("aud") == Some(&self.audience))
            .ok_or(Refusal::Invalid)?;
        if !token.text("iss").is_some_and(|issuer| ISSUERS.contains(&issuer)) {
            return Err(Refusal::ForeignIssuer);
        }
        let verified = token.claims.get("email_verified").is_some_and(|verified| *verified == true);
        let email = token.text("email").unwrap_or_default().to_lowercase();
        let allowed =
            self.allowed_service_accounts.iter().any(|account| account.trim().to_lowercase() == email);
        if verified && !email.is_empty() && allowed { Ok(()) } else { Err(Refusal::Invalid) }
    }
}
