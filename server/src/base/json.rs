//! JSON of others, read so that it costs what its bytes cost.
//!
//! `serde_json` has keys of its own. An object whose first key is one of them is no object to it: the string behind it is
//! parsed as JSON once more, or is taken for a number. Whoever may choose a key could so hide any structure in a string,
//! where nobody counts it. So a text is scanned for such keys, and its structure is counted, before it becomes a tree.

use memchr::{memchr, memchr2, memmem};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// How `serde_json`'s own keys begin (its `number.rs` and `raw.rs`); a test asks it for them.
const PRIVATE: &[u8] = b"$serde_json::private::";

/// What a character of structure takes in memory at most, once the text is a tree: measured with `[1],[1],…`, which
/// takes 150 times its size in the MCP layer.
pub(crate) const NODE_BYTES: usize = 320;

/// What a document of a protocol has at most, such as a key set, a token's claims or an app's metadata: far above any real one,
/// and little more than a megabyte as a tree.
const MAX_DOCUMENT: usize = 4_000;

/// Why a text was not read. None of them quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum JsonError {
    /// A key by which its reader would be led to parse a string.
    #[error("has a key that is reserved to the program that reads it")]
    Private,
    /// More structure than anything that was asked for has.
    #[error("has more lists, objects and members than is read")]
    TooComplex,
    /// Not JSON, or not what was asked for.
    #[error("is not the JSON that was expected")]
    Form,
}

/// Reads a text of at most `nodes` characters of structure: `[`, `{`, `,` and `:` outside strings.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8], nodes: usize) -> Result<T, JsonError> {
    let mut scan = Scan::default();
    scan.take(text);
    if scan.is_private() {
        return Err(JsonError::Private);
    }
    if scan.nodes() > nodes {
        return Err(JsonError::TooComplex);
    }
    serde_json::from_slice(text).map_err(|_| JsonError::Form)
}

/// Reads a document of a protocol, such as a key set, a token's claims or an app's metadata.
pub(crate) fn document<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    read(text, MAX_DOCUMENT)
}

/// How much structure a text has.
pub(crate) fn nodes(text: &[u8]) -> usize {
    let mut scan = Scan::default();
    scan.take(text);
    scan.nodes()
}

/// Whether a text can be told at a glance to have none of the private keys: it has neither their beginning nor an escape
/// that could stand for a letter of it.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    // Most texts have neither of the two first bytes, which is told in a fifth of the time.
    let holds = |part: &[u8]| memchr(part[0], text).is_some() && memmem::find(text, part).is_some();
    !holds(PRIVATE) && !holds(br"\u")
}

/// Counts a text's structure and follows its strings while it streams by, without reading it.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    nodes: usize,
    private: bool,
    place: Place,
    /// How much of [`PRIVATE`] this string has spelled; nothing more can come of one that is [`LOST`].
    spelled: usize,
    /// The string that has just ended began with [`PRIVATE`]: if it is a key, a colon follows.
    suspect: bool,
}

/// The string does not begin with [`PRIVATE`].
const LOST: usize = usize::MAX;

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash.
    Escape,
    /// Behind `\u`: so many digits are to come.
    Unicode {
        left: u8,
        unit: u16,
    },
}

impl Scan {
    /// Takes in the next bytes.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            match self.place {
                Place::Outside => self.outside(byte),
                Place::Inside => match byte {
                    b'"' => {
                        self.suspect = self.spelled == PRIVATE.len();
                        self.place = Place::Outside;
                    }
                    b'\\' => self.place = Place::Escape,
                    _ => {
                        self.spell(Some(byte));
                        // Nothing is left to follow: on to the next byte that means something.
                        if self.spelled >= PRIVATE.len() {
                            bytes = &bytes[memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len())..];
                        }
                    }
                },
                Place::Escape if byte == b'u' => self.place = Place::Unicode { left: 4, unit: 0 },
                Place::Escape => {
                    self.spell(None);
                    self.place = Place::Inside;
                }
                Place::Unicode { left, unit } => self.digit(byte, left, unit),
            }
        }
    }

    /// How many characters of structure there were.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Whether one of `serde_json`'s own keys was there, in any spelling.
    pub(crate) fn is_private(&self) -> bool {
        self.private
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'"' => (self.place, self.spelled) = (Place::Inside, 0),
            b' ' | b'\t' | b'\n' | b'\r' => return,
            b':' => {
                self.private |= self.suspect;
                self.nodes += 1;
            }
            b'[' | b'{' | b',' => self.nodes += 1,
            _ => {}
        }
        self.suspect = false;
    }

    /// A letter of a string; `None` for one that the private keys do not have.
    fn spell(&mut self, letter: Option<u8>) {
        if let Some(expected) = PRIVATE.get(self.spelled) {
            self.spelled = if letter == Some(*expected) { self.spelled + 1 } else { LOST };
        }
    }

    /// A digit of an escape. Where it is none, the text is no JSON, and its reader gets no further than here.
    fn digit(&mut self, byte: u8, left: u8, unit: u16) {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
        let unit = digit.map(|digit| unit << 4 | digit);
        match (unit, left) {
            (Some(unit), 2..) => self.place = Place::Unicode { left: left - 1, unit },
            (unit, _) => {
                self.spell(unit.and_then(|unit| u8::try_from(unit).ok()));
                self.place = Place::Inside;
            }
        }
    }
}

#[cfg(test)]
mod tests;
