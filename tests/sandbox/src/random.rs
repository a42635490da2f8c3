//! Random text.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `length` letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // Of 256 values, 248 fall evenly on 62 characters; the others are drawn again.
        let drawn = bytes::<64>().into_iter().filter(|byte| *byte < 248).map(|byte| usize::from(byte % 62));
        text.extend(drawn.take(length - text.len()).map(|at| char::from(ALPHABET[at])));
    }
    text
}

/// 64 random bytes in base64url: 86 characters.
pub(crate) fn opaque() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<64>())
}

/// `N` random bytes.
#[expect(clippy::disallowed_methods, reason = "the one place that asks for random bytes")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_have_their_length_and_alphabet() {
        let text = super::alphanumeric(300);
        assert!(text.len() == 300 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(super::opaque().len(), 86);
    }
}
