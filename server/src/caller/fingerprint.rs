//! What a bearer is known by, so that nothing has to keep it.

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

/// The SHA-256 of a bearer, taken once for a request. By aws-lc, which takes a third of sha2's instructions on processors
/// without instructions of their own for it: 25,000 fewer for an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(bearer: &SecretString) -> Self {
        let mut bytes = [0; 32];
        // SHA-256 has that many.
        bytes.copy_from_slice(digest(&SHA256, bearer.expose_secret().as_bytes()).as_ref());
        Self(bytes)
    }

    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0
    }
}
