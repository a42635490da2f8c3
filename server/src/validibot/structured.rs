//! JSON on its way to an agent: values that were read or made here, and texts that go on as Validibot sent them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

/// A value, in one of the two forms in which it can go on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Structured {
    /// What was read into a tree, or made here.
    Tree(Value),
    /// What goes on in its own bytes.
    Raw(Raw),
}

/// One JSON value in the bytes that it came in: on one line, no deeper than a client can read, and without the keys that
/// are `serde_json`'s own.
///
/// It is not `serde_json`'s `RawValue`, which can be made of a text only by scanning it: a list's text has been read for
/// its entries at that point, and a second scan takes some 3% of a call's instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw(Box<str>);

impl Raw {
    /// Of a text that was read by `serde_json`, whatever of it was kept, and that `passthrough` has found fit.
    pub(super) fn of_read(text: &str) -> Self {
        Self(text.into())
    }

    /// The JSON.
    pub(crate) fn get(&self) -> &str {
        &self.0
    }

    /// The tree. A text of which only the form was read can still have what no tree can: a number out of all bounds, or
    /// half a surrogate pair; it is then null.
    fn read(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Structured {
    /// What has been read; `None` for what has not.
    pub(crate) fn tree(&self) -> Option<&Value> {
        match self {
            Self::Tree(value) => Some(value),
            Self::Raw(_) => None,
        }
    }

    /// The value, read if it has not been.
    pub(crate) fn into_tree(self) -> Value {
        match self {
            Self::Tree(value) => value,
            Self::Raw(raw) => raw.read(),
        }
    }

    /// The value as JSON.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Tree(value) => value.to_string().into(),
            Self::Raw(raw) => raw.get().into(),
        }
    }
}

impl From<Value> for Structured {
    fn from(value: Value) -> Self {
        Self::Tree(value)
    }
}

/// An object's members in their order. There are some dozens at most, which are found faster by looking than by hashing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Members(Vec<(String, Structured)>);

impl Members {
    /// With room for this many.
    pub(super) fn with_capacity(members: usize) -> Self {
        Self(Vec::with_capacity(members))
    }

    /// The member of this name.
    pub(crate) fn get(&self, key: &str) -> Option<&Structured> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member of this name, if it has been read.
    pub(crate) fn tree(&self, key: &str) -> Option<&Value> {
        self.get(key)?.tree()
    }

    /// The member of this name as a tree that can be changed: what has not been read is read now.
    pub(crate) fn tree_mut(&mut self, key: &str) -> Option<&mut Value> {
        let (_, value) = self.0.iter_mut().find(|(name, _)| name == key)?;
        if let Structured::Raw(raw) = value {
            *value = Structured::Tree(raw.read());
        }
        match value {
            Structured::Tree(tree) => Some(tree),
            Structured::Raw(_) => None,
        }
    }

    /// Puts a member in the place of the one of its name, or else behind the others.
    pub(crate) fn put(&mut self, key: impl Into<String>, value: impl Into<Structured>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Puts a member before the others; one of its name goes.
    pub(crate) fn put_first(&mut self, key: &str, value: impl Into<Structured>) {
        self.0.retain(|(name, _)| name != key);
        self.0.insert(0, (key.to_owned(), value.into()));
    }

    /// The object as a tree: what has not been read is read.
    pub(crate) fn into_tree(self) -> Map<String, Value> {
        self.0.into_iter().map(|(key, value)| (key, value.into_tree())).collect()
    }

    /// The object as JSON.
    pub(crate) fn text(&self) -> String {
        let known = |value: &Structured| if let Structured::Raw(raw) = value { raw.get().len() } else { 64 };
        let mut text =
            Vec::with_capacity(self.0.iter().map(|(key, value)| key.len() + known(value) + 4).sum());
        let mut before = b'{';
        for (key, value) in &self.0 {
            text.push(before);
            before = b',';
            write(&mut text, key);
            text.push(b':');
            match value {
                Structured::Tree(value) => write(&mut text, value),
                Structured::Raw(raw) => text.extend_from_slice(raw.get().as_bytes()),
            }
        }
        text.extend_from_slice(if self.0.is_empty() { b"{}" } else { b"}" });
        String::from_utf8(text).expect("JSON that serde_json writes, and texts, are UTF-8")
    }
}

/// Writes behind what is there. A text of each member of its own, by way of `Display`, was a sixth of a call's instructions.
fn write(text: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(text, value).expect("trees and keys have a form in JSON, and memory takes it");
}

impl From<Map<String, Value>> for Members {
    fn from(object: Map<String, Value>) -> Self {
        Self(object.into_iter().map(|(key, value)| (key, value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members() -> Members {
        let mut members = Members::default();
        members.put("b\"", json!([1, "ü"]));
        members.put("raw", Structured::Raw(Raw::of_read(r#"{"z": 1.10,"a":1e5}"#)));
        members.put("b\"", json!(null));
        members
    }

    #[test]
    fn a_text_goes_on_as_it_came_and_a_tree_as_serde_json_writes_it() {
        assert_eq!(Members::default().text(), "{}");
        let mut members = members();
        assert_eq!(members.text(), r#"{"b\"":null,"raw":{"z": 1.10,"a":1e5}}"#);
        members.put_first("raw", json!(1));
        assert_eq!(members.text(), r#"{"raw":1,"b\"":null}"#);
    }

    #[test]
    fn what_has_not_been_read_is_no_tree_until_it_is_asked_for() {
        let mut members = members();
        assert_eq!((members.tree("raw"), members.tree("b\"")), (None, Some(&Value::Null)));
        assert!(members.get("raw").is_some() && members.tree("none").is_none());
        assert_eq!(
            Value::Object(members.clone().into_tree()).to_string(),
            r#"{"b\"":null,"raw":{"z":1.10,"a":1e+5}}"#
        );
        members.tree_mut("raw").expect("a tree")["a"] = 2.into();
        assert_eq!(members.text(), r#"{"b\"":null,"raw":{"z":1.10,"a":2}}"#);
    }

    #[test]
    fn what_no_tree_can_have_is_null() {
        assert_eq!(Structured::Raw(Raw::of_read(r#""\ud800""#)).into_tree(), Value::Null);
    }
}
