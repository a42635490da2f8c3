//! What colours mean. A text carries them as escape codes; the printer takes them away where a stream has no colours.

use anstyle::{AnsiColor, Style};

/// The meaning of a word, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It works, or is made.
    Good,
    /// It is wrong, or is removed.
    Bad,
    /// It changes, or needs attention.
    Careful,
    /// What to do.
    Hint,
    /// A heading.
    Heading,
    /// What a reader may pass over.
    Faint,
}

impl Tone {
    const fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Good => style.bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green))),
            Self::Bad => style.bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
            Self::Careful => style.bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow))),
            Self::Hint => style.bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan))),
            Self::Heading => style.bold(),
            Self::Faint => style.dimmed(),
        }
    }

    /// The text in this tone. Blanks at its end are not part of the tone, so that lines can be wrapped there.
    pub fn paint(self, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        let (words, blanks) = text.split_at(text.trim_end().len());
        let style = self.style();
        if words.is_empty() { text.to_owned() } else { format!("{style}{words}{style:#}{blanks}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_ends_with_its_words() {
        assert_eq!(Tone::Bad.paint("error: "), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m ");
        assert_eq!(Tone::Bad.paint("  "), "  ");
    }
}
