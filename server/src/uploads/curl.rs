//! The command that sends a file: one line for a shell, one for Windows.
//!
//! Two programs read each line: the shell, and curl, to which brackets and braces in a name are patterns, and `-` and `.` standard
//! input. There is no `--fail-with-body`, which curl before 7.76 does not know; the answer's body says what went wrong.

use super::ticket::HEADER;

const PROGRAM: &str = "--silent --show-error --globoff";

/// For a POSIX shell. The URL has no slash at its end, so that curl appends no file name; `-T` sends a Content-Length.
pub(crate) fn posix(file_name: &str, ticket: &str, url: &str) -> String {
    let header = format!("{HEADER}: {ticket}");
    format!("curl {PROGRAM} -T {} -H {} {}", word(&operand(file_name)), word(&header), word(url))
}

/// For cmd.exe and PowerShell alike. `None` where no spelling of the name is the same to both.
pub(crate) fn windows(file_name: &str, ticket: &str, url: &str) -> Option<String> {
    // cmd.exe expands `%`, PowerShell `$` and the backtick, also in quotation marks; the curved marks end a text in PowerShell.
    let ambiguous = ['"', '%', '$', '`', '\u{201c}', '\u{201d}', '\u{201e}'];
    if file_name.contains(ambiguous) {
        return None;
    }
    let name = operand(file_name);
    Some(format!(r#"curl.exe {PROGRAM} -T "{name}" -H "{HEADER}: {ticket}" "{url}""#))
}

/// A name that starts with a dash would be an option, `-` and `.` standard input.
fn operand(file_name: &str) -> String {
    if file_name.starts_with(['-', '.']) { format!("./{file_name}") } else { file_name.to_owned() }
}

/// One word to a POSIX shell: as it is where every character is safe, else in single quotes, in which nothing is special but
/// the quote itself.
fn word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._-/:@+,".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_name_leaves_its_quotes_or_becomes_an_option() {
        for (name, expected) in [
            ("model-1_a.json", "model-1_a.json"),
            ("a b.json", "'a b.json'"),
            ("it's $(x).json", r"'it'\''s $(x).json'"),
            ("m[1-2].json", "'m[1-2].json'"),
            ("-o", "./-o"),
            (".", "./."),
            (".hidden.json", "./.hidden.json"),
            ("~root.json", "'~root.json'"),
            ("=ls.json", "'=ls.json'"),
            ("a\nb", "'a\nb'"),
            ("Büro.json", "'Büro.json'"),
        ] {
            let line = posix(name, "k1.AAAA-_", "https://mcp.example/uploads");
            assert_eq!(
                line,
                format!(
                    "curl --silent --show-error --globoff -T {expected} -H 'X-Validibot-Upload-Ticket: k1.AAAA-_' \
                     https://mcp.example/uploads"
                )
            );
        }
    }

    #[test]
    fn windows_has_double_quotes_and_no_name_that_its_shells_read_differently() {
        let line = windows("it's a [1] & b.json", "k1.A", "https://mcp.example/uploads");
        assert_eq!(
            line.as_deref(),
            Some(
                "curl.exe --silent --show-error --globoff -T \"it's a [1] & b.json\" \
                 -H \"X-Validibot-Upload-Ticket: k1.A\" \"https://mcp.example/uploads\""
            )
        );
        assert!(windows("-o.json", "k1.A", "u").is_some_and(|line| line.contains("\"./-o.json\"")));
        for name in ["100%.json", "$a.json", "a`b.json", "a\"b.json", "a\u{201d}.json"] {
            assert_eq!(windows(name, "k1.A", "u"), None, "{name}");
        }
    }
}
