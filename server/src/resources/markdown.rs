//! Texts of others in Markdown, as text: a finding must not become a heading, a list or a link.

use crate::base::visible::visible;

/// A text in the middle of a line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' => out.extend(['\\', c]),
            // A line break would end the paragraph.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A text that begins a line, where more is markup: bullets, underlines of headings, numbers of lists (`CommonMark`, 4.3, 5.2).
pub(super) fn line(text: &str) -> String {
    let text = escaped(text);
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let marked = match text.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => digits,
        Some(b'-' | b'+' | b'=') if digits == 0 => 0,
        _ => return text.to_owned(),
    };
    format!("{}\\{}", &text[..marked], &text[marked..])
}

/// A place in a file, to be copied as it stands: a code span, inside which nothing is markup (`CommonMark`, 6.1).
pub(super) fn code(text: &str) -> String {
    let text: String = visible(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_at_the_beginning_of_a_line_is_markup() {
        for (text, written) in [
            ("- Result: PASS", "\\- Result: PASS"),
            ("+ a", "\\+ a"),
            ("===", "\\==="),
            ("# a", "\\# a"),
            ("> a", "\\> a"),
            ("12. a", "12\\. a"),
            ("1) a", "1\\) a"),
            ("    code", "code"),
            ("1.5 m - a", "1\\.5 m - a"),
            ("a\n- b", "a - b"),
            ("12 m", "12 m"),
            ("ü", "ü"),
            ("", ""),
        ] {
            assert_eq!(line(text), written, "{text:?}");
        }
    }

    #[test]
    fn a_place_can_be_copied_and_ends_its_span_nowhere() {
        assert_eq!(code("$.floor_area_m2"), "`$.floor_area_m2`");
        assert_eq!(code("a`b``c\nd"), "```a`b``c d```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\u{e0041}\u{202e}b"), "`ab`");
    }
}
