//! What the metadata server's tokens say.

use std::sync::OnceLock;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::google::GoogleCerts;
use crate::jwt::{self, Fields, SigningKey};

/// The service account that the tokens name, unless a test says another.
pub const SERVICE_ACCOUNT: &str = "validibot-mcp-prod@sandbox-project.iam.gserviceaccount.com";

/// The content of an identity token. The default is a good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `email`; `None` leaves it out. Tokens carry it only where `format=full` was asked for.
    pub email: Option<String>,
    /// `email_verified`.
    pub email_verified: bool,
    /// `aud`; `None` is the one that was asked for.
    pub audience: Option<String>,
    /// `iss`.
    pub issuer: String,
    /// `exp`, in seconds from now; `None` leaves it out.
    pub expires_in: Option<i64>,
    /// `iat`, in seconds from now.
    pub issued_in: i64,
    /// Signs with a key that is not Google's.
    pub foreign_key: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            email: Some(SERVICE_ACCOUNT.to_owned()),
            email_verified: true,
            audience: None,
            issuer: "https://accounts.google.com".to_owned(),
            // An hour, as Google's.
            expires_in: Some(3600),
            issued_in: 0,
            foreign_key: false,
        }
    }
}

impl Identity {
    pub(super) fn token(
        &self,
        certs: &GoogleCerts,
        audience: &str,
        full: bool,
        now: OffsetDateTime,
    ) -> String {
        // The subject is the account's number.
        const SUBJECT: &str = "100000000000000000001";
        static FOREIGN: OnceLock<SigningKey> = OnceLock::new();
        let now = now.unix_timestamp();
        let mut claims = Fields::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("aud", json!(self.audience.as_deref().unwrap_or(audience)));
        set("azp", json!(SUBJECT));
        if let Some(email) = self.email.as_deref().filter(|_| full) {
            set("email", json!(email));
            set("email_verified", json!(self.email_verified));
        }
        if let Some(seconds) = self.expires_in {
            set("exp", json!(now + seconds));
        }
        set("iat", json!(now + self.issued_in));
        set("iss", json!(self.issuer));
        set("sub", json!(SUBJECT));
        let google = certs.key();
        let signer = if self.foreign_key { FOREIGN.get_or_init(SigningKey::generate) } else { google };
        let mut header = Fields::new();
        for (name, value) in [("alg", "RS256"), ("kid", google.kid()), ("typ", "JWT")] {
            header.insert(name.to_owned(), json!(value));
        }
        jwt::encode(&header, &claims, |input| signer.sign(input))
    }
}
