//! The answer to a call, written straight into the bytes that go out, as rmcp would write it.

use rmcp::model::{RequestId, ServerJsonRpcMessage, ServerResult};
use serde_json::Result;

use crate::mcp::outcome::Outcome;

/// The id of a request, as it stands in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id<'a>(&'a str);

/// Whole numbers up to here look the same however they are read and written.
const MAX_DIGITS: usize = 15;

impl<'a> Id<'a> {
    /// `None` unless it is written as it was read: a whole number, or a string without escapes.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        let digits = json.len() <= MAX_DIGITS && json.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = digits && (json == "0" || !json.starts_with('0'));
        let text = json.starts_with('"') && !json.contains('\\');
        (canonical || text).then_some(Self(json))
    }
}

/// The answer. `modern` results say that they are complete.
pub(super) fn answer(outcome: Outcome, id: Id<'_>, modern: bool) -> Result<Vec<u8>> {
    let Outcome::Done { text, .. } = outcome else {
        return by_rmcp(outcome, id, modern);
    };
    // The text twice, with a backslash before its quotes in one of them.
    let mut out = Vec::with_capacity(text.len() * 9 / 4 + 256);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.0.as_bytes());
    out.extend_from_slice(br#","result":{"#);
    if modern {
        out.extend_from_slice(br#""resultType":"complete","#);
    }
    out.extend_from_slice(br#""content":[{"type":"text","text":"#);
    quote(&mut out, &text)?;
    out.extend_from_slice(br#"}],"structuredContent":"#);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(br#","isError":false}}"#);
    Ok(out)
}

/// Failures are seldom, and have no second form.
fn by_rmcp(outcome: Outcome, id: Id<'_>, modern: bool) -> Result<Vec<u8>> {
    let id: RequestId = serde_json::from_str(id.0)?;
    let mut result = ServerResult::from(outcome.into_response());
    if !modern {
        result.strip_result_type_for_legacy_peer();
    }
    serde_json::to_vec(&ServerJsonRpcMessage::response(result, id))
}

/// A JSON string. `serde_json` takes 23 instructions for each byte of a text that is JSON itself, where every eighth is a
/// quote, and a search for each of them takes 14; this takes nine, eight bytes at a time.
fn quote(out: &mut Vec<u8>, text: &str) -> Result<()> {
    // A text that is JSON has no control characters; they would need escapes of other kinds. The least of all bytes tells:
    // the compiler looks at sixteen at a time.
    if text.bytes().fold(u8::MAX, u8::min) < b' ' {
        return serde_json::to_writer(out, text);
    }
    let (mut rest, mut at) = (text.as_bytes(), out.len());
    // Each byte may need a backslash, and the whole two quotes.
    out.resize(at + 2 * rest.len() + 2, 0);
    out[at] = b'"';
    at += 1;
    while let Some(word) = rest.first_chunk::<WORD>() {
        let plain = plain(*word);
        // What is behind the plain ones is written over.
        out[at..at + WORD].copy_from_slice(word);
        at += plain;
        rest = &rest[plain..];
        if let Some((special, behind)) = rest.split_first().filter(|_| plain < WORD) {
            out[at..at + 2].copy_from_slice(&[b'\\', *special]);
            at += 2;
            rest = behind;
        }
    }
    for byte in rest {
        if matches!(byte, b'"' | b'\\') {
            out[at] = b'\\';
            at += 1;
        }
        out[at] = *byte;
        at += 1;
    }
    out[at] = b'"';
    out.truncate(at + 1);
    Ok(())
}

/// How many bytes are read together.
const WORD: usize = size_of::<u64>();

/// How many bytes come before the first quote or backslash.
fn plain(word: [u8; WORD]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; WORD]);
    const HIGH: u64 = EACH << 7;
    let word = u64::from_le_bytes(word);
    // A byte that is zero, and perhaps some behind it, keep their highest bit ("Bit Twiddling Hacks", a zero byte in a word).
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word & HIGH;
    let special = zeros(word ^ (EACH * u64::from(b'"'))) | zeros(word ^ (EACH * u64::from(b'\\')));
    special.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::base::testing::object;

    fn written(outcome: Outcome, id: &str, modern: bool) -> String {
        let body = answer(outcome, Id::read(id).expect("a plain id"), modern).expect("JSON");
        String::from_utf8(body).expect("text")
    }

    fn done(structured: &Map<String, Value>) -> Outcome {
        let text = serde_json::to_string(structured).expect("JSON");
        Outcome::Done { text, structured: structured.clone().into() }
    }

    #[test]
    fn the_bytes_are_those_that_rmcp_writes() {
        let structured =
            json!({ "a": "\"quoted\" \\ ü \u{1F600} \u{7f}\n\u{1}", "b": [1, null, { "c": 1.5 }] });
        let structured = object(structured);
        for (id, modern) in [("0", false), ("17", true), (r#""ü-1""#, false)] {
            let rmcps = by_rmcp(done(&structured), Id(id), modern).expect("JSON");
            let ours = written(done(&structured), id, modern);
            assert_eq!(ours, String::from_utf8(rmcps).expect("text"));
            serde_json::from_str::<Value>(&ours).expect("JSON");
        }
    }

    #[test]
    fn ids_that_might_be_written_differently_are_not_taken() {
        for good in ["0", "7", "123456789012345", r#""""#, r#""a b""#] {
            assert!(Id::read(good).is_some(), "{good}");
        }
        for bad in ["null", "-1", "1.0", "1e3", "01", "1234567890123456", r#""\u0061""#, "[1]", "true", "{}"]
        {
            assert!(Id::read(bad).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_quoted_as_serde_json_does(text in "\\PC*|[ -~\"\\\\\n\u{7f}é]{0,80}|[\"\\\\é]{120,300}") {
            let mut out = Vec::new();
            quote(&mut out, &text).expect("written");
            proptest::prop_assert_eq!(out, serde_json::to_vec(&text).expect("written"));
        }
    }
}
