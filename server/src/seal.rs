//! Sealed values: what this server would have to remember, handed to clients in a form that only this deployment can
//! read or write. Any instance with the same key ring opens what another one sealed.
//!
//! The text form is `<key id>.<base64url of nonce, ciphertext, tag>`. The cipher is AES-256-GCM-SIV (RFC 8452): a nonce
//! that repeats, across instances that cannot know of each other, would only show that two values are equal.
//! Each purpose has its own sub-key (HKDF-SHA256, RFC 5869), and purpose, key id and issuer are the associated data: a
//! value of one purpose, ring or deployment is no value of another.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::base::random::SharedRandom;
use crate::config::SealKey;

/// A kind of value that can be sealed.
pub trait Artifact: Serialize + DeserializeOwned {
    /// Tells this kind from every other one. It is part of the key: changing it makes all sealed values unreadable.
    const PURPOSE: &'static str;

    /// Whether equal values seal to equal text.
    ///
    /// The nonce is then an HMAC of the content under a key of its own, as in SIV (RFC 5297): two different contents
    /// share a nonce only when the HMAC collides, and even then GCM-SIV keeps both secret. What an observer learns is
    /// that two values are equal, which is what such an artifact is for.
    const DETERMINISTIC: bool = false;
}

/// Seals and opens values with a key ring: the first key seals, all open.
pub struct Seal {
    ring: Vec<RingKey>,
    issuer: String,
    random: SharedRandom,
}

struct RingKey {
    id: String,
    root: hkdf::Prk,
}

/// Why a text did not open. Whoever sent it is told no more than that it is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// Not of the form that sealing gives.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed with a key that is not, or no longer, in the ring.
    #[error("sealed with a key that is not in the ring")]
    UnknownKey,
    /// Tampered with, or sealed for another purpose or by another deployment.
    #[error("not sealed by this deployment for this purpose")]
    Forged,
    /// Single use.
    #[error("expired")]
    Expired,
}

/// Far above every value that we seal; a longer text is not worth decrypting.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// The content starts with its expiry: seconds since the Unix epoch, big-endian.
const EXPIRY_BYTES: usize = 8;

impl Seal {
    /// A seal for one deployment; `None` where the ring is empty. `issuer` is the deployment's base URL.
    pub fn new(ring: &[SealKey], issuer: &str, random: SharedRandom) -> Option<Self> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"validibot-mcp seal v1");
        let ring: Vec<RingKey> = ring
            .iter()
            .map(|key| RingKey { id: key.id.clone(), root: salt.extract(key.key.expose_secret()) })
            .collect();
        (!ring.is_empty()).then(|| Self { ring, issuer: issuer.to_owned(), random })
    }

    /// Seals a value that opens until `expires` (seconds since the Unix epoch).
    ///
    /// # Panics
    /// When the value's `Serialize` fails, which that of a plain struct does not.
    pub fn seal_until<T: Artifact>(&self, value: &T, expires: u64) -> String {
        let key = &self.ring[0];
        let mut content = expires.to_be_bytes().to_vec();
        serde_json::to_writer(&mut content, value).expect("artifacts are plain structs, which serialise");
        let nonce = if T::DETERMINISTIC {
            let tag = hmac::sign(&key.nonce_key(T::PURPOSE, &self.issuer), &content);
            tag.as_ref()[..NONCE_LEN].try_into().expect("an HMAC-SHA256 is longer than a nonce")
        } else {
            let mut nonce = [0; NONCE_LEN];
            self.random.fill(&mut nonce);
            nonce
        };
        key.cipher(T::PURPOSE, &self.issuer)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.associated_data(T::PURPOSE, &key.id)),
                &mut content,
            )
            .expect("the content is far below the cipher's limit");
        let sealed = [nonce.as_slice(), &content].concat();
        format!("{}.{}", key.id, URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Seals a value that never expires.
    pub fn seal<T: Artifact>(&self, value: &T) -> String {
        self.seal_until(value, u64::MAX)
    }

    /// Opens what [`Self::seal`] or [`Self::seal_until`] gave, where `now` (seconds since the Unix epoch) is before its end.
    pub fn open<T: Artifact>(&self, text: &str, now: u64) -> Result<T, SealError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(SealError::Malformed);
        }
        let (id, encoded) = text.split_once('.').ok_or(SealError::Malformed)?;
        let mut sealed = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| SealError::Malformed)?;
        let key = self.ring.iter().find(|key| key.id == id).ok_or(SealError::UnknownKey)?;
        let (nonce, content) = sealed.split_at_mut_checked(NONCE_LEN).ok_or(SealError::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
        let content = key
            .cipher(T::PURPOSE, &self.issuer)
            .open_in_place(nonce, Aad::from(self.associated_data(T::PURPOSE, id)), content)
            .map_err(|_| SealError::Forged)?;
        let (expiry, json) = content.split_first_chunk::<EXPIRY_BYTES>().ok_or(SealError::Malformed)?;
        if u64::from_be_bytes(*expiry) <= now {
            return Err(SealError::Expired);
        }
        // Ours by its tag; a shape that does not parse was sealed by another version of this program.
        serde_json::from_slice(json).map_err(|_| SealError::Malformed)
    }

    fn associated_data(&self, purpose: &str, key_id: &str) -> Vec<u8> {
        // None of the parts can hold a zero byte, so no two triples give the same data.
        [purpose, key_id, &self.issuer].join("\0").into_bytes()
    }
}

