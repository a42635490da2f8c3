//! What a played gcloud is told.

use serde_json::Value;
use xtask::core::command::{Command, Stdin};

/// The command's words, with the flags that `--flags-file=-` reads from its input.
pub(crate) fn words(command: &Command) -> Vec<String> {
    let mut words: Vec<String> =
        command.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let (Stdin::Text(text), true) = (command.input(), words.iter().any(|word| word == "--flags-file=-")) {
        let flags: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
        words.extend(flags.into_iter().map(|(name, value)| match value {
            Value::String(value) => format!("{name}={value}"),
            _ => name,
        }));
    }
    words
}

/// Base64 (RFC 4648, section 4), of what the tests themselves have written.
pub(crate) fn decoded(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte));
    let bits: Vec<bool> =
        digits.flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1 == 1)).collect();
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    String::from_utf8(bits.chunks_exact(8).map(byte).collect()).unwrap()
}
