//! A tool call's arguments, as models and hosts send them: what is wrong is reported at once, by field; what is only spelt
//! in another way, or too much, fails no call.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::error::ToolError;
use crate::base::visible::visible;
use crate::validibot::{FieldError, WorkflowRef};

/// A model needs no more of them at once to see what it did; the caller decides how many there would be.
const MAX_ERRORS: usize = 20;
/// How many unknown arguments a result names.
const MAX_UNKNOWN: usize = 10;
/// How much of an unknown argument's name is shown.
const MAX_NAME_CHARS: usize = 64;

/// The arguments of one call. Reading takes them out; what is left in the end is unknown.
pub(super) struct Arguments {
    given: JsonObject,
    errors: Vec<FieldError>,
    notes: Vec<String>,
}

impl Arguments {
    /// Several hosts send `null` for what their model left out.
    pub(super) fn new(mut given: JsonObject) -> Self {
        given.retain(|_, value| !value.is_null());
        Self { given, errors: Vec::new(), notes: Vec::new() }
    }

    /// A text that has to be there; `None` where it is not, or is something else, which is noted.
    pub(super) fn required_text(&mut self, name: &str) -> Option<String> {
        if !self.given.contains_key(name) {
            self.wrong(name, "is missing");
        }
        self.text(name)
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if let Value::String(text) = self.given.shift_remove(name)? {
            return Some(text);
        }
        self.wrong(name, "has to be a string");
        None
    }

    /// A text that may be left out, and that an empty one stands for too: hosts whose schemas know no optional arguments
    /// have their models send one.
    pub(super) fn optional_text(&mut self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.trim().is_empty())
    }

    /// The text of a file. Some hosts read a text that is JSON, and pass on what they have read: it is written out again,
    /// its keys in their order and its numbers as they were.
    pub(super) fn document(&mut self, name: &str) -> Option<String> {
        let text = match self.given.get(name)? {
            tree @ (Value::Object(_) | Value::Array(_)) => tree.to_string(),
            _ => return self.text(name),
        };
        self.given.shift_remove(name);
        self.notes.push(format!("`{name}` came as a JSON value and was written out as text."));
        Some(text)
    }

    /// An object that may be left out.
    pub(super) fn object(&mut self, name: &str) -> Option<JsonObject> {
        match self.given.shift_remove(name)? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Puts a text in where the argument was left out, or is empty.
    pub(super) fn stand_in(&mut self, name: &str, text: String) {
        if !self.holds(name) {
            self.given.insert(name.to_owned(), Value::String(text));
        }
    }

    /// A whole number that may be left out; models also write it as text, and hosts as `5.0`.
    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        let number = match self.given.shift_remove(name)? {
            Value::Number(number) => whole(&number.to_string()),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => whole(text.trim()),
            _ => None,
        };
        if number.is_none() {
            self.wrong(name, "has to be a whole number");
        }
        number
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, name: &str) -> Option<usize> {
        let number = self.integer(name)?;
        let count = usize::try_from(number).ok();
        if count.is_none() {
            self.wrong(name, "must not be negative");
        }
        count
    }

    /// Whether an argument was given and holds something: neither null nor an empty text.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// Notes what is wrong with an argument.
    pub(super) fn wrong(&mut self, field: &str, message: &str) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.to_owned() });
    }

    /// How many errors were noted so far.
    pub(super) fn noted(&self) -> usize {
        self.errors.len()
    }

    /// The end of reading: whatever was wrong fails the call. What is left is unknown: a misspelt name, most likely, where
    /// something else is wrong; else something that the host adds to each call.
    pub(super) fn finish(&mut self) -> Result<(), ToolError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let mut errors = std::mem::take(&mut self.errors);
        let unknown =
            |name| FieldError { field: shown(name), message: "is not an argument of this tool".to_owned() };
        errors.extend(self.given.keys().take(MAX_ERRORS).map(|name| unknown(name)));
        errors.truncate(MAX_ERRORS);
        Err(ToolError::invalid_params(errors))
    }

    /// What the result has to say of the arguments.
    pub(super) fn note(mut self) -> Option<String> {
        if !self.given.is_empty() {
            let names: Vec<String> = self.given.keys().take(MAX_UNKNOWN).map(|name| shown(name)).collect();
            let more = match self.given.len() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let said = format!("Left out, since this tool has no such argument: {}{more}.", names.join(", "));
            self.notes.push(said);
        }
        (!self.notes.is_empty()).then(|| self.notes.join(" "))
    }
}

