//! JSON Web Tokens (RFC 7519), signed and verified by hand: tests need tokens that no library would make.

mod key;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

pub(crate) use key::SigningKey;

/// Header or claims, in the order in which they are written.
pub(crate) type Fields = Map<String, Value>;

/// A token's parts, its signature not verified yet.
pub(crate) struct Decoded {
    pub(crate) header: Fields,
    pub(crate) claims: Fields,
    signed: String,
    signature: Vec<u8>,
}

/// Writes a token; `sign` gets the signing input.
pub(crate) fn encode(header: &Fields, claims: &Fields, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |fields: &Fields| URL_SAFE_NO_PAD.encode(Value::Object(fields.clone()).to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Takes a token apart.
pub(crate) fn decode(token: &str) -> Option<Decoded> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let fields = |part: &str| serde_json::from_slice(&bytes(part)?).ok();
    Some(Decoded {
        header: fields(header)?,
        claims: fields(claims)?,
        signed: signed.to_owned(),
        signature: bytes(signature)?,
    })
}

impl Decoded {
    /// Whether the key with this public half (PKCS #1 DER) signed it with RS256, whatever the header says: no other algorithm is used here.
    pub(crate) fn is_signed_by(&self, public_der: &[u8]) -> bool {
        self.header.get("alg").is_some_and(|alg| alg == "RS256")
            && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_der)
                .verify(self.signed.as_bytes(), &self.signature)
                .is_ok()
    }

    /// A claim that is text.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a whole number.
    pub(crate) fn number(&self, claim: &str) -> Option<i64> {
        self.claims.get(claim)?.as_i64()
    }
}
