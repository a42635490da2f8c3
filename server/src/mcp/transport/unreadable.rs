//! What is wrong with a body that is JSON and no message: one sentence that names the member.

use serde_json::Value;

/// Only bodies up to here are read a second time: what is wrong with a message is wrong with a small one, too.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// Where the body is too large to be read again.
const NO_MESSAGE: &str = "The body is not one JSON-RPC message";

/// The sentence, and the message's id where there is a good one.
pub(super) fn reason(body: Option<&[u8]>) -> (String, Option<Value>) {
    let message = match body.map(serde_json::from_slice::<Value>) {
        Some(Ok(Value::Object(message))) => message,
        Some(Ok(Value::Array(_))) => {
            let ended = "Batches ended with protocol version 2025-06-18: send one message a request";
            return (format!("{NO_MESSAGE}. {ended}"), None);
        }
        _ => return (NO_MESSAGE.to_owned(), None),
    };
    let id = message.get("id");
    let good_id = id.filter(|id| id.is_string() || id.is_i64()).cloned();
    let wrong = if message.get("jsonrpc").is_none_or(|version| version != "2.0") {
        "`jsonrpc` has to be \"2.0\""
    } else if id.is_some() && good_id.is_none() {
        "`id` has to be a string, or a whole number of at most 63 bits"
    } else if message.get("method").is_some_and(|method| !method.is_string()) {
        "`method` has to be a string"
    } else if message.get("params").is_some_and(|params| !params.is_object()) {
        "`params` has to be an object"
    } else if !["method", "result", "error"].iter().any(|member| message.contains_key(*member)) {
        "`method` is missing"
    } else {
        return (NO_MESSAGE.to_owned(), good_id);
    };
    (format!("{NO_MESSAGE}: {wrong}"), good_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_that_is_wrong_is_named() {
        for (body, named, id) in [
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "`id`", None),
            (r#"{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}"#, "`id`", None),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "`id`", None),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "`id`", None),
            (r#"{"id":7,"method":"ping"}"#, "`jsonrpc`", Some(Value::from(7))),
            (r#"{"jsonrpc":"2.0","id":"a","method":7}"#, "`method`", Some(Value::from("a"))),
            (r#"{"jsonrpc":"2.0","id":"a"}"#, "`method`", Some(Value::from("a"))),
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#, "`params`", Some(Value::from(7))),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "Batches", None),
            ("7", NO_MESSAGE, None),
        ] {
            let (sentence, found) = reason(Some(body.as_bytes()));
            assert!(sentence.contains(named), "{body}: {sentence}");
            assert_eq!(found, id, "{body}");
        }
        assert_eq!(reason(None), (NO_MESSAGE.to_owned(), None));
    }
}
