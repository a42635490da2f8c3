//! Texts with names in braces: `{app}-web{suffix}`.

use std::collections::BTreeMap;

/// What every text may name: the settings of a stage, and what is being deployed.
pub(super) const BUILT_IN: [&str; 8] =
    ["app", "project", "region", "stage", "suffix", "version", "revision", "commit"];

/// What is known only once there is an image.
pub(super) const OF_IMAGE: [&str; 3] = ["version", "revision", "commit"];

/// The longest that each may be, for names whose length is limited (`GCP_APP_NAME` has at most 18 characters).
const LONGEST: [(&str, &str); 3] =
    [("app", "aaaaaaaaaaaaaaaaaa"), ("stage", "staging"), ("suffix", "-staging")];

/// A text, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Name(String),
}

/// What the names mean; a name without a value is one that was left unset.
pub(super) type Scope = BTreeMap<String, Option<Text>>;

/// A text in which at most the names of [`OF_IMAGE`] are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageText(Text);

/// What an image says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ImageFacts<'a> {
    /// The version of its program.
    pub version: &'a str,
    /// Its tag, the short commit.
    pub revision: &'a str,
    /// The commit in full.
    pub commit: &'a str,
}

impl ImageText {
    /// Of a text that was filled.
    pub(super) fn of(filled: Text) -> Self {
        Self(filled)
    }

    /// The text for this image.
    pub fn fill(&self, image: &ImageFacts<'_>) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Name(name) => match name.as_str() {
                "version" => image.version,
                "revision" => image.revision,
                _ => image.commit,
            }
            .to_owned(),
        };
        self.0.parts.iter().map(part).collect()
    }
}

impl Text {
    /// Takes a text apart; `known` says which names exist. Every name that does not is said.
    pub(super) fn parse(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Self, Vec<String>> {
        let mut parts = Vec::new();
        let mut wrong = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            parts.push(Part::Literal(before.to_owned()));
            let Some((name, after)) = after.split_once('}') else {
                wrong.push("'{' without '}'".to_owned());
                rest = "";
                break;
            };
            if !known(name) {
                wrong.push(format!(
                    "{{{name}}} is neither built in ({}) nor in [values]",
                    BUILT_IN.join(", ")
                ));
            }
            parts.push(Part::Name(name.to_owned()));
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        parts.retain(|part| *part != Part::Literal(String::new()));
        if wrong.is_empty() { Ok(Self { parts }) } else { Err(wrong) }
    }

    /// The names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// A text without names.
    pub(super) fn literal(text: &str) -> Self {
        Self { parts: vec![Part::Literal(text.to_owned())] }
    }

    /// A text that is one name.
    pub(super) fn name(name: &str) -> Self {
        Self { parts: vec![Part::Name(name.to_owned())] }
    }

    /// The text with every name replaced by what it means; the name that has no value where there is one.
    pub(super) fn fill(&self, scope: &Scope) -> Result<Self, String> {
        let mut parts = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(_) => parts.push(part.clone()),
                Part::Name(name) => match scope.get(name) {
                    Some(Some(value)) => parts.extend(value.parts.iter().cloned()),
                    _ => return Err(name.clone()),
                },
            }
        }
        Ok(Self { parts })
    }

    /// The text, where no name is left in it; the first name else.
    pub(super) fn plain(self) -> Result<String, String> {
        self.parts
            .into_iter()
            .map(|part| match part {
                Part::Literal(text) => Ok(text),
                Part::Name(name) => Err(name),
            })
            .collect()
    }

    /// The longest that it can become, as far as names of limited length are concerned; others count as nothing.
    pub(super) fn longest(&self) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Name(name) => LONGEST
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, text)| (*text).to_owned())
                .unwrap_or_default(),
        };
        self.parts.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Text, Vec<String>> {
        Text::parse(text, &|name| BUILT_IN.contains(&name))
    }

    #[test]
    fn names_are_replaced_and_an_unset_one_is_said() {
        let text = parse("{app}-web{suffix}").unwrap();
        let value = |text: &str| Some(Text::literal(text));
        let mut scope = Scope::from([("app".into(), value("acme")), ("suffix".into(), value("-dev"))]);
        assert_eq!(text.fill(&scope).and_then(Text::plain), Ok("acme-web-dev".into()));
        scope.insert("suffix".into(), None);
        assert_eq!(text.fill(&scope), Err("suffix".into()));
        assert_eq!(text.longest().len(), 18 + 4 + 8);
    }

    #[test]
    fn a_name_that_does_not_exist_is_refused() {
        assert_eq!(parse("{app}-{nope}").unwrap_err().len(), 1);
        assert_eq!(parse("{app").unwrap_err(), ["'{' without '}'"]);
    }
}
