//! What a new version would change, key by key, without a value ever being shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hmac_sha256::HMAC;

use crate::config::env::EnvFile;
use crate::core::error::Result;
use crate::core::secret::{Secret, hex, random_hex};

/// How much of a hash is shown: enough to tell two values apart, and with a fresh key each time too little and too
/// short-lived to find one by trying.
const SHOWN: usize = 8;

/// The difference between the secret and the file.
pub(crate) enum Difference {
    /// The secret holds text that is no environment file: it cannot be compared by key.
    Unreadable,
    /// Each key that differs.
    Keys(Vec<Key>),
}

/// A key that differs.
pub(crate) struct Key {
    /// `None` where there is none to name.
    name: Option<String>,
    /// For people; values never.
    line: String,
}

impl Difference {
    /// Compares; `live` is the newest version's content.
    pub(crate) fn between(live: Option<&Secret>, file: &EnvFile) -> Result<Self> {
        let key = Secret::new(random_hex(32)?);
        let Some(live) = live else {
            return Ok(Self::Keys(compare(&BTreeMap::new(), &values(file), &key)).or_first());
        };
        let Ok(old) = EnvFile::parse(Path::new("the secret"), live.expose()) else {
            return Ok(Self::Unreadable);
        };
        Ok(Self::Keys(compare(&values(&old), &values(file), &key)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Keys(keys) if keys.is_empty())
    }

    /// For people.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Unreadable => vec!["what the secret holds now cannot be compared line by line".to_owned()],
            Self::Keys(keys) => keys.iter().map(|key| key.line.clone()).collect(),
        }
    }

    /// The names of the variables that differ; none where it cannot be compared by key.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Unreadable => Vec::new(),
            Self::Keys(keys) => keys.iter().filter_map(|key| key.name.as_deref()).collect(),
        }
    }

    /// A file without any setting is still a first version.
    fn or_first(self) -> Self {
        if self.is_empty() {
            Self::Keys(vec![Key { name: None, line: "the first version, without any setting".to_owned() }])
        } else {
            self
        }
    }
}

/// The values in force: of a key that stands twice, the last.
fn values(file: &EnvFile) -> BTreeMap<&str, &Secret> {
    file.entries().iter().map(|entry| (entry.name.as_str(), &entry.value)).collect()
}

fn compare(old: &BTreeMap<&str, &Secret>, new: &BTreeMap<&str, &Secret>, key: &Secret) -> Vec<Key> {
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let hash = |value: &Secret| keyed(key, value);
    names
        .into_iter()
        .filter_map(|name| {
            let line = match (old.get(name), new.get(name)) {
                (None, Some(new)) => format!("+ {name}  (fingerprint {})", hash(new)),
                (Some(old), None) => format!("- {name}  (fingerprint {})", hash(old)),
                (Some(old), Some(new)) if old != new => {
                    format!("~ {name}  (fingerprint {} -> {})", hash(old), hash(new))
                }
                _ => return None,
            };
            Some(Key { name: Some(name.to_owned()), line })
        })
        .collect()
}

/// HMAC-SHA256 (RFC 2104): equal values look equal, and without the key nobody can try out guesses.
fn keyed(key: &Secret, value: &Secret) -> String {
    hex(&HMAC::mac(value.expose(), key.expose()))[..SHOWN].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> EnvFile {
        EnvFile::parse(Path::new(".mcp"), text).unwrap()
    }

    fn lines(live: Option<&str>, text: &str) -> Vec<String> {
        Difference::between(live.map(Secret::new).as_ref(), &file(text)).unwrap().lines()
    }

    #[test]
    fn keys_are_named_and_values_are_not() {
        let lines = lines(Some("A=one\nB=two\nC=three\n"), "A=one\nB=sentinel\nD=sentinel\n");
        let text = lines.join("\n");
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[0].starts_with("~ B  ") && lines[1].starts_with("- C  ") && lines[2].starts_with("+ D  ")
        );
        for value in ["one", "two", "three", "sentinel"] {
            assert!(!text.contains(value), "{text}");
        }
        // The same value has the same hash within one comparison, and another one the next time.
        assert_eq!(lines[0].rsplit(' ').next(), lines[2].rsplit(' ').next());
        assert_ne!(super::tests::lines(None, "A=1"), super::tests::lines(None, "A=1"));
    }

    #[test]
    fn comments_and_order_are_no_difference() {
        assert!(lines(Some("# old\nA=1\nB=2\n"), "B=2\nA='1'\n").is_empty());
        assert_eq!(lines(None, "# nothing\n").len(), 1);
        assert_eq!(lines(Some("{not an environment file"), "A=1").len(), 1);
    }
}