fn shown(name: &str) -> String {
    visible(name).chars().take(MAX_NAME_CHARS).collect()
}

/// JSON's 5.0 and 1e1 are whole numbers (JSON Schema 2020-12, core, 4.2.3).
fn whole(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0).then(|| format!("{number:.0}").parse().ok())?
}

/// Reads and checks the `workflow_ref` argument; notes what is wrong with it.
pub(super) fn workflow_ref(arguments: &mut Arguments) -> Option<WorkflowRef> {
    let text = arguments.required_text("workflow_ref")?;
    WorkflowRef::parse(&text)
        .map_err(|error| {
            arguments.wrong("workflow_ref", &format!("{error}: copy it verbatim from list_workflows"));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::testing::object;

    fn given(value: Value) -> Arguments {
        Arguments::new(object(value))
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (written, number) in [
            ("5", 5),
            ("5.0", 5),
            ("1e1", 10),
            ("-0.0", 0),
            ("12.50e1", 125),
            ("\"7\"", 7),
            ("\" 7.0 \"", 7),
            ("9007199254740993", 9_007_199_254_740_993),
        ] {
            let value: Value = serde_json::from_str(written).expect("JSON");
            let mut arguments = given(json!({ "n": value }));
            assert_eq!(arguments.integer("n"), Some(number), "{written}");
            assert!(arguments.finish().is_ok(), "{written}");
        }
        for written in ["5.5", "1e-1", "1e400", "1e30", "\"five\"", "\"inf\"", "true", "[5]", "{}"] {
            let value: Value = serde_json::from_str(written).expect("JSON");
            let mut arguments = given(json!({ "n": value }));
            assert_eq!(arguments.integer("n"), None, "{written}");
            assert!(arguments.finish().is_err(), "{written}");
        }
    }

    #[test]
    fn null_and_an_empty_text_are_absent() {
        let mut arguments = given(json!({ "a": null, "b": "", "c": " ", "d": null, "e": "" }));
        assert_eq!((arguments.text("a"), arguments.optional_text("b")), (None, None));
        assert_eq!(
            (arguments.optional_text("c"), arguments.integer("d"), arguments.count("e")),
            (None, None, None)
        );
        assert!(arguments.finish().is_ok());
        assert_eq!(arguments.note(), None);
        let mut missing = given(json!({ "a": null }));
        assert_eq!(missing.required_text("a"), None);
        let payload = missing.finish().expect_err("a is required").into_payload();
        assert_eq!(payload["error"]["message"], "a is missing");
    }

    #[test]
    fn a_json_value_is_written_out_as_it_was() {
        let json = r#"{"z":1.10,"a":[12345678901234567890123,-0.0]}"#;
        let mut arguments = given(json!({ "text": serde_json::from_str::<Value>(json).expect("JSON") }));
        assert_eq!(arguments.document("text").as_deref(), Some(json));
        assert!(arguments.note().is_some_and(|note| note.contains("`text`")));
        for other in [json!(7), json!(true)] {
            let mut arguments = given(json!({ "text": other }));
            assert_eq!((arguments.document("text"), arguments.noted()), (None, 1));
        }
    }

    #[test]
    fn what_is_unknown_fails_no_call_and_is_named_within_bounds() {
        let mut arguments = given(json!({ "wait_for_previous": true }));
        assert!(arguments.finish().is_ok());
        assert!(arguments.note().is_some_and(|note| note.contains("wait_for_previous")));

        let many: JsonObject =
            (0..9_000).map(|n| (format!("{n}\u{e0041}{}", "x".repeat(200)), json!(1))).collect();
        let mut arguments = Arguments::new(many.clone());
        assert!(arguments.finish().is_ok());
        let note = arguments.note().expect("a note");
        assert!(note.len() < 1_000 && note.contains("8990 more") && !note.contains('\u{e0041}'), "{note}");

        let mut arguments = Arguments::new(many);
        arguments.wrong("file_name", "is missing");
        let payload = arguments.finish().expect_err("an error was noted").into_payload();
        assert_eq!(payload["error"]["data"]["errors"].as_array().map(Vec::len), Some(MAX_ERRORS));
        assert_eq!(payload["error"]["data"]["errors"][0]["field"], "file_name");
    }
}
