//! The encoding of a text, told in a sentence where it is not the one that a validator reads.

use super::outcome::Finding;

/// The text in UTF-8, without a byte order mark; else a finding that says what it is encoded in, as far as that can be read
/// off the bytes, and what to do.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Finding> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let text = "The file is encoded in UTF-16: save it as UTF-8.".to_owned();
        return Err(Finding::error("", "encoding", text));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        let text = format!("Line {line} holds a byte that is not UTF-8: save the file as UTF-8.");
        Finding::error(format!("line {line}"), "encoding", text)
    })
}

#[cfg(test)]
mod tests {
    use super::utf8;

    #[test]
    fn a_mark_is_passed_over_and_every_other_encoding_has_a_sentence() {
        assert_eq!(utf8(b"\xef\xbb\xbfa"), Ok("a"));
        let told = |bytes: &[u8]| utf8(bytes).expect_err("not UTF-8").message;
        for utf16 in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a"] {
            assert_eq!(told(utf16), "The file is encoded in UTF-16: save it as UTF-8.");
        }
        // A degree sign in Latin-1.
        assert_eq!(told(b"a\n20 \xb0C"), "Line 2 holds a byte that is not UTF-8: save the file as UTF-8.");
    }
}
