//! The grammar of environment files: the lines that bash and python-dotenv both read, and read alike.
//!
//! The same file is sourced by recipes, mounted for the server and handed to docker compose. A line on which
//! its readers would disagree is therefore refused here, with its number and what to write instead, before
//! anybody acts on one of the two readings.

use std::fmt;

/// One assignment of an environment file.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    key: String,
    value: String,
    line: usize,
}

/// A line that cannot be read, or that its readers would read differently.
///
/// Neither this nor [`Assignment`] ever prints a value: any of them may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line's number, from 1.
    pub line: usize,
    /// The variable that the line seems to set.
    pub key: Option<String>,
    /// What is wrong and what to write instead.
    pub problem: &'static str,
}

/// Reads a whole file; either every line is understood or all that is wrong is returned at once.
pub fn parse(text: &str) -> Result<Vec<Assignment>, Vec<LineError>> {
    parse_bytes(text.as_bytes())
}

/// The same, of a file that may not even be text.
pub fn parse_bytes(bytes: &[u8]) -> Result<Vec<Assignment>, Vec<LineError>> {
    let mut assignments = Vec::new();
    let mut errors = Vec::new();
    for (index, raw) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let text = std::str::from_utf8(raw)
            .map_err(|_| (None, "the line is not UTF-8 text: save the file as UTF-8"));
        match text.and_then(parse_line) {
            Ok(None) => {}
            Ok(Some((key, value))) => assignments.push(Assignment { key, value, line: index + 1 }),
            Err((key, problem)) => errors.push(LineError { line: index + 1, key, problem }),
        }
    }
    if errors.is_empty() { Ok(assignments) } else { Err(errors) }
}

impl Assignment {
    /// The variable's name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, without quotes. It may be a secret.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The line's number, from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assignment({}, line {})", self.key, self.line)
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}: {}", self.problem),
            None => f.write_str(self.problem),
        }
    }
}

impl std::error::Error for LineError {}

/// Names that bash keeps to itself, besides all that begin with `BASH`: assigning one is refused, has no effect,
/// or changes how bash goes on (bash(1), "Shell Variables"; each tried).
const BASH_OWN: [&str; 18] = [
    "_",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "OPTIND",
    "PIPESTATUS",
    "POSIXLY_CORRECT",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
    "UID",
];

type Refusal = (Option<String>, &'static str);

fn parse_line(raw: &str) -> Result<Option<(String, String)>, Refusal> {
    if raw.ends_with('\r') {
        return Err((None, "the line ends with a carriage return: save the file with Unix line ends"));
    }
    if raw.chars().any(|c| c.is_control() && c != '\t') || raw.contains('\u{feff}') {
        return Err((None, "the line holds a control character or a byte order mark: remove it"));
    }
    let line = raw.trim_start_matches([' ', '\t']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
        _ => line,
    };
    let (key, rest) = split_key(line)?;
    match parse_value(rest) {
        Ok(value) => Ok(Some((key, value))),
        Err(problem) => Err((Some(key), problem)),
    }
}

fn split_key(line: &str) -> Result<(String, &str), Refusal> {
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    if key.is_empty() || key.starts_with(|c: char| c.is_ascii_digit()) {
        return Err((
            None,
            "no variable name: write NAME=value, with letters, digits and underscores in the name",
        ));
    }
    let key = key.to_owned();
    if BASH_OWN.contains(&key.as_str()) || key.starts_with("BASH") || key == "SHELLOPTS" {
        return Err((Some(key), "bash keeps this name to itself: choose another"));
    }
    match rest.strip_prefix('=') {
        Some(value) => Ok((key, value)),
        None if rest.trim_start().starts_with('=') => {
            Err((Some(key), "a blank before '=': bash would run the name as a command; write NAME=value"))
        }
        None => Err((Some(key), "no '=' after the name: write NAME=value")),
    }
}

fn parse_value(rest: &str) -> Result<String, &'static str> {
    if let Some(body) = rest.strip_prefix('\'') {
        let (value, after) = body.split_once('\'').ok_or("the single quote is not closed on this line")?;
        nothing_more(after)?;
        single_quoted(value)
    } else if let Some(body) = rest.strip_prefix('"') {
        let (value, after) = double_quoted(body)?;
        nothing_more(after)?;
        Ok(value)
    } else {
        unquoted(rest)
    }
}

