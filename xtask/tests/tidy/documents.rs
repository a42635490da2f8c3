//! What the documents say is so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};
use xtask::cli::Cli;

use super::{files, none, read, root};

#[test]
fn the_documents_that_people_look_for_are_there() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "LICENSE",
        "deny.toml",
    ] {
        assert!(root().join(name).exists(), "{name} is missing");
    }
    let readme = read(Path::new("README.md"));
    assert!(
        readme.lines().count() <= 160,
        "README.md is longer than a newcomer reads: move what is for one kind of reader to its page"
    );
}

fn pages() -> Vec<PathBuf> {
    files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "md")).collect()
}

#[test]
fn every_command_in_a_code_block_parses() {
    let mut wrong = Vec::new();
    for path in pages() {
        for (number, line) in blocks(&read(&path)) {
            for words in commands(&line) {
                if let Err(error) =
                    Cli::try_parse_from(std::iter::once("cargo xtask".to_owned()).chain(words))
                    && error.use_stderr()
                {
                    let reason = error.to_string();
                    wrong.push(format!(
                        "{}:{number}: {}: {}",
                        path.display(),
                        line.trim(),
                        reason.lines().next().unwrap()
                    ));
                }
            }
        }
    }
    none(
        &wrong,
        "These commands are not what `cargo xtask` understands: correct the page, or add the command",
    );
}

#[test]
fn every_command_in_running_text_exists() {
    let mut wrong = Vec::new();
    for path in pages() {
        for (index, line) in read(&path).lines().enumerate() {
            for span in line.split('`').skip(1).step_by(2) {
                for words in commands(span) {
                    if let Some(unknown) = unknown_task(&words) {
                        wrong.push(format!(
                            "{}:{}: `{span}`: there is no {unknown}",
                            path.display(),
                            index + 1
                        ));
                    }
                }
            }
        }
    }
    none(&wrong, "Correct the page, or add the command");
}

/// The first word that is neither a task of the ones before it nor an argument.
fn unknown_task(words: &[String]) -> Option<String> {
    let mut cli = Cli::command();
    for word in words.iter().filter(|word| !word.starts_with('-')) {
        if !cli.has_subcommands() {
            return None;
        }
        let Some(inner) = cli.find_subcommand(word) else { return Some(word.clone()) };
        cli = inner.clone();
    }
    None
}

/// The lines of indented and fenced code blocks, continued lines joined.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
            match lines.last_mut().filter(|_| continued) {
                Some((_, before)) => before.push_str(line),
                None => lines.push((index + 1, line.to_owned())),
            }
            continued = goes_on;
        }
    }
    lines
}

/// The words behind each `cargo xtask` of a line, up to a comment, a pipe or the next command.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" # ").next().unwrap();
    line.split("cargo xtask")
        .skip(1)
        .map(|rest| {
            let end = rest.find(['|', ';', '&', '(', ')', '"', '\'']).unwrap_or(rest.len());
            rest[..end].split_whitespace().take_while(|word| *word != ">").map(placeholder).collect()
        })
        .collect()
}

/// `<dev|staging|prod>` and `[REVISION]` stand for one of their choices.
fn placeholder(word: &str) -> String {
    let inner = word.trim_matches(|c| "<>[]…,.:".contains(c));
    match inner {
        "stage" | "STAGE" => "prod".to_owned(),
        _ => inner.to_owned(),
    }
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let mut dead = Vec::new();
    for path in pages() {
        for (index, line) in read(&path).lines().enumerate() {
            for target in links(line) {
                let file = target.split('#').next().unwrap_or_default();
                let elsewhere = target.contains("://") || target.starts_with("mailto:") || file.is_empty();
                let folder = root().join(&path).parent().unwrap().to_owned();
                if !elsewhere && !folder.join(file).exists() {
                    dead.push(format!("{}:{}: {target}", path.display(), index + 1));
                }
            }
        }
    }
    none(&dead, "These links lead nowhere: correct them");
    assert_eq!(links("[a](b.md) and [c](d/e.md#f)"), ["b.md", "d/e.md#f"]);
}

/// What stands in back-ticks and begins like a path from the root is one, or what an operator makes from a template.
#[test]
fn every_path_of_a_page_exists() {
    let tops = [".ci", ".config", ".github", "docs", "envs", "fuzz", "server", "tests", "xtask"];
    let mut gone = Vec::new();
    for page in pages() {
        for (number, line) in read(&page).lines().enumerate() {
            for named in line.split('`').skip(1).step_by(2) {
                let path = named.split("::").next().unwrap_or_default();
                let path = path.split_once(".rs:").map_or(path, |(stem, _)| stem);
                let top = path.split_once('/').map(|(top, _)| top);
                let written = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
                let exists = [path.to_owned(), format!("{path}.rs"), format!("{path}.example")]
                    .iter()
                    .any(|path| root().join(path).exists());
                if written && top.is_some_and(|top| tops.contains(&top)) && !exists {
                    gone.push(format!("{}:{}: {named}", page.display(), number + 1));
                }
            }
        }
    }
    none(&gone, "Nothing is at these paths: correct them");
}

