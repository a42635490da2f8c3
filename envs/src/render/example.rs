//! A template: `NAME.example`, copied to `NAME` and filled in.

use std::fmt::Write as _;

use crate::{Fallback, HeldIn, Place, Required, Variable};

/// The text of one template.
///
/// A line that takes effect is written as it is; every other variable that the file may hold is commented out
/// with its default, so that the template is also the file's reference.
pub fn example_file(place: Place, file: HeldIn) -> String {
    let mut text = String::new();
    for line in heading(place, file) {
        let _ = writeln!(text, "# {line}");
    }
    text.push_str("# Generated from the table in envs/src/table by `cargo xtask generate`.\n");
    for line in place.lines(file) {
        let _ = writeln!(text, "\n# {}.", line.variable.doc);
        if let Some(note) = note(line.variable) {
            let _ = writeln!(text, "# {note}.");
        }
        let value = if line.value.is_empty() { default(line.variable) } else { line.value };
        let mark = if line.active { "" } else { "#" };
        let _ = writeln!(text, "{mark}{}={}", line.variable.name, quoted(value));
    }
    text
}

fn heading(place: Place, file: HeldIn) -> &'static [&'static str] {
    match (file, place) {
        (HeldIn::Build, Place::GoogleCloud) => {
            &["Build and deploy switches of this stage. Copy to .build; `cargo xtask gcp` reads it."]
        }
        (HeldIn::Build, _) => {
            &["Build and deploy switches. Copy to .build; the gate of the MCP server stands here."]
        }
        (HeldIn::Mcp, Place::GoogleCloud) => &[
            "The server's runtime file of this stage. Copy to .mcp; `cargo xtask gcp secrets` uploads it, and",
            "Cloud Run mounts it at /secrets/.env. It holds secrets: never commit the copy.",
        ],
        (HeldIn::Mcp, _) => &[
            "The server's runtime file. Copy to .mcp, or let `cargo xtask env init` do it with fresh secrets.",
            "It holds secrets: never commit the copy.",
        ],
        (HeldIn::Gcp, _) => {
            &["Google Cloud project, region and prefix. Copy to .gcp; an existing .just is read as the same."]
        }
        (HeldIn::Test, _) => {
            &["Credentials of `cargo xtask test-e2e`. Copy to .test; never commit the copy."]
        }
        (HeldIn::Process, _) => &["The process environment has no file."],
    }
}

fn note(variable: &Variable) -> Option<String> {
    match (variable.required.case(), variable.fallback) {
        (None, _) if variable.required == Required::Always => Some("Required".to_owned()),
        (Some(case), Fallback::Derived(how)) => Some(format!("Required when {case}; otherwise {how}")),
        (Some(case), _) => Some(format!("Required when {case}")),
        (None, Fallback::Value(value)) => Some(format!("Default: {value}")),
        (None, Fallback::Derived(how)) => Some(format!("Default: {how}")),
        (None, Fallback::Nothing) => None,
    }
}

fn default(variable: &Variable) -> &'static str {
    match variable.fallback {
        Fallback::Value(value) => value,
        _ => "",
    }
}

/// In quotes where the file's grammar asks for them: a placeholder has blanks and angle brackets.
fn quoted(value: &str) -> String {
    let bare = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:,@%+=".contains(&b));
    if bare { value.to_owned() } else { format!("'{value}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;

    #[test]
    fn every_template_is_read_by_our_own_grammar_and_so_is_each_line_behind_a_hash() {
        for place in Place::ALL {
            for held_in in place.files() {
                let text = example_file(place, *held_in);
                let active = place.lines(*held_in).iter().filter(|line| line.active).count();
                assert_eq!(file::parse(&text).unwrap().len(), active, "{place:?} {held_in:?}");
                let all = text
                    .lines()
                    .map(|line| if line.starts_with("# ") { "" } else { line.trim_start_matches('#') })
                    .collect::<Vec<_>>()
                    .join("\n");
                assert_eq!(file::parse(&all).unwrap().len(), place.lines(*held_in).len());
            }
        }
    }
}
