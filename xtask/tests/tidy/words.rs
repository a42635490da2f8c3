//! Terms of the field, and not words of our own: docs/terminology.md has the list for people.

use super::{files, none, root};

/// A phrase, in two parts so that this file does not find itself, and what to write instead.
const BANNED: [(&str, &str, &str); 12] = [
    ("nobody ", "can tell", "it is unknown"),
    ("is none ", "of", "is not one of, is not in"),
    ("is none ", "that", "is not a … that"),
    ("such a ", "look", "such a check, such a reading"),
    ("is looked ", "at", "is read, is checked"),
    ("are looked ", "at", "are read, are checked"),
    ("what is ", "there of", "the current state of"),
    ("what there ", "is of", "the current state of"),
    ("is coming to ", "its end", "is shutting down"),
    ("on its way ", "out", "shutting down"),
    ("is yours ", "to know", "you are asserting that"),
    ("say how it ", "stands", "report the status"),
];

#[test]
fn documents_and_sources_have_the_terms_of_the_field() {
    let mut found = Vec::new();
    for path in files() {
        let text = path
            .extension()
            .is_some_and(|end| ["rs", "md", "toml", "txt", "yaml", "yml"].iter().any(|known| end == *known));
        // What a version said stays as it was said.
        if !text || path.ends_with("CHANGELOG.md") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            for (first, second, instead) in BANNED {
                let after = lower.split_once(&format!("{first}{second}")).map(|(_, after)| after);
                // `of` and not `often`.
                if after.is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric())) {
                    found.push(format!(
                        "{}:{}: '{first}{second}': write: {instead}",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    none(&found, "docs/terminology.md has the terms");
}
