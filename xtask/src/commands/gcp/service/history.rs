//! What a service remembers of its revisions, in annotations of its own: which have served, and which are not to serve
//! again.

use serde_json::{Map, Value};

use super::value::words;

/// The revisions that were given traffic after they had been proven, the latest first, with commas between them.
pub(super) const SERVED: &str = "validibot.com/served";

/// The revisions that were gone back from or marked as bad, the latest first: `REVISION=COMMIT`, or `REVISION` where the
/// commit itself is not to blame.
pub(super) const BAD: &str = "validibot.com/bad";

/// The revision that was gone back from, until a deploy brings another commit.
pub(super) const HELD: &str = "validibot.com/held";

/// How many revisions are remembered of each kind: enough to go back by name.
const REMEMBERED: usize = 10;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The revisions that have served after a proof, in the order of their service, the latest first.
    pub(crate) served: Vec<String>,
    /// The revisions that are not to serve again.
    pub(crate) bad: Vec<Bad>,
    /// What was gone back from, while the stage is held.
    pub(crate) held: Option<String>,
}

/// A revision that is not to serve again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    /// The revision.
    pub(crate) revision: String,
    /// Its commit, where that is to blame: every revision of it is bad.
    pub(crate) commit: Option<String>,
}

impl History {
    /// Reads the service's annotations.
    pub(super) fn read(annotations: &Value) -> Self {
        let list = |name: &str| words(annotations[name].as_str().unwrap_or_default());
        let bad = list(BAD).into_iter().map(|entry| match entry.split_once('=') {
            Some((revision, commit)) => {
                Bad { revision: revision.to_owned(), commit: Some(commit.to_owned()) }
            }
            None => Bad { revision: entry, commit: None },
        });
        Self { served: list(SERVED), bad: bad.collect(), held: list(HELD).into_iter().next() }
    }

    /// Writes them.
    pub(super) fn write(&self, annotations: &mut Map<String, Value>) {
        let bad = self.bad.iter().map(|bad| match &bad.commit {
            Some(commit) => format!("{}={commit}", bad.revision),
            None => bad.revision.clone(),
        });
        let list =
            |words: &mut dyn Iterator<Item = String>| words.take(REMEMBERED).collect::<Vec<_>>().join(",");
        for (name, value) in [
            (SERVED, list(&mut self.served.iter().cloned())),
            (BAD, list(&mut bad.into_iter())),
            (HELD, self.held.clone().unwrap_or_default()),
        ] {
            if value.is_empty() {
                annotations.remove(name);
            } else {
                annotations.insert(name.to_owned(), Value::String(value));
            }
        }
    }

    /// This revision serves, proven: whatever was held against it or its commit was decided otherwise.
    #[must_use]
    pub(crate) fn with_service_of(mut self, revision: &str, commit: Option<&str>) -> Self {
        self.served.retain(|known| known != revision);
        self.served.insert(0, revision.to_owned());
        self.without_blame(revision, commit)
    }

    /// Nothing is held against this revision, nor against its commit.
    #[must_use]
    pub(crate) fn without_blame(mut self, revision: &str, commit: Option<&str>) -> Self {
        self.bad
            .retain(|bad| bad.revision != revision && (commit.is_none() || bad.commit.as_deref() != commit));
        self
    }

    /// This revision is not to serve again.
    #[must_use]
    pub(crate) fn with_bad(mut self, bad: Bad) -> Self {
        self.bad.retain(|known| known.revision != bad.revision);
        self.bad.insert(0, bad);
        self
    }

    /// The revision that the stage is held after, where its commit is not to blame: what serves is of the same one.
    pub(crate) fn settings_held(&self) -> Option<&str> {
        let held = self.held.as_deref()?;
        let bad = self.bad.iter().find(|bad| bad.revision == held)?;
        bad.commit.is_none().then_some(held)
    }

    /// Why this revision, or its commit, is not to serve again: the revision that stands for it.
    pub(crate) fn blames(&self, revision: &str, commit: Option<&str>) -> Option<&Bad> {
        self.bad
            .iter()
            .find(|bad| bad.revision == revision || (bad.commit.is_some() && bad.commit.as_deref() == commit))
    }
}
