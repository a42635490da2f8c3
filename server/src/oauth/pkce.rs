//! Proof Key for Code Exchange (RFC 7636): S256, always.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// A SHA-256 in base64url: 43 characters, no more and no less.
const CHALLENGE_CHARS: usize = 43;

/// Whether `challenge` can be the S256 of anything.
pub(super) fn is_challenge(challenge: &str) -> bool {
    challenge.len() == CHALLENGE_CHARS && URL_SAFE_NO_PAD.decode(challenge).is_ok()
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Whether `verifier` has the grammar of section 4.1 and is the one behind `challenge`.
pub(super) fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && bool::from(self::challenge(verifier).as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(challenge) && verifies(verifier, challenge));
        assert!(!verifies(&verifier.replace('d', "e"), challenge));
        assert!(!verifies("short", &super::challenge("short")), "the grammar counts, not only the hash");
        assert!(!verifies(&"a".repeat(129), &super::challenge(&"a".repeat(129))));
        for bad in ["", "abc", &"=".repeat(43), &"a".repeat(44)] {
            assert!(!is_challenge(bad), "{bad}");
        }
    }
}
