//! One environment file, with the line of each value.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use envs::file::{Assignment, LineError};

use super::location::Location;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// A file that was read and understood as a whole.
#[derive(Debug, Clone)]
pub struct EnvFile {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// One assignment.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The variable.
    pub name: String,
    /// Its value: hidden, whatever the variable, since a mistyped name may hold a secret too.
    pub value: Secret,
    /// The line, from 1.
    pub line: usize,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The file itself, and the reason.
    File(String),
    /// Lines of it, all of them.
    Lines(Vec<LineError>),
}

/// Far above the 64 KiB that a secret of Secret Manager may hold.
const MAX_BYTES: u64 = 1024 * 1024;

impl EnvFile {
    /// Reads a file; `None` where there is none. Every line that is wrong is reported at once.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        Self::examine(path).map_err(|unreadable| unreadable.into_error(path))
    }

    /// As [`EnvFile::read`], with what is wrong as a value.
    pub fn examine(path: &Path) -> std::result::Result<Option<Self>, Unreadable> {
        // Opening a pipe blocks until it has a writer, and a device has no end.
        if let Ok(metadata) = path.metadata() {
            let wrong = match metadata.len() {
                _ if !metadata.is_file() && !metadata.is_dir() => {
                    Some("it is a pipe or a device, not a file")
                }
                length if length > MAX_BYTES => {
                    Some("it is larger than 1 MiB, and an environment file is a few KiB")
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(Unreadable::File(wrong.to_owned()));
            }
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Unreadable::File(error.to_string())),
        };
        Self::understood(path, envs::file::parse_bytes(&bytes)).map(Some)
    }

    /// Understands the text of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        Self::understood(path, envs::file::parse(text)).map_err(|unreadable| unreadable.into_error(path))
    }

    fn understood(
        path: &Path,
        parsed: std::result::Result<Vec<Assignment>, Vec<LineError>>,
    ) -> std::result::Result<Self, Unreadable> {
        let assignments = parsed.map_err(Unreadable::Lines)?;
        let entries = assignments
            .iter()
            .map(|a| Entry { name: a.key().to_owned(), value: Secret::new(a.value()), line: a.line() })
            .collect();
        Ok(Self { path: path.to_owned(), entries })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line of one of its assignments.
    pub fn at(&self, entry: &Entry) -> Location {
        Location::line(&self.path, entry.line)
    }

    /// Every assignment, in the file's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The assignment in force: as for bash and python-dotenv, the last one of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.name == name)
    }
}

impl Unreadable {
    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::File(why) => Error::usage("an environment file cannot be read")
                .cause(format!("{}: {why}", path.display())),
            Self::Lines(errors) => Error::usage(format!("{} has lines that cannot be read", path.display()))
                .causes(errors.iter().map(|error| format!("{}: {error}", Location::line(path, error.line))))
                .hint("such a line means one thing to bash and another to the server: correct it, then try again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_text_or_no_file_is_named_in_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".gcp");
        std::fs::write(&path, b"# in Latin-1:\nGCP_REGION=caf\xe9\n").unwrap();
        let error = EnvFile::read(&path).unwrap_err();
        assert_eq!(
            error.causes_of(),
            [format!("{}:2: the line is not UTF-8 text: save the file as UTF-8", path.display())]
        );
        let error = EnvFile::read(folder.path()).unwrap_err();
        assert!(error.causes_of()[0].starts_with(&folder.path().display().to_string()), "{error}");
        assert!(EnvFile::read(&folder.path().join(".mcp")).unwrap().is_none());
        let device = EnvFile::read(Path::new("/dev/zero")).unwrap_err();
        assert!(device.causes_of()[0].contains("a pipe or a device"), "{device}");
        std::fs::write(folder.path().join(".test"), "# long\n".repeat(200_000)).unwrap();
        let long = EnvFile::read(&folder.path().join(".test")).unwrap_err();
        assert!(long.causes_of()[0].contains("larger than 1 MiB"), "{long}");
    }

    #[test]
    fn the_last_assignment_counts_and_every_bad_line_is_named() {
        let file = EnvFile::parse(Path::new("x/.mcp"), "A=1\nB=2\nexport A=3\n").unwrap();
        let entry = file.get("A").unwrap();
        assert_eq!((entry.value.expose(), entry.line), ("3", 3));

        let error = EnvFile::parse(Path::new("x/.mcp"), "A = 1\nB=2\nC=$D\n").unwrap_err();
        expect_test::expect![[r"
            x/.mcp has lines that cannot be read
              x/.mcp:1: A: a blank before '=': bash would run the name as a command; write NAME=value
              x/.mcp:3: C: a character that the shell treats specially: put the value in single quotes
            hint: such a line means one thing to bash and another to the server: correct it, then try again"]]
        .assert_eq(&error.to_string());
        assert_eq!(error.exit().code(), 64);
    }
}
