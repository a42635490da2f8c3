//! The page with everything that is known about each variable.

use std::fmt::Write as _;

use crate::{Fallback, Kind, Required, VARIABLES, Variable};

/// Which file holds each variable, and who reads it.
fn variable_table() -> String {
    let mut text = String::from("| variable | file | read by | meaning |\n| --- | --- | --- | --- |\n");
    for variable in VARIABLES.iter().flat_map(|area| area.iter()) {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            variable.name,
            files(variable),
            readers(variable),
            escaped(variable.doc)
        );
    }
    text
}

/// `docs/configuration.md`.
pub fn configuration_page() -> String {
    let mut text = format!("{HEAD}\n## All of them\n\n{}", variable_table());
    for (title, area) in AREAS.iter().zip(VARIABLES) {
        let _ = write!(text, "\n## {title}\n");
        for variable in *area {
            entry(&mut text, variable);
        }
    }
    text
}

/// One title for each area of the table, in its order.
const AREAS: &[&str] = &["Building and deploying", "The server", "OAuth", "Payments", "The sandbox", "Tests"];

const HEAD: &str = "# Configuration

<!-- Generated from envs/src/table by `cargo xtask generate`. Do not edit. -->

Every variable, the file that holds it, and who reads it. The process environment wins over every file.
`cargo xtask env explain NAME` says which value is in force and which line it comes from;
`cargo xtask env check STAGE` reports everything that is wrong with a stage's files at once.

| file | what it holds |
| --- | --- |
| `.build` | build and deploy switches, the gate above all |
| `.mcp` | the server's runtime file; on Google Cloud uploaded as a secret and mounted at `/secrets/.env` |
| `.gcp` | project, region and prefix; an existing `.just` is read as the same thing |
| `.test` | credentials of the end-to-end tests |
";

fn entry(text: &mut String, variable: &Variable) {
    let _ = write!(text, "\n### `{}`\n\n{}.\n\n", variable.name, escaped(variable.doc));
    let _ = writeln!(text, "- File: {}", files(variable));
    let _ = writeln!(text, "- Read by: {}", readers(variable));
    let _ = writeln!(text, "- Form: {}", form(variable.kind));
    if variable.required == Required::Always {
        text.push_str("- Required: always\n");
    }
    if let Some(case) = variable.required.case() {
        let _ = writeln!(text, "- Required: when {}", escaped(&case));
    }
    match variable.fallback {
        Fallback::Nothing => {}
        Fallback::Value(value) => {
            let _ = writeln!(text, "- Default: `{value}`");
        }
        Fallback::Derived(how) => {
            let _ = writeln!(text, "- Default: {}", escaped(how));
        }
    }
    if variable.secret {
        text.push_str("- Secret: never shown, logged or passed on a command line\n");
    }
    if !variable.example.is_empty() {
        let _ = writeln!(text, "- Example: `{}`", variable.example);
    }
}

fn files(variable: &Variable) -> String {
    let names = variable.held_in.iter().map(|file| match file.file_name() {
        Some(name) => format!("`{name}`"),
        None => "process environment".to_owned(),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn readers(variable: &Variable) -> String {
    variable.readers.iter().map(|reader| format!("`{}`", reader.name())).collect::<Vec<_>>().join(", ")
}

fn form(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Switch => {
            "`true`, `1`, `yes`, `y`, `on`, `t` or `false`, `0`, `no`, `n`, `off`, `f`, in any case"
                .to_owned()
        }
        Kind::Gate => "`true`, `1`, `yes` or `false`, `0`, `no` or empty, in any case".to_owned(),
        Kind::Url => "an absolute http or https URL".to_owned(),
        Kind::Integer => "a whole number".to_owned(),
        Kind::Port => "a port number from 0 to 65535".to_owned(),
        Kind::Count => "a whole number from 1".to_owned(),
        Kind::Address => "an IP address".to_owned(),
        Kind::Publish => "`address:port`".to_owned(),
        Kind::ProjectId => "a Google Cloud project's id".to_owned(),
        Kind::Region => "a Google Cloud region".to_owned(),
        Kind::Prefix => "1 to 18 of a-z, 0-9 and `-`".to_owned(),
        Kind::Host => "a host name".to_owned(),
        Kind::List => "entries separated by commas".to_owned(),
        Kind::KeyRing => "`id:base64,…`, 32 bytes each".to_owned(),
        Kind::OneOf(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ") + ", in any case"
        }
    }
}

/// Markdown would take `<base>` for a tag and `|` for a cell's end.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_has_its_row_and_its_entry() {
        assert_eq!(AREAS.len(), VARIABLES.len());
        let (table, page) = (variable_table(), configuration_page());
        for variable in VARIABLES.iter().flat_map(|area| area.iter()) {
            assert!(table.contains(&format!("| `{}` |", variable.name)), "{}", variable.name);
            assert!(page.contains(&format!("### `{}`\n", variable.name)), "{}", variable.name);
        }
        assert!(!page.contains("<base>"));
    }
}
