//! The private keys in every spelling, and what `serde_json` does with them in this build.

use serde_json::Value;

use super::*;

const RAW: &str = "$serde_json::private::RawValue";
const NUMBER: &str = "$serde_json::private::Number";

fn scan(pieces: &[&str]) -> (usize, bool) {
    let mut scan = Scan::default();
    for piece in pieces {
        scan.take(piece.as_bytes());
    }
    (scan.nodes(), scan.is_private())
}

/// Each letter as `\uXXXX`.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |text, letter| text + &format!("\\u{letter:04x}"))
}

#[test]
fn only_what_stands_outside_strings_counts_however_the_text_is_cut() {
    let text = r#"{"a,[":[1,2,{"b\"":":,\\"}],"c":"\\","\u00e9,":"\u"}"#;
    assert_eq!(scan(&[text]), (11, false));
    for cut in (1..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        assert_eq!(scan(&[&text[..cut], &text[cut..]]), (11, false), "cut at {cut}");
    }
}

#[test]
fn the_private_keys_are_found_in_every_spelling_however_the_text_is_cut() {
    for name in [RAW, NUMBER] {
        let (head, tail) = name.split_at(7);
        for key in [
            name.to_owned(),
            escaped(name),
            escaped(name).to_uppercase().replace("\\U", "\\u"),
            escaped(head) + tail,
            head.to_owned() + &escaped(tail),
        ] {
            for text in [
                format!(r#"{{"{key}":"[[1]]"}}"#),
                format!("{{ \"{key}\" \r\n\t: \"[[1]]\"}}"),
                format!(r#"{{"a":"\\","b":[{{"{key}":"1"}}]}}"#),
            ] {
                for cut in 0..text.len() {
                    assert!(scan(&[&text[..cut], &text[cut..]]).1, "{text} cut at {cut}");
                }
                assert_eq!(read::<Value>(text.as_bytes(), 100), Err(JsonError::Private), "{text}");
                assert!(!is_plain(text.as_bytes()), "{text}");
            }
        }
    }
}

#[test]
fn what_only_speaks_of_them_is_read() {
    for text in [
        format!(r#"["{RAW}","{}"]"#, escaped(NUMBER)),
        format!(r#"{{"a":"{RAW}"}}"#),
        format!(r#"{{" {RAW}":"[1]"}}"#),
        format!(r#"{{"\n{RAW}":"[1]"}}"#),
        r#"{"$serde_json::privat\u0000e::RawValue":"[1]","$serde_json":"::private"}"#.to_owned(),
    ] {
        assert!(!scan(&[&text]).1, "{text}");
        let value: Value = read(text.as_bytes(), 100).expect("it is read");
        assert!(value.is_array() || value.as_object().is_some_and(|object| !object.is_empty()), "{value}");
    }
}

#[test]
fn a_text_with_more_structure_than_was_allowed_is_not_read() {
    assert!(read::<Value>(b"[1,2]", 2).is_ok());
    assert_eq!(read::<Value>(b"[1,2]", 1), Err(JsonError::TooComplex));
    assert_eq!(read::<Value>(b"[1,2", 2), Err(JsonError::Form));
}

/// Should this fail, `serde_json` or its features have changed: read again by which keys it is led to parse a string, and
/// bring [`PRIVATE`] up to that.
#[test]
fn serde_json_still_has_the_private_keys_that_are_looked_for() {
    let parsed: Value = serde_json::from_str(&format!(r#"{{"{RAW}":"[[1],[2]]"}}"#)).expect("JSON");
    assert_eq!(parsed, serde_json::json!([[1], [2]]), "the string is parsed");
    assert!(serde_json::from_str::<Value>(&format!(r#"{{"{NUMBER}":"x"}}"#)).is_err(), "it is no number");
    let number: Value = serde_json::from_str(&format!(r#"{{"{NUMBER}":"1"}}"#)).expect("JSON");
    assert!(number.is_number());
    assert!([RAW, NUMBER].iter().all(|name| name.as_bytes().starts_with(PRIVATE)));
    // Any other name is a key like every other, behind the same beginning too.
    let other: Value = serde_json::from_str(r#"{"$serde_json::private::Map":"[1]"}"#).expect("JSON");
    assert_eq!(other["$serde_json::private::Map"], "[1]");
}
