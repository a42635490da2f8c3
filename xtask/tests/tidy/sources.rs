//! What holds for every source file.

use std::collections::BTreeSet;
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
        "In xtask write through xtask/src/core/output.rs; in a program or a test write to io::stdout() or io::stderr() once, in one place",
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

/// Where the server reads JSON by itself, and why that costs no more than its bytes.
const READERS: [(&str, &str); 13] = [
    ("fuzzing.rs", "it is no part of the product"),
    ("base/json.rs", "it is the reader, which counts first"),
    ("seal.rs", "nobody else can make what the seal opens"),
    ("mcp/transport/json_only.rs", "it is our own answer"),
    ("mcp/transport/leniency.rs", "the body was counted as it came in"),
    ("mcp/transport/quoted.rs", "it is our own answer"),
    ("mcp/transport/fast_path.rs", "the body was counted as it came in"),
    ("mcp/transport/unreadable.rs", "the body was counted as it came in"),
    ("mcp/transport/encode.rs", "it is the id in a body that was counted"),
    ("validibot/answer.rs", "each entry is counted before it is read"),
    ("validibot/answer/page.rs", "the page is counted first, and each entry before it is read"),
    ("validibot/structured.rs", "its texts passed the same checks as those of passthrough.rs"),
    ("validibot/passthrough.rs", "its texts are short and have none of the private keys"),
];

#[test]
fn json_of_others_is_read_where_its_structure_is_counted() {
    let readers = [
        concat!("serde_json::", "from_slice"),
        concat!("serde_json::", "from_str"),
        concat!("serde_json::", "from_reader"),
        concat!(".json()", ".await"),
        concat!(".json::", "<"),
    ];
    let (mut found, mut excepted) = (Vec::new(), BTreeSet::new());
    for (path, text) in sources() {
        let Ok(name) = path.strip_prefix("server/src") else { continue };
        if name.ends_with("tests.rs") || name.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let (text, _) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
        for (number, line) in code(text) {
            if readers.iter().any(|reader| line.contains(reader)) {
                match READERS.iter().find(|(excepted, _)| name == Path::new(excepted)) {
                    Some((name, _)) => _ = excepted.insert(*name),
                    None => found.push(format!("{}:{number}: {}", path.display(), line.trim())),
                }
            }
        }
    }
    found.extend(
        READERS
            .iter()
            .filter(|(name, _)| !excepted.contains(name))
            .map(|(name, _)| format!("{name} reads none any more: take it off the list")),
    );
    none(
        &found,
        "Read it with `json::read` or `json::document` of server/src/base/json.rs, or say in READERS why not",
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

/// Clippy reads the nearest file alone.
#[test]
fn the_tool_has_the_bans_of_the_workspace_but_for_one() {
    let bans = |path: &str| -> BTreeSet<String> {
        read(Path::new(path)).lines().filter(|line| line.contains("path =")).map(str::to_owned).collect()
    };
    let (all, of_the_tool) = (bans("clippy.toml"), bans("xtask/clippy.toml"));
    let missing: Vec<_> =
        all.difference(&of_the_tool).filter(|ban| !ban.contains("Instant")).cloned().collect();
    let more: Vec<_> = of_the_tool.difference(&all).cloned().collect();
    none(&missing, "Write these into xtask/clippy.toml, too");
    none(&more, "Write these into clippy.toml, too");
    assert!(all.len() > of_the_tool.len(), "std's Instant is banned where there is tokio's");
}
