//! The process environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// The process environment, taken once by `main` and handed down: nothing else reads the real one.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// From pairs; a pair that is no Unicode cannot be one of ours and is left out.
    pub fn new(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(
            pairs
                .into_iter()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// The value, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