/// Behind a closing quote, bash would go on with the same word and python-dotenv would stop.
fn nothing_more(after: &str) -> Result<(), &'static str> {
    let trimmed = after.trim_start_matches([' ', '\t']);
    let blank_before = trimmed.len() < after.len();
    if trimmed.is_empty() || (blank_before && trimmed.starts_with('#')) {
        Ok(())
    } else {
        Err("text behind the closing quote: put the whole value inside one pair of quotes")
    }
}

fn single_quoted(value: &str) -> Result<String, &'static str> {
    if value.contains("${") {
        return Err(
            "'${' in single quotes is text for bash and a variable for python-dotenv: write the value itself",
        );
    }
    if value.contains("\\\\") || value.ends_with('\\') {
        return Err(
            "bash keeps this backslash and python-dotenv drops it: use double quotes and write \\\\ for one",
        );
    }
    Ok(value.to_owned())
}

/// Reads to the closing quote; returns the value and the rest of the line.
fn double_quoted(body: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &body[at + 1..])),
            '$' | '`' => {
                return Err("'$' and '`' are expanded by bash inside double quotes: use single quotes");
            }
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("only \\\" and \\\\ mean the same to every reader: use single quotes"),
            },
            _ => value.push(c),
        }
    }
    Err("the double quote is not closed on this line")
}

fn unquoted(rest: &str) -> Result<String, &'static str> {
    let end = rest.find([' ', '\t']).unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    let after = after.trim_start_matches([' ', '\t']);
    if value.is_empty() && !after.is_empty() {
        return Err(
            "a blank after '=': bash would leave the variable empty; write NAME=value without blanks",
        );
    }
    if !after.is_empty() && !after.starts_with('#') {
        return Err("a blank inside the value: put the value in quotes");
    }
    if value.contains(|c: char| "\"'\\$`;&|<>(){}~!".contains(c)) {
        return Err("a character that the shell treats specially: put the value in single quotes");
    }
    if value.contains(char::is_whitespace) {
        return Err("a blank that is neither space nor tab: put the value in quotes, or remove it");
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<String, String> {
        match parse(line) {
            Ok(assignments) => Ok(assignments.first().map_or_else(String::new, |a| a.value.clone())),
            Err(errors) => Err(errors[0].problem.to_owned()),
        }
    }

    #[test]
    fn lines_that_every_reader_reads_alike() {
        for (line, value) in [
            ("A=b", "b"),
            ("  export\tA=b", "b"),
            ("A=", ""),
            ("A=b # why", "b"),
            ("A=b#c", "b#c"),
            ("A=#c", "#c"),
            ("A=k1:YWJj+/=,k0:ZGVm", "k1:YWJj+/=,k0:ZGVm"),
            ("A='a $x \"b\" `c`'  # d", "a $x \"b\" `c`"),
            (r#"A="a \"b\" \\ c""#, r#"a "b" \ c"#),
            (r"A='\d'", r"\d"),
            ("# A=b", ""),
        ] {
            assert_eq!(one(line).as_deref(), Ok(value), "{line}");
        }
    }

    #[test]
    fn lines_on_which_readers_disagree_are_refused() {
        for line in [
            "A = b",
            "A= b",
            "A= # b",
            "A",
            "=b",
            "1A=b",
            "A=b c",
            "A=$B",
            "A=`b`",
            "A=\"$B\"",
            "A='${B}'",
            "A='b'c",
            "A=\"b",
            "A='b",
            r"A='b\\c'",
            r"A='b\'",
            r#"A="\n""#,
            "A=~/b",
            "A={b,c}",
            "A=b;c",
            "UID=0",
            "BASHPID=1",
            "A=b\r",
            "A=\u{a0}b",
            "export A",
            "exportA=b c",
        ] {
            assert!(one(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_text_is_reported_like_any_other() {
        let errors = parse_bytes(b"A=caf\xe9\n# \xff\nB=1\nC = 2\n").unwrap_err();
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 2, 4]);
        assert!(errors[0].problem.contains("UTF-8"));
    }

    #[test]
    fn every_bad_line_is_reported_with_its_number_and_without_its_value() {
        let errors = parse("A=1\nB = hush\n\nC=hush hush\n").unwrap_err();
        assert_eq!(errors.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 4]);
        assert!(!format!("{errors:?}{}", errors[1]).contains("hush"));
        assert!(!format!("{:?}", parse("A=hush").unwrap()).contains("hush"));
    }
}
