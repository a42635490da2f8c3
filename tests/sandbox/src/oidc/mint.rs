//! Access tokens to order: the right one with anything changed.

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use serde_json::Value;

use super::access;
use super::clients::SCOPES;
use super::grants::Grant;
use crate::fixtures::{DEMO_USER_ID, MCP_CLIENT_ID};
use crate::jwt::{self, Fields, SigningKey};
use crate::state::State;

/// An access token for the demo user as the provider would issue it to the MCP server, until something in it
/// is changed.
#[must_use = "nothing is minted before `sign`"]
pub struct Mint<'a> {
    state: &'a State,
    header: Fields,
    claims: Fields,
    signer: Signer,
}

/// Who signs.
enum Signer {
    Provider,
    Foreign,
    Nobody,
    PublicKeyAsSecret,
}

impl<'a> Mint<'a> {
    pub(crate) fn new(state: &'a State) -> Self {
        let scopes = SCOPES.map(str::to_owned).to_vec();
        // What is asked for from 0.16 on; before, nothing that is asked for counts.
        let resources = vec![state.oidc.resource()];
        let grant = Grant { client: MCP_CLIENT_ID, user: DEMO_USER_ID, scopes, resources };
        let header = access::header(&state.oidc.key());
        Self { state, header, claims: access::claims(state, &grant), signer: Signer::Provider }
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets `exp` this many seconds from now on the sandbox's clock; negative is expired.
    pub fn expires_in(self, seconds: i64) -> Self {
        let now = self.state.clock.now().unix_timestamp();
        self.claim("exp", now + seconds)
    }

    /// Sets a header parameter.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header parameter out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs with a key that the provider does not publish. The header still names the provider's.
    pub fn foreign_key(mut self) -> Self {
        self.signer = Signer::Foreign;
        self
    }

    /// `alg: none` with an empty signature (RFC 8725, 2.1).
    pub fn unsigned(mut self) -> Self {
        self.signer = Signer::Nobody;
        self.header("alg", "none")
    }

    /// `alg: HS256` with the public key for a secret, which confuses verifiers that believe the header
    /// (RFC 8725, 2.1).
    pub fn hs256_with_public_key(mut self) -> Self {
        self.signer = Signer::PublicKeyAsSecret;
        self.header("alg", "HS256")
    }

    /// The token.
    #[must_use]
    pub fn sign(self) -> String {
        let provider = self.state.oidc.key();
        jwt::encode(&self.header, &self.claims, |input| match self.signer {
            Signer::Provider => provider.sign(input),
            Signer::Foreign => foreign_key().sign(input),
            Signer::Nobody => Vec::new(),
            Signer::PublicKeyAsSecret => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, provider.public_der());
                hmac::sign(&secret, input).as_ref().to_vec()
            }
        })
    }
}

/// One for the whole process: what matters is that nobody publishes it.
fn foreign_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(SigningKey::generate)
}
