//! A checkout of Validibot, read as text: where each part of the contract is.

use std::cell::OnceCell;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::python;
use super::report::{Row, State};
use super::used::{self, Form, Part, Since};
use crate::core::error::{Error, Result};

/// Far above any source file of a person.
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;
/// Far above the sources of one application.
const MAX_FILES: usize = 20_000;
/// Where its own sources are.
const ROOMS: [&str; 2] = ["config", "validibot"];
/// Folders in which words of the contract stand without being it.
const PASSED_OVER: [&str; 4] = ["tests", "migrations", "node_modules", "__pycache__"];

/// A checkout.
pub(super) struct Checkout<'a> {
    root: &'a Path,
    /// Every source file, without its comments: read when something is not where it should be.
    all: OnceCell<Vec<(PathBuf, String)>>,
}

/// Where a part's words are looked for.
enum Place {
    /// The words that stand there.
    Words(Vec<String>),
    /// There is no such file, or no such block in it.
    Nowhere,
    /// It is there and cannot be read.
    Unreadable(String),
}

impl<'a> Checkout<'a> {
    /// Makes sure that it is one.
    ///
    /// # Errors
    /// Where the folder is no checkout of Validibot: then every part would be gone.
    pub(super) fn at(root: &'a Path) -> Result<Self> {
        let own = ["manage.py", "config/settings", "validibot"];
        let missing: Vec<String> =
            own.iter().filter(|path| !root.join(path).exists()).map(|path| (*path).to_owned()).collect();
        if missing.is_empty() {
            return Ok(Self { root, all: OnceCell::new() });
        }
        Err(Error::usage(format!("{} is not a checkout of Validibot", root.display()))
            .cause(format!("it has no {}", missing.join(", no ")))
            .hint("name the folder that has its manage.py, or the address of a running site, which begins with http"))
    }

    /// A row for each word of the contract, and for each that is not in it. `new` says which contract is expected.
    pub(super) fn rows(&self, new: bool) -> Vec<Row> {
        used::parts().flat_map(|part| self.part(part, new)).collect()
    }

    fn part(&self, part: &Part, new: bool) -> Vec<Row> {
        // What only the other kind of version has.
        let foreign = match part.since {
            Since::Always => false,
            Since::Old => new,
            Since::New => !new,
        };
        let file = fs_name(part.file);
        let path = self.root.join(&file);
        let place = place(&path, part);
        let row = |word: &str, state, breaking, place: Option<String>| Row {
            name: format!("{}{word}", part.name),
            state,
            breaking: breaking && !foreign,
            place,
        };
        let words = match &place {
            Place::Unreadable(why) => {
                let why = format!("{}: {why}", part.file);
                let all = part.used.iter().chain(part.known);
                return all.map(|word| row(word, State::CouldNotTell, false, Some(why.clone()))).collect();
            }
            Place::Nowhere => [].as_slice(),
            Place::Words(words) => words,
        };
        let is_there = |word: &str| match part.form {
            Form::Code => words.iter().any(|code| code.contains(&normal(word))),
            _ => words.iter().any(|there| there == word),
        };
        let mut rows = Vec::new();
        for (list, breaks) in [(part.used, true), (part.known, false)] {
            for word in list {
                rows.push(match (is_there(word), foreign) {
                    (true, false) => row(word, State::AsExpected, false, Some(part.file.to_owned())),
                    (true, true) => row(word, State::New, false, Some(part.file.to_owned())),
                    (false, true) => row(word, State::AsExpected, false, None),
                    (false, false) => match self.elsewhere(&path, part, word) {
                        // The same class in another file is the same to a caller.
                        Some(found) => row(word, State::Moved, false, Some(found)),
                        None => row(word, State::Gone, breaks, Some(part.file.to_owned())),
                    },
                });
            }
        }
        if part.open && !foreign {
            let unknown = words.iter().filter(|there| !part.shares_its_place_with(there));
            rows.extend(unknown.map(|word| row(word, State::New, false, Some(part.file.to_owned()))));
        }
        rows
    }

    /// Another file that has the word, in the same blocks: only where that says what it is.
    fn elsewhere(&self, expected: &Path, part: &Part, word: &str) -> Option<String> {
        if !part.telling {
            return None;
        }
        let all = self.all.get_or_init(|| self.sources());
        let has = |code: &String| {
            words(code, part).is_some_and(|words| match part.form {
                Form::Code => words.iter().any(|code| code.contains(&normal(word))),
                _ => words.iter().any(|there| there == word),
            })
        };
        let found = all.iter().find(|(path, code)| path != expected && code.contains(word) && has(code));
        found.map(|(path, _)| path.strip_prefix(self.root).unwrap_or(path).display().to_string())
    }

    fn sources(&self) -> Vec<(PathBuf, String)> {
        let mut folders: Vec<PathBuf> = ROOMS.iter().map(|room| self.root.join(room)).collect();
        let (mut sources, mut seen) = (Vec::new(), 0);
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                seen += 1;
                // A link may lead anywhere, and around in a circle.
                let Ok(kind) = entry.file_type() else { continue };
                let (path, name) = (entry.path(), entry.file_name());
                if kind.is_dir() && !PASSED_OVER.iter().any(|passed| name == *passed) {
                    folders.push(path);
                } else if kind.is_file()
                    && path.extension().is_some_and(|end| end == "py")
                    && let Ok(Some(source)) = read(&path)
                {
                    sources.push((path, python::code(&source)));
                }
                if seen > MAX_FILES {
                    return sources;
                }
            }
        }
        // In any order of the folder's, the report is the same.
        sources.sort();
        sources
    }
}

fn place(path: &Path, part: &Part) -> Place {
    match read(path) {
        Ok(Some(source)) => words(&python::code(&source), part).map_or(Place::Nowhere, Place::Words),
        Ok(None) => Place::Nowhere,
        Err(why) => Place::Unreadable(why),
    }
}

/// The words of a part in a file, or `None` where its blocks are not there.
fn words(code: &str, part: &Part) -> Option<Vec<String>> {
    let mut block = None;
    for header in part.within {
        block = Some(python::block(block.as_deref().unwrap_or(code), header)?);
    }
    let code = block.as_deref().unwrap_or(code);
    Some(match part.form {
        Form::Literals => python::literals(code),
        Form::Keys => python::keys(code),
        Form::Names => python::assigned(code),
        Form::Routes => python::routes(code),
        Form::Code => vec![normal(code)],
    })
}

/// Code in one line, with one space where there was any.
fn normal(code: &str) -> String {
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fs_name(path: &str) -> PathBuf {
    path.split('/').collect()
}

/// A file's text; `None` where there is no such file.
fn read(path: &Path) -> std::result::Result<Option<String>, String> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err("it is larger than 2 MB".to_owned());
    }
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not text".to_owned())
}