#[test]
fn the_index_lists_every_page() {
    let index = read(Path::new("docs/README.md"));
    let listed: BTreeSet<_> = index.lines().flat_map(links).collect();
    let unlisted: Vec<_> = pages()
        .into_iter()
        .filter_map(|page| page.strip_prefix("docs").ok().map(|page| page.display().to_string()))
        .filter(|page| !page.contains('/') && page != "README.md" && !listed.contains(page.as_str()))
        .collect();
    none(&unlisted, "Give each a line in docs/README.md, under those who read it");
}

#[test]
fn the_page_of_metrics_has_each_metric() {
    let page = read(Path::new("docs/monitoring.md"));
    let sources = ["server/src/telemetry/metrics.rs", "server/src/http/admin.rs"].map(Path::new).map(read);
    let texts = sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    let names: BTreeSet<_> = texts
        .filter(|text| text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    assert!(names.contains("validibot_mcp_licensed"), "the names of the metrics were not found: {names:?}");
    let missing: Vec<_> =
        names.into_iter().filter(|name| !page.contains(&format!("`{name}`"))).map(str::to_owned).collect();
    none(&missing, "Say in docs/monitoring.md what each means, its unit and its labels");
}

#[test]
fn every_promise_names_tests_that_exist() {
    let text = read(Path::new("SECURITY.md"));
    let mut wrong = Vec::new();
    let tables = ["| threat | promise | tests |\n", "| attack | tests |\n"].map(|head| {
        let (_, table) = text.split_once(head).expect("the tables of promises and attacks");
        let rows: Vec<_> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
        assert!(rows.len() > 10, "a table has lost its rows");
        rows
    });
    for row in tables.concat() {
        let tests: Vec<_> =
            row.split('`').skip(1).step_by(2).filter_map(|named| named.split_once(".rs::")).collect();
        if tests.is_empty() {
            wrong.push(format!("no test: {row}"));
        }
        for (file, test) in tests {
            let file = root().join(format!("{file}.rs"));
            let source = std::fs::read_to_string(&file).unwrap_or_default();
            if !source.contains(&format!("fn {test}()")) {
                wrong.push(format!("{}: no test {test}", file.display()));
            }
        }
    }
    none(&wrong, "SECURITY.md promises only what a test holds: name one that exists, as `path.rs::name`");
}

/// The targets of a line's links, `[text](target)`.
fn links(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()).collect()
}

#[test]
fn the_map_names_every_folder() {
    let map = read(Path::new("ARCHITECTURE.md"));
    let mut folders = BTreeSet::new();
    for path in files() {
        folders.extend(
            path.ancestors().skip(1).filter(|folder| folder.components().count() > 0).map(Path::to_owned),
        );
    }
    let unnamed: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .filter(|folder| !is_plain(folder) && !map.contains(&format!("`{folder}/`")))
        .collect();
    none(&unnamed, "Say in ARCHITECTURE.md's map what each is for, as `path/`");
}

/// What needs no words of its own: `src` and `tests`, what only leads to the stages, and whatever lies inside a
/// module's or a test crate's folder, where each file's first line says what it is.
fn is_plain(folder: &str) -> bool {
    let names: Vec<_> = folder.split('/').collect();
    matches!(
        names[..],
        ["tests"]
            | ["envs", "dev" | "staging" | "production"]
            | [_, "src" | "tests"]
            | [_, "tests", ..]
            | [_, "src", _, _, ..]
            | ["tests", _, _, ..]
            | ["fuzz", "seeds", _]
    )
}

#[test]
fn the_reader_of_commands_reads_what_pages_hold() {
    let page = "text\n\n    A=1 cargo xtask local up --pro \\\n      --port 9000   # why\n\n```sh\ncargo xtask env check <stage> | less\n```\n";
    let found: Vec<_> = blocks(page).iter().flat_map(|(_, line)| commands(line)).collect();
    assert_eq!(found, [vec!["local", "up", "--pro", "--port", "9000"], vec!["env", "check", "prod"]]);
    assert_eq!(unknown_task(&["local".into(), "upp".into()]), Some("upp".into()));
    assert_eq!(unknown_task(&["local".into(), "up".into()]), None);
}
