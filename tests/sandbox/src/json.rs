//! JSON text, kept to the byte.

use serde_json::Value;
use serde_json::value::RawValue;

/// JSON text without the spaces around its tokens. Numbers and key order stay as they are written: a
/// `serde_json::Value` would make `1.1` of `1.10` and lose digits of a long number.
pub(crate) fn compact(text: &str) -> Box<RawValue> {
    let mut compacted = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in text.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        compacted.push(character);
    }
    RawValue::from_string(compacted).expect("the documents in this crate are valid JSON")
}

/// The same document with other types in it, so that a decoder that trusts them fails. The outermost list
/// or object stays, or a client would fail before it looked at any field.
pub(crate) fn with_wrong_types(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(with_wrong_types).collect()),
        Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, wrong(value))).collect())
        }
        other => wrong(other),
    }
}

fn wrong(value: Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(_) => Value::from(42),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => Value::from("wrong type"),
        Value::Object(_) => with_wrong_types(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn compacting_keeps_numbers_order_and_strings() {
        let text = r#"{ "b" : 1.10, "a" : [ 12345678901234567890123 , " x \" y " ] }"#;
        assert_eq!(compact(text).get(), r#"{"b":1.10,"a":[12345678901234567890123," x \" y "]}"#);
    }

    #[test]
    fn wrong_types_change_every_field() {
        let spoilt = with_wrong_types(json!([{ "a": "x", "b": 1, "c": true, "d": ["y"], "e": null }]));
        let expected =
            json!([{ "a": 42, "b": "wrong type", "c": "wrong type", "d": "wrong type", "e": null }]);
        assert_eq!(spoilt, expected);
    }
}
