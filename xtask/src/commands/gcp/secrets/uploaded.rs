//! Whether the stage's `.mcp` is what the newest version of its secret holds: a deploy brings the version into service, not the file.

use std::path::PathBuf;

use super::difference::Difference;
use crate::config::env::EnvFile;
use crate::core::error::Result;
use crate::core::secret::Secret;
use crate::tools::gcloud::Seen;

/// The most names that a line of a plan holds; `gcp secrets` shows all of them.
const NAMED: usize = 5;

/// The file of the stage on this machine, beside the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uploaded {
    /// The file.
    path: PathBuf,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The newest version holds the same.
    Same,
    /// It does not.
    Differs {
        /// The newest version.
        version: u64,
        /// The variables that differ; empty where the version is no environment file.
        names: Vec<String>,
    },
    /// The version could not be read: who deploys needs no role for it.
    Unknown,
}

impl Uploaded {
    /// Compares; `answer` is the newest version's name in the first line, and what it holds after it.
    pub(crate) fn compare(file: &EnvFile, answer: &Seen<String>) -> Result<Self> {
        let path = file.path().to_owned();
        let Seen::Present(text) = answer else { return Ok(Self { path, state: State::Unknown }) };
        let (name, content) = text.split_once('\n').unwrap_or_default();
        let Some(version) = name.trim().rsplit('/').next().and_then(|number| number.parse().ok()) else {
            return Ok(Self { path, state: State::Unknown });
        };
        let difference = Difference::between(Some(&Secret::new(content)), file)?;
        let names = difference.names().into_iter().map(str::to_owned).collect();
        let state = if difference.is_empty() { State::Same } else { State::Differs { version, names } };
        Ok(Self { path, state })
    }

    /// What is not uploaded, in a sentence; `None` where everything is, or that is not known.
    pub(crate) fn difference(&self) -> Option<String> {
        let State::Differs { version, names } = &self.state else { return None };
        let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = if names.is_empty() { String::new() } else { format!(": {shown}{more}") };
        Some(format!("{} differs from version {version}, which this deploy uses{what}", self.path.display()))
    }

    /// That it could not be compared, in a sentence.
    pub(crate) fn unknown(&self) -> Option<String> {
        let unknown = self.state == State::Unknown;
        unknown.then(|| {
            format!("not compared with {}: its newest version could not be read", self.path.display())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_not_uploaded_is_named_and_no_value_is() {
        let file = |text: &str| EnvFile::parse(Path::new("dev/.mcp"), text).unwrap();
        let secret = |text: &str| Seen::Present(format!("projects/1/secrets/mcp-env/versions/7\n{text}"));
        let of = |local: &str, remote: Seen<String>| Uploaded::compare(&file(local), &remote).unwrap();
        let same = of("A=1\nB=2\n", secret("# order and comments say nothing\nB=2\nA=1\n"));
        assert_eq!((same.difference(), same.unknown()), (None, None));
        let edited = of("A=sentinel\nC=3\n", secret("A=sentinel-two\nB=2\n"));
        assert_eq!(
            edited.difference().as_deref(),
            Some("dev/.mcp differs from version 7, which this deploy uses: A, B, C")
        );
        let many = of("A=1\nB=1\nC=1\nD=1\nE=1\nF=1\n", secret(""));
        assert!(many.difference().unwrap().ends_with(": A, B, C, D, E and 1 more"), "{many:?}");
        let other = of("A=1\n", secret("{not an environment file"));
        assert!(other.difference().unwrap().ends_with("which this deploy uses"), "{other:?}");
        for unreadable in [Seen::Absent, Seen::Present("nothing".to_owned())] {
            let unknown = of("A=1\n", unreadable);
            assert!(unknown.difference().is_none() && unknown.unknown().is_some(), "{unknown:?}");
        }
    }
}
