//! A tool call's arguments, read strictly: everything that is wrong is reported at once, by field.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::outcome::ToolError;
use crate::validibot::FieldError;

/// The arguments of one call. Reading takes them out; what is left in the end is unknown.
pub(super) struct Arguments {
    given: JsonObject,
    errors: Vec<FieldError>,
}

impl Arguments {
    pub(super) fn new(given: JsonObject) -> Self {
        Self { given, errors: Vec::new() }
    }

    /// A required text.
    pub(super) fn required_text(&mut self, name: &str) -> String {
        if self.given.contains_key(name) {
            self.text(name)
        } else {
            self.wrong(name, "is missing");
            String::new()
        }
    }

    /// A text that may be left out, which is the same as an empty one.
    pub(super) fn text(&mut self, name: &str) -> String {
        match self.given.remove(name) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => {
                self.wrong(name, "has to be a string");
                String::new()
            }
        }
    }

    /// A whole number; models also write it as text.
    pub(super) fn integer(&mut self, name: &str, default: i64) -> i64 {
        let number = match self.given.remove(name) {
            None => return default,
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number.unwrap_or_else(|| {
            self.wrong(name, "has to be a whole number");
            default
        })
    }

    /// Notes what is wrong with an argument.
    pub(super) fn wrong(&mut self, field: &str, message: &str) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.to_owned() });
    }

    /// The end of reading: what is left is unknown, and whatever was wrong fails the call.
    pub(super) fn finish(&mut self) -> Result<(), ToolError> {
        for name in self.given.keys() {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            self.errors
                .push(FieldError { field: shown, message: "is not an argument of this tool".to_owned() });
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ToolError::invalid_params(std::mem::take(&mut self.errors)))
        }
    }
}
