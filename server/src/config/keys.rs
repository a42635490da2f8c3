//! The key ring that seals what clients hold.

use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use envs::oauth as var;
use secrecy::{ExposeSecret, SecretBox};

use super::oauth::OauthSettings;
use super::source::Source;

/// One key of the ring.
#[derive(Debug)]
pub struct SealKey {
    /// What a sealed value names its key by: 1 to 16 letters, digits, `-` or `_`.
    pub id: String,
    /// 32 bytes. Nothing is sealed with it directly: each purpose has its own sub-key.
    pub key: SecretBox<[u8; 32]>,
}

/// A client secret below this length is too guessable to derive keys from.
const MIN_SECRET_BYTES: usize = 32;
/// The id of the key that is derived from the client secret.
const DERIVED_ID: &str = "derived";
const MAX_ID_CHARS: usize = 16;
/// 32 random bytes, and 32 random hexadecimal digits too, have fewer distinct ones once in many millions.
const MIN_DISTINCT: usize = 8;

/// The configured ring; where none is set and OAuth is on, one key derived from the client secret.
pub(super) fn read(source: &mut Source<'_>, oauth: Option<&OauthSettings>) -> Vec<SealKey> {
    if let Some(text) = source.secret(&var::SEAL_KEYS) {
        return match parse(text.expose_secret()) {
            Ok(keys) => keys,
            Err(problem) => {
                source.refuse(&var::SEAL_KEYS, &problem);
                Vec::new()
            }
        };
    }
    let Some(oauth) = oauth else { return Vec::new() };
    let secret = oauth.client_secret.expose_secret().as_bytes();
    if secret.len() < MIN_SECRET_BYTES {
        source.missing(
            &var::SEAL_KEYS,
            "VALIDIBOT_OAUTH_CLIENT_SECRET has fewer than 32 bytes, too few to derive a key from",
        );
        return Vec::new();
    }
    if !is_varied(secret) {
        source.refuse(
            &var::CLIENT_SECRET,
            "repeats a few characters, so that the key derived from it can be guessed: generate a random one",
        );
        return Vec::new();
    }
    vec![SealKey { id: DERIVED_ID.to_owned(), key: derive(secret) }]
}

/// `id:base64,…`; the errors number the entries and never show a key.
fn parse(text: &str) -> Result<Vec<SealKey>, String> {
    let mut keys: Vec<SealKey> = Vec::new();
    for (index, entry) in text.split(',').map(str::trim).enumerate() {
        let entry_number = index + 1;
        let (id, encoded) = entry
            .split_once(':')
            .ok_or_else(|| format!("entry {entry_number} is not of the form id:base64"))?;
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > MAX_ID_CHARS || !id.chars().all(good) {
            return Err(format!("entry {entry_number}: the id is not 1 to 16 letters, digits, '-' or '_'"));
        }
        if keys.iter().any(|key| key.id == id) {
            return Err(format!("names the id {id} twice"));
        }
        let bytes =
            STANDARD.decode(encoded).map_err(|_| format!("entry {entry_number}: the key is not base64"))?;
        let bytes: [u8; 32] =
            bytes.try_into().map_err(|_| format!("entry {entry_number}: the key is not 32 bytes long"))?;
        if !is_varied(&bytes) {
            return Err(format!("entry {entry_number}: the key is not random: make one of 32 random bytes"));
        }
        keys.push(SealKey { id: id.to_owned(), key: SecretBox::new(Box::new(bytes)) });
    }
    Ok(keys)
}

/// Whether bytes may be random: a placeholder of one repeated character is not.
fn is_varied(bytes: &[u8]) -> bool {
    let mut distinct = bytes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() >= MIN_DISTINCT
}

/// HKDF-SHA256 (RFC 5869) of the client secret.
fn derive(secret: &[u8]) -> SecretBox<[u8; 32]> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"validibot-mcp seal ring");
    let mut key = Box::new([0; 32]);
    salt.extract(secret)
        .expand(&[b"v1"], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .expect("32 bytes are within HKDF's limit");
    SecretBox::new(key)
}
