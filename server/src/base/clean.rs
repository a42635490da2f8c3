//! Text of others, fit to be written: to a terminal, which obeys escape sequences, or to a line of log.

use std::fmt::{self, Write};

/// Writes a text without what a terminal would obey or would not show: control characters, but for line ends and tabs,
/// and the invisible characters that reorder what stands beside them (Unicode Standard Annex 9, section 2).
pub(crate) struct Clean<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Clean<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Filter(f), "{}", self.0)
    }
}

struct Filter<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Filter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_foul) {
            self.0.write_str(&rest[..at])?;
            self.0.write_char(char::REPLACEMENT_CHARACTER)?;
            let mut after = rest[at..].chars();
            after.next();
            rest = after.as_str();
        }
        self.0.write_str(rest)
    }
}

fn is_foul(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The beginning of a text, of at most `max` bytes, with a mark where something is missing.
pub(crate) fn short(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

/// What a value writes, no more than `max` bytes of it: the rest is not even made.
pub(crate) fn short_debug(value: &dyn fmt::Debug, max: usize) -> String {
    struct Short {
        text: String,
        max: usize,
    }
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = self.max - self.text.len();
            if text.len() <= room {
                self.text.push_str(text);
                return Ok(());
            }
            let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
            self.text.push_str(&text[..end]);
            Err(fmt::Error)
        }
    }
    let mut short = Short { text: String::new(), max };
    if write!(short, "{value:?}").is_err() {
        short.text.push('…');
    }
    short.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_missing() {
        let osc = "a\u{1b}]52;c;AAAA\u{7}\u{9b}2Jb\u{202e}c\r\nd\te";
        assert_eq!(Clean(osc).to_string(), "a\u{fffd}]52;c;AAAA\u{fffd}\u{fffd}2Jb\u{fffd}c\u{fffd}\nd\te");
        assert_eq!(Clean("Größe: 3 m²").to_string(), "Größe: 3 m²");
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(short("äöü", 6), "äöü");
        assert_eq!(short("äöü", 5), "äö…");
        assert_eq!(short_debug(&"äöü", 100), "\"äöü\"");
        assert_eq!(short_debug(&format_args!("{}", "äöü"), 5), "äö…");
        assert_eq!(short_debug(&vec![7; 1_000_000], 7), "[7, 7, …");
    }
}
