//! A TOML document that is read to its end: every mistake is kept with its place, none stops the reading.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Deref, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::stages::ByStage;

/// A value, and where in the text it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

/// What is wrong, and where: line and column from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) text: String,
}

/// Collects the mistakes of one document.
pub(super) struct Mistakes<'t> {
    text: &'t str,
    found: RefCell<Vec<Mistake>>,
}

/// A table whose keys are taken one by one; what is left over is a mistake.
pub(super) struct Section<'r, 't> {
    mistakes: &'r Mistakes<'t>,
    path: String,
    offset: usize,
    table: &'r DeTable<'t>,
    taken: BTreeSet<String>,
}

/// One value under its key.
pub(super) struct Node<'r, 't> {
    mistakes: &'r Mistakes<'t>,
    path: String,
    /// Where the key stands: what names the place best.
    pub(super) offset: usize,
    value: &'r Spanned<DeValue<'t>>,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'t> Mistakes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: RefCell::default() }
    }

    /// Adds one at a byte of the text.
    pub(super) fn add(&self, offset: usize, text: impl Into<String>) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.found.borrow_mut().push(Mistake { line, column, text: text.into() });
    }

    /// All of them, in the order of the text.
    pub(super) fn into_sorted(self) -> Vec<Mistake> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        found
    }
}

impl<'r, 't> Section<'r, 't> {
    pub(super) fn root(mistakes: &'r Mistakes<'t>, table: &'r DeTable<'t>) -> Self {
        Self { mistakes, path: String::new(), offset: 0, table, taken: BTreeSet::new() }
    }

    /// A key that has to be there.
    pub(super) fn need(&mut self, key: &str) -> Option<Node<'r, 't>> {
        let node = self.may(key);
        if node.is_none() {
            self.mistakes.add(self.offset, format!("{} is missing", self.path_of(key)));
        }
        node
    }

    /// A key that may be there.
    pub(super) fn may(&mut self, key: &str) -> Option<Node<'r, 't>> {
        self.taken.insert(key.to_owned());
        let (name, value) = self.table.get_key_value(key)?;
        let (mistakes, path, offset) = (self.mistakes, self.path_of(key), name.span().start);
        Some(Node { mistakes, path, offset, value })
    }

    /// Every key that was not taken, in the order of the text: for tables whose keys are names.
    pub(super) fn rest(mut self) -> Vec<(At<String>, Node<'r, 't>)> {
        let mut names: Vec<At<String>> = self
            .table
            .keys()
            .filter(|key| !self.taken.contains(key.get_ref().as_ref()))
            .map(|key| At { value: key.get_ref().to_string(), offset: key.span().start })
            .collect();
        names.sort_by_key(|name| name.offset);
        names.into_iter().filter_map(|name| self.may(&name.value).map(|node| (name, node))).collect()
    }

    /// Ends the section: a key that nobody asked for is a mistake.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.taken.contains(name) {
                continue;
            }
            let known = self.taken.iter().map(String::as_str);
            let meant = envs::closest(name, known.clone()).map_or_else(
                || format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean {meant}?"),
            );
            let text = format!("{}: unknown key; {meant}", self.path_of(name));
            self.mistakes.add(key.span().start, text);
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'r, 't> Node<'r, 't> {
    /// Says what is wrong with it.
    pub(super) fn mistake(&self, text: impl AsRef<str>) {
        self.mistakes.add(self.offset, format!("{}: {}", self.path, text.as_ref()));
    }

    fn wanted(&self, form: &str) {
        self.mistake(format!("write {form}, not {}", self.value.get_ref().type_str()));
    }

    /// A text.
    pub(super) fn text(&self) -> Option<At<String>> {
        let text = self.value.get_ref().as_str();
        if text.is_none() {
            self.wanted("a text");
        }
        text.map(|text| At { value: text.to_owned(), offset: self.offset })
    }

    /// A whole number within a range.
    pub(super) fn whole(&self, range: &RangeInclusive<u32>) -> Option<u32> {
        let Some(number) = self.value.get_ref().as_integer() else {
            self.wanted("a whole number");
            return None;
        };
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.mistake(format!("write a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        let flag = self.value.get_ref().as_bool();
        if flag.is_none() {
            self.wanted("true or false");
        }
        flag
    }

    /// A list.
    pub(super) fn list<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Option<Vec<T>> {
        let Some(list) = self.value.get_ref().as_array() else {
            self.wanted("a list");
            return None;
        };
        let items = list.iter().enumerate().map(|(index, value)| Node {
            mistakes: self.mistakes,
            path: format!("{}[{index}]", self.path),
            offset: value.span().start,
            value,
        });
        Some(items.filter_map(|item| read(&item)).collect())
    }

    /// A table of its own.
    pub(super) fn section(&self) -> Option<Section<'r, 't>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.wanted("a table");
            return None;
        };
        let (mistakes, path) = (self.mistakes, self.path.clone());
        Some(Section { mistakes, path, offset: self.offset, table, taken: BTreeSet::new() })
    }

    /// Whether it is a table.
    pub(super) fn is_section(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// One value for every stage, or `{ prod = …, other = … }`.
    pub(super) fn staged<T: Clone>(&self, read: impl Fn(&Self) -> Option<T>) -> Option<ByStage<T>> {
        if !self.is_section() {
            return read(self).map(ByStage::same);
        }
        let mut section = self.section()?;
        let stages = ["dev", "staging", "prod", "other"].map(|stage| section.may(stage));
        section.finish();
        let given: Vec<bool> = stages.iter().map(Option::is_some).collect();
        let [dev, staging, prod, other] = stages.map(|node| node.and_then(|node| read(&node)));
        if !given[3] && given[..3].contains(&false) {
            self.mistake("a stage has no value; name all three, or add 'other'");
        }
        Some(ByStage {
            dev: dev.or_else(|| other.clone())?,
            staging: staging.or_else(|| other.clone())?,
            prod: prod.or(other)?,
        })
    }
}
