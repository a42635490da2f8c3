//! Texts as a terminal may get them: without what it would obey, and wrapped between words.

/// A text without what a terminal would obey or would not show: much of what is written comes from other programs and
/// servers. Line ends and tabs stay, and colours where there may be any; other control sequences go as a whole.
pub(super) fn clean(text: &str, colour: bool) -> String {
    let foul = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(foul) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        let sequence = sequence(found);
        match sequence {
            Some(length) if colour && is_style(&found[..length]) => out.push_str(&found[..length]),
            Some(_) => {}
            None => out.push('\u{fffd}'),
        }
        let length = sequence.or_else(|| found.chars().next().map(char::len_utf8)).unwrap_or_default();
        rest = &found[length..];
    }
    out + rest
}

/// The length of the control sequence at the beginning: `ESC [`, parameters, intermediates and one final byte
/// (ECMA-48, 5.4).
fn sequence(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\x1b[")?;
    let end = inner.find(|c: char| !matches!(c, ' '..='?'))?;
    inner[end..].starts_with(|c: char| matches!(c, '@'..='~')).then_some(end + 3)
}

/// `ESC [ 1 ; 31 m` and `ESC [ 0 m`: only the look of what follows (ECMA-48, 8.3.117).
fn is_style(sequence: &str) -> bool {
    let inner = sequence.strip_prefix("\x1b[").and_then(|rest| rest.strip_suffix('m'));
    inner.is_some_and(|inner| inner.chars().all(|c| matches!(c, '0'..='9' | ';')))
}

/// A text without its colours.
pub fn plain(text: &str) -> String {
    clean(text, false)
}

/// How many columns a text takes: without its colours, and each letter as one.
pub fn columns(text: &str) -> usize {
    plain(text).chars().count()
}

/// Wraps each line that is longer than `width` between words. What follows is indented by two columns more than the line, or
/// stands below the text behind a label such as `why:`. A line that is a command stays whole: it is there to be copied.
pub fn wrap(text: &str, width: usize) -> String {
    text.split('\n').map(|line| wrap_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    if columns(line) <= width || is_command(line) {
        return line.to_owned();
    }
    let hang = hanging_indent(line).min(width / 2);
    let indent = line.len() - line.trim_start().len();
    let mut out = line[..indent].to_owned();
    let mut used = indent;
    let mut rest = &line[indent..];
    let mut first = true;
    while !rest.is_empty() {
        let (blanks, word) = next_word(rest);
        let length = columns(&word);
        let gap = if first { 0 } else { blanks };
        if !first && used + gap + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(hang));
            used = hang;
        } else {
            out.push_str(&" ".repeat(gap));
            used += gap;
        }
        out.push_str(&word);
        used += length;
        rest = &rest[blanks + word.len()..];
        first = false;
    }
    out
}

/// The number of blanks at the beginning and the word behind them.
fn next_word(text: &str) -> (usize, String) {
    let blanks = text.len() - text.trim_start_matches(' ').len();
    (blanks, text[blanks..].split(' ').next().unwrap_or_default().to_owned())
}

/// The longest label below which text is hung.
const LABEL: usize = 12;

/// Where the second line of a wrapped one begins.
fn hanging_indent(line: &str) -> usize {
    let plain = plain(line);
    let body = plain.trim_start();
    let indent = plain.chars().count() - body.chars().count();
    let label = body.split(' ').next().unwrap_or_default();
    if label.ends_with(':') && label.chars().count() <= LABEL {
        let text = body[label.len()..].trim_start();
        return indent + body.chars().count() - text.chars().count();
    }
    indent + 2
}

/// A line that people copy into a shell.
fn is_command(line: &str) -> bool {
    const PROGRAMS: [&str; 8] =
        ["cargo ", "docker ", "gcloud ", "claude ", "curl ", "echo ", "export ", "command: "];
    let plain = plain(line);
    let body = plain.trim_start();
    let assignment = body.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    assignment || PROGRAMS.iter().any(|program| body.starts_with(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_go_as_a_whole_and_colours_stay_where_there_may_be_any() {
        let text = "\u{1b}[2Kmcp-1 | \u{1b}[1;31merror:\u{1b}[0m \u{1b}[?25l";
        assert_eq!(clean(text, false), "mcp-1 | error: ");
        assert_eq!(clean(text, true), "mcp-1 | \u{1b}[1;31merror:\u{1b}[0m ");
        assert_eq!(clean("\u{1b}\u{1b}[2J[2J\u{1b}[", false), "\u{fffd}[2J\u{fffd}[");
    }

    #[test]
    fn long_lines_are_wrapped_between_words_below_their_text() {
        let text = "  why:   the server cannot be reached by anybody\nenvs/local/.mcp:3: one two three four";
        expect_test::expect![[r"
              why:   the server cannot
                     be reached by
                     anybody
            envs/local/.mcp:3: one two
              three four"]]
        .assert_eq(&wrap(text, 26));
        assert_eq!(wrap("short", 25), "short");
        assert_eq!(wrap("a https://a.example/very/long/path", 10), "a\n  https://a.example/very/long/path");
    }

    #[test]
    fn what_is_copied_stays_in_one_line_and_colours_take_no_room() {
        for line in
            ["  cargo xtask local up --pro", "  ENABLE_MCP_SERVER=true cargo xtask", "  command: docker run"]
        {
            assert_eq!(wrap(line, 10), line);
        }
        let painted = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m one two";
        assert_eq!(wrap(painted, 14), painted);
        assert_eq!(wrap(painted, 11), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m one\n     two");
    }
}
