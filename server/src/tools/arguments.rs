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

    /// A text that has to be there; `None` where it is not, or is something else, which is noted.
    pub(super) fn required_text(&mut self, name: &str) -> Option<String> {
        if !self.given.contains_key(name) {
            self.wrong(name, "is missing");
        }
        self.text(name)
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if let Value::String(text) = self.given.remove(name)? {
            return Some(text);
        }
        self.wrong(name, "has to be a string");
        None
    }

    /// A whole number that may be left out; models also write it as text.
    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        let number = match self.given.remove(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
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

    /// Whether an argument was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
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
