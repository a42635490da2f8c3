//! Service identity by Google-signed identity tokens (contract b, step 2).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

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
            .filter(|token| token.is_signed_by(self.certs.key()))
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
