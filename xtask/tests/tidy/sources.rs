//! What holds for every source file.

use std::path::{Path, PathBuf};

use super::{files, none, read};

/// Above this a file holds more than one concern (CONTRIBUTING.md, "Style").
const MAX_LINES: usize = 400;

fn sources() -> Vec<(PathBuf, String)> {
    let rust = files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.map(|path| (path.clone(), read(&path))).collect()
}

/// Each line that is code, with its number.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path.display().to_string())
        .collect();
    none(&silent, "Begin each with a line `//! …` that says what the module is for");
}

#[test]
fn nothing_prints_but_the_printer() {
    // In two parts, so that this file does not find itself.
    let banned = [
        concat!("print", "!("),
        concat!("println", "!("),
        concat!("eprint", "!("),
        concat!("eprintln", "!("),
    ];
    let mut prints = Vec::new();
    for (path, text) in sources() {
        for (number, line) in code(&text) {
            let macros = banned.iter().any(|name| {
                line.find(name)
                    .is_some_and(|at| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            let handles = path.starts_with("xtask/src")
                && !path.ends_with("output.rs")
                && ["io::stdout(", "io::stderr("].iter().any(|handle| line.contains(handle));
            // A lint's exception carries its reason, which a reviewer has read.
            let excepted = text.lines().take(number - 1).skip(number.saturating_sub(4));
            let excepted = excepted.into_iter().any(|line| line.contains("#[expect(clippy::print_std"));
            if (macros && !excepted) || handles {
                prints.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    none(
        &prints,
        "In xtask write through xtask/src/output.rs; in a program or a test write to io::stdout() or io::stderr() once, in one place",
    );
}

#[test]
fn no_test_is_ignored_and_no_lint_is_allowed() {
    let banned = [concat!("#[", "ignore"), concat!("#[", "allow("), concat!("#![", "allow(")];
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (number, line) in code(&text) {
            if banned.iter().any(|attribute| line.trim_start().starts_with(attribute)) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    none(
        &found,
        "A test that cannot run says that it is skipped and why; a lint is excepted with #[expect(lint, reason = \"…\")]",
    );
}

#[test]
fn files_stay_small() {
    let long: Vec<_> = sources()
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    none(&long, "Look for the missing idea and give it a file of its own");
}

#[test]
fn an_entry_point_only_dispatches() {
    for path in ["xtask/src/main.rs", "server/src/main.rs"] {
        assert!(read(Path::new(path)).lines().count() < 100, "{path} has grown: move the work to a module");
    }
}
