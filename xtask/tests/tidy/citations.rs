//! What comments cite of the contract with Validibot stands in `docs/contract.md` or `docs/contract-016.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{files, none, read};

/// How a comment names each page, and the page.
const PAGES: [(&str, &str); 2] = [("", "docs/contract.md"), (" of 0.16", "docs/contract-016.md")];

const FORM: &str = "Write 'contract, A5' or 'contract, section b' (docs/contract.md), 'contract of 0.16, B4' or \
                    'contract of 0.16, section E' (docs/contract-016.md), of a section that the page has";

/// A place in a comment that names a section, or seems to.
#[derive(Debug, PartialEq, Eq)]
enum Citation {
    /// Of which page, as in [`PAGES`], and the section.
    Of(&'static str, String),
    /// In another form than [`FORM`]'s.
    Odd(String),
}

#[test]
fn every_citation_of_the_contract_names_a_section_that_is_there() {
    let sections: BTreeMap<_, _> =
        PAGES.iter().map(|(name, page)| (*name, headings(&read(Path::new(page))))).collect();
    let mut wrong = Vec::new();
    let mut cited = 0;
    for path in files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        // This file holds the forms that are not to be used.
        if path.ends_with("tidy/citations.rs") {
            continue;
        }
        for (line, text) in comments(&read(&path)) {
            for citation in citations(&text) {
                cited += 1;
                match citation {
                    Citation::Of(page, section) if sections[page].contains(&section) => {}
                    Citation::Of(page, section) => {
                        wrong.push(format!("{}:{line}: the contract{page} has no {section}", path.display()));
                    }
                    Citation::Odd(found) => wrong.push(format!("{}:{line}: {found}", path.display())),
                }
            }
        }
    }
    assert!(cited > 50, "only {cited} citations were found: the reader of comments has failed");
    none(&wrong, FORM);
}

/// The sections of a page: `A5` of `### A5 Launch`, `section b` of `## Section b: how …`.
fn headings(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| {
            let title = line.strip_prefix('#')?.trim_start_matches('#').trim_start();
            let section = title.strip_prefix("Section ").and_then(|rest| rest.split_once(':'));
            section.map_or_else(
                || title.split(' ').next().filter(|word| is_numbered(word)).map(str::to_owned),
                |(letter, _)| Some(format!("section {letter}")),
            )
        })
        .collect()
}

/// The comments of a source, neighbouring lines joined, each with the number of its first line.
fn comments(source: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last = 0;
    for (index, line) in source.lines().enumerate() {
        let mut slashes = line.match_indices("//").map(|(at, _)| at);
        let Some(start) = slashes.find(|at| line[..*at].is_empty() || line[..*at].ends_with(' ')) else {
            continue;
        };
        let text = line[start..].trim_start_matches(['/', '!']).trim();
        let number = index + 1;
        match found.last_mut().filter(|_| last + 1 == number && line.trim_start().starts_with("//")) {
            Some((_, before)) => {
                before.push(' ');
                before.push_str(text);
            }
            None => found.push((number, text.to_owned())),
        }
        last = number;
    }
    found
}

/// What a comment cites, in its order.
fn citations(text: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("ontract") {
        let rest = &text[at + "ontract".len()..];
        let (page, rest) = PAGES
            .iter()
            .rev()
            .find_map(|(name, _)| rest.strip_prefix(name).map(|rest| (*name, rest)))
            .expect("the first page has no name of its own");
        match rest.strip_prefix(", ") {
            Some(list) => found.extend(listed(page, list)),
            None => found.extend(odd(rest).map(|section| Citation::Odd(format!("contract{page}{section}")))),
        }
    }
    // A section of no page, such as `(A7)`, and pages by other names.
    for inner in text.split('(').skip(1).filter_map(|rest| rest.split(')').next()) {
        if is_numbered(inner) {
            found.push(Citation::Odd(format!("({inner})")));
        }
    }
    found.extend(text.match_indices("acts of 0.").map(|_| Citation::Odd("facts of 0.…".to_owned())));
    found
}

/// The sections at the beginning of `A1 and D2, …`, `sections c and d) …`.
fn listed(page: &'static str, mut list: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    let mut by_letter = false;
    loop {
        for word in ["sections ", "section "] {
            if let Some(rest) = list.strip_prefix(word) {
                (by_letter, list) = (true, rest);
            }
        }
        let end = list.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(list.len());
        let (word, rest) = list.split_at(end);
        if is_numbered(word) {
            found.push(Citation::Of(page, word.to_owned()));
        } else if by_letter && word.len() == 1 {
            found.push(Citation::Of(page, format!("section {word}")));
        } else if found.is_empty() && word.len() == 1 && word != "a" {
            found.push(Citation::Odd(format!("contract{page}, {word}")));
            return found;
        } else {
            return found;
        }
        let Some(next) = rest.strip_prefix(" and ").or_else(|| rest.strip_prefix(", ")) else { return found };
        list = next;
    }
}

/// ` A5`, ` (a)`, ` c` and the like, behind `contract` without a comma.
fn odd(rest: &str) -> Option<&str> {
    let inner = rest.strip_prefix(' ')?;
    let open = inner.strip_prefix('(');
    let word = open.unwrap_or(inner);
    let end = word.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(word.len());
    let letter = end == 1 && word.starts_with(|first: char| first.is_ascii_alphabetic());
    let article = open.is_none() && word.starts_with('a');
    (is_numbered(&word[..end]) || letter && !article).then(|| &rest[..1 + usize::from(open.is_some()) + end])
}

/// `A5`: a capital letter up to E, and a digit.
fn is_numbered(word: &str) -> bool {
    matches!(word.as_bytes(), [b'A'..=b'E', b'1'..=b'9'])
}

#[test]
fn citations_are_read_in_every_form_that_people_write() {
    let of = |page, section: &str| Citation::Of(page, section.to_owned());
    let odd = |text: &str| Citation::Odd(text.to_owned());
    for (text, expected) in [
        ("The gate (contract, A1 and D2).", vec![of("", "A1"), of("", "D2")]),
        ("(contract, section b, step 2)", vec![of("", "section b")]),
        ("(contract, sections c and d)", vec![of("", "section c"), of("", "section d")]),
        ("Keys (contract of 0.16, B4): measured", vec![of(" of 0.16", "B4")]),
        ("contract of 0.16, section E", vec![of(" of 0.16", "section E")]),
        ("Contract, A9", vec![of("", "A9")]),
        ("as contract A4 writes them", vec![odd("contract A4")]),
        ("the shapes of contract (a).", vec![odd("contract (a")]),
        ("(contract, c)", vec![odd("contract, c")]),
        ("The contract's own example (A7).", vec![odd("(A7)")]),
        ("facts of 0.16, B4", vec![odd("facts of 0.…")]),
        ("by contract, a sentence for callers, and a contract a day", vec![]),
    ] {
        assert_eq!(citations(text), expected, "{text}");
    }
    let source = "//! One (contract,\n//! section b).\nlet a = \"http://b\"; // two\n// three\n";
    assert_eq!(comments(source), [(1, "One (contract, section b).".to_owned()), (3, "two three".to_owned())]);
    let page = "# The contract\n## Section b: how\n### A5 Launch: `POST`\n## Other\n";
    assert_eq!(headings(page), BTreeSet::from(["A5".to_owned(), "section b".to_owned()]));
}