impl RingKey {
    fn cipher(&self, purpose: &str, issuer: &str) -> LessSafeKey {
        let info = info("cipher", purpose, issuer);
        let key = self.root.expand(&info, &AES_256_GCM_SIV).expect("32 bytes are within HKDF's limit");
        LessSafeKey::new(UnboundKey::from(key))
    }

    fn nonce_key(&self, purpose: &str, issuer: &str) -> hmac::Key {
        let info = info("nonce", purpose, issuer);
        let key = self.root.expand(&info, hmac::HMAC_SHA256).expect("32 bytes are within HKDF's limit");
        hmac::Key::from(key)
    }
}

/// HKDF joins the parts of `info` without a mark between them; the zero bytes keep different parts different.
fn info<'a>(usage: &'a str, purpose: &'a str, issuer: &'a str) -> [&'a [u8]; 5] {
    [usage.as_bytes(), b"\0", purpose.as_bytes(), b"\0", issuer.as_bytes()]
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.ring.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Seal").field("ring", &ids).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::SecretBox;
    use serde::Deserialize;

    use super::*;
    use crate::base::random::SystemRandom;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note(String);

    impl Artifact for Note {
        const PURPOSE: &'static str = "note";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Badge(String);

    impl Artifact for Badge {
        const PURPOSE: &'static str = "badge";
        const DETERMINISTIC: bool = true;
    }

    fn ring(keys: &[(&str, u8)]) -> Vec<SealKey> {
        keys.iter()
            .map(|(id, byte)| SealKey { id: (*id).to_owned(), key: SecretBox::new(Box::new([*byte; 32])) })
            .collect()
    }

    fn seal(keys: &[(&str, u8)], issuer: &str) -> Seal {
        Seal::new(&ring(keys), issuer, Arc::new(SystemRandom)).expect("a ring")
    }

    const HERE: &str = "https://mcp.example";

    #[test]
    fn what_one_instance_seals_another_one_opens() {
        let (one, two) = (seal(&[("a", 1)], HERE), seal(&[("a", 1)], HERE));
        let text = one.seal_until(&Note("hello".to_owned()), 100);
        assert_eq!(two.open::<Note>(&text, 99), Ok(Note("hello".to_owned())));
        assert_eq!(two.open::<Note>(&text, 100), Err(SealError::Expired));
        assert_ne!(text, one.seal_until(&Note("hello".to_owned()), 100), "sealed twice, never the same text");
        assert!(!text.contains("hello") && text.starts_with("a."));
    }

    #[test]
    fn a_deterministic_artifact_has_one_text_per_content() {
        let (one, two) = (seal(&[("a", 1)], HERE), seal(&[("a", 1)], HERE));
        let text = one.seal(&Badge("hello".to_owned()));
        assert_eq!(text, two.seal(&Badge("hello".to_owned())));
        assert_ne!(text, two.seal(&Badge("hallo".to_owned())));
        assert_eq!(two.open::<Badge>(&text, u64::MAX - 1), Ok(Badge("hello".to_owned())));
    }

    #[test]
    fn every_binding_is_checked() {
        let control = seal(&[("a", 1)], HERE);
        let text = control.seal(&Note("hello".to_owned()));
        assert!(control.open::<Note>(&text, 0).is_ok(), "the control");
        assert_eq!(control.open::<Badge>(&text, 0), Err(SealError::Forged), "another purpose");
        assert_eq!(seal(&[("a", 1)], "https://other.example").open::<Note>(&text, 0), Err(SealError::Forged));
        assert_eq!(seal(&[("a", 2)], HERE).open::<Note>(&text, 0), Err(SealError::Forged), "another key");
        assert_eq!(seal(&[("b", 1)], HERE).open::<Note>(&text, 0), Err(SealError::UnknownKey));
        let renamed = text.replacen("a.", "b.", 1);
        assert_eq!(
            seal(&[("b", 1)], HERE).open::<Note>(&renamed, 0),
            Err(SealError::Forged),
            "another key id"
        );
        for bad in ["", "a", "a.", "a.!", "a.AAAA"] {
            assert_eq!(control.open::<Note>(bad, 0), Err(SealError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn no_bit_can_be_changed() {
        let seal = seal(&[("a", 1)], HERE);
        let text = seal.seal(&Note("hello".to_owned()));
        let sealed = URL_SAFE_NO_PAD.decode(text.split_once('.').expect("two parts").1).expect("base64");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let text = format!("a.{}", URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(seal.open::<Note>(&text, 0), Err(SealError::Forged), "bit {bit}");
        }
    }

    #[test]
    fn a_ring_rotates_without_closing_what_the_old_key_sealed() {
        let old = seal(&[("a", 1)], HERE).seal(&Note("old".to_owned()));
        let both = seal(&[("b", 2), ("a", 1)], HERE);
        assert!(both.open::<Note>(&old, 0).is_ok());
        let new = both.seal(&Note("new".to_owned()));
        assert!(new.starts_with("b."), "the first key seals");
        let after = seal(&[("b", 2)], HERE);
        assert!(after.open::<Note>(&new, 0).is_ok());
        assert_eq!(after.open::<Note>(&old, 0), Err(SealError::UnknownKey), "the old key is retired");
    }

    #[test]
    fn an_empty_ring_is_no_seal_and_debug_shows_no_key() {
        assert!(Seal::new(&[], HERE, Arc::new(SystemRandom)).is_none());
        let shown = format!("{:?}", seal(&[("a", 1)], HERE));
        assert_eq!(shown, r#"Seal { ring: ["a"], issuer: "https://mcp.example", .. }"#);
    }
}
