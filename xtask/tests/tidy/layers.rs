//! Imports go down: one ordered table of rooms for the server and one for the deploy tool, and no circle among files.
//!
//! The file of a module puts the files in its folder together, so that its imports of them are not counted; theirs of it are.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, none, read};

/// A row of rooms; a file imports from its own room and from the rows before its row.
type Row = &'static [&'static str];

/// The server's rooms, from the ground up.
const SERVER: [Row; 14] = [
    &["base"],
    &["telemetry"],
    &["config"],
    &["seal"],
    &["caller"],
    &["limits"],
    &["validibot", "view"],
    &["oauth", "payments", "uploads", "resources"],
    &["mcp"],
    &["app"],
    &["http"],
    &["serve"],
    &["cli"],
    &["commands", "fuzzing"],
];

/// The deploy tool's.
const XTASK: [Row; 6] = [&["core"], &["config"], &["tools"], &["artifact"], &["cli"], &["commands"]];

/// Who may see the whole of the server, and who puts it together.
const SEES_THE_APP: [&str; 4] = ["app", "http", "serve", "fuzzing"];

/// A crate's files of the product by their module, each with the modules that it names and the line of the first time.
struct Crate {
    folder: &'static str,
    modules: BTreeMap<Module, BTreeMap<Module, usize>>,
}

/// `["oauth", "token"]` for `src/oauth/token.rs`.
type Module = Vec<String>;

impl Crate {
    fn read(folder: &'static str) -> Self {
        let mut texts = BTreeMap::new();
        for path in files() {
            let Ok(inner) = path.strip_prefix(format!("{folder}/src")) else { continue };
            let Some(inner) = inner.to_str().and_then(|inner| inner.strip_suffix(".rs")) else { continue };
            let module: Module = inner.split('/').map(str::to_owned).collect();
            if module.iter().any(|part| part == "tests") || ["lib", "main"].contains(&inner) {
                continue;
            }
            texts.insert(module, read(&path));
        }
        let names: BTreeSet<Module> = texts.keys().cloned().collect();
        let modules = texts
            .into_iter()
            .map(|(module, text)| {
                let imports = imports(&module, &text, &names);
                (module, imports)
            })
            .collect();
        Self { folder, modules }
    }

    fn place(&self, module: &Module, line: usize) -> String {
        format!("{}/src/{}.rs:{line}", self.folder, module.join("/"))
    }

    /// Imports of rooms that stand in the same row or above.
    fn upward(&self, rows: &[Row]) -> Vec<String> {
        let row = |room: &str| rows.iter().position(|row| row.contains(&room));
        let mut wrong = Vec::new();
        for (module, imports) in &self.modules {
            let room = &module[0];
            let Some(own) = row(room) else {
                wrong.push(format!("{}: the room {room} stands in no row", self.place(module, 1)));
                continue;
            };
            for (to, line) in imports.iter().filter(|(to, _)| to[0] != *room) {
                if row(&to[0]).is_none_or(|its| its >= own) {
                    let rows = rows[own].join(", ");
                    wrong.push(format!(
                        "{}: {room} (row {rows}) imports {}",
                        self.place(module, *line),
                        to.join("::")
                    ));
                }
            }
        }
        wrong
    }

    /// Files that import one another, by way of others or not: each circle once.
    fn circles(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for start in self.modules.keys() {
            // The shortest way back to where it began.
            let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
            let mut next: Vec<&Module> = vec![start];
            'search: while !next.is_empty() {
                let mut further = Vec::new();
                for from in next {
                    for to in self.modules[from].keys().filter(|to| !to.starts_with(from)) {
                        if to == start {
                            let mut circle = vec![from];
                            while circle.last() != Some(&start) {
                                circle.push(before[circle[circle.len() - 1]]);
                            }
                            circle.reverse();
                            found.insert(self.shown(&circle));
                            break 'search;
                        }
                        if !before.contains_key(to) && to != start {
                            before.insert(to, from);
                            further.push(to);
                        }
                    }
                }
                next = further;
            }
        }
        found.into_iter().collect()
    }

    /// From the first of its files by name, so that a circle reads the same from wherever it was found.
    fn shown(&self, circle: &[&Module]) -> String {
        let first = (0..circle.len()).min_by_key(|at| circle[*at]).unwrap_or_default();
        let turned: Vec<&Module> = circle.iter().cycle().skip(first).take(circle.len()).copied().collect();
        let mut steps = Vec::new();
        for (from, to) in turned.iter().zip(turned.iter().cycle().skip(1)) {
            steps.push(format!("{} imports {}", self.place(from, self.modules[*from][*to]), to.join("::")));
        }
        steps.join(", ")
    }
}

/// The modules that a file's code names, with the line of the first time. Its unit tests may name what they like.
fn imports(module: &Module, text: &str, names: &BTreeSet<Module>) -> BTreeMap<Module, usize> {
    let text = text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code);
    let mut code = String::new();
    for line in text.lines() {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    let mut found = BTreeMap::new();
    for (at, head) in heads(&code) {
        let line = code[..at].matches('\n').count() + 1;
        for path in paths(&code[at..]) {
            let parts: Vec<&str> = path.split("::").collect();
            let mut to: Module = match head {
                "crate" => Vec::new(),
                "self" => module.clone(),
                _ => module[..module.len() - 1].to_vec(),
            };
            let mut rest = parts[1..].iter().peekable();
            while rest.next_if(|part| **part == "super").is_some() {
                to.pop();
            }
            for part in rest {
                to.push((*part).to_owned());
                if !names.contains(&to) {
                    to.pop();
                    break;
                }
            }
            if names.contains(&to) && to != *module {
                found.entry(to).or_insert(line);
            }
        }
    }
    found
}

/// Where paths begin that this crate's modules are named by.
fn heads(code: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for head in ["crate", "self", "super"] {
        for (at, _) in code.match_indices(&format!("{head}::")) {
            let inside =
                code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
            if !inside {
                found.push((at, head));
            }
        }
    }
    found
}

/// The paths that begin there, `a::{b, c::d}` taken apart.
fn paths(code: &str) -> Vec<String> {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(code.len());
    let (path, rest) = code.split_at(end);
    let Some(stem) = path.strip_suffix("::") else { return vec![path.to_owned()] };
    let Some(inner) = rest.strip_prefix('{') else { return vec![stem.to_owned()] };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, letter) in inner.char_indices() {
        if (letter == ',' || letter == '}') && depth == 0 {
            let branch = inner[start..at].trim();
            if !branch.is_empty() {
                found.extend(paths(branch).into_iter().map(|path| format!("{stem}::{path}")));
            }
            start = at + 1;
        }
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

#[test]
fn imports_go_down_the_rows() {
    let (server, xtask) = (Crate::read("server"), Crate::read("xtask"));
    let mut wrong = server.upward(&SERVER);
    wrong.extend(xtask.upward(&XTASK));
    for (module, imports) in &server.modules {
        let whole = imports
            .iter()
            .find(|(to, _)| to[0] == "app")
            .filter(|_| !SEES_THE_APP.contains(&module[0].as_str()));
        if let Some((_, line)) = whole {
            wrong.push(format!("{}: takes the whole App", server.place(module, *line)));
        }
    }
    none(
        &wrong,
        "The rows are in xtask/tests/tidy/layers.rs. Take the parts that are needed as arguments, or move what is named \
         into a row below",
    );
}

#[test]
fn no_files_import_one_another() {
    let crates = [Crate::read("server"), Crate::read("xtask")];
    let looked_at: usize = crates.iter().map(|each| each.modules.len()).sum();
    let circles: Vec<_> = crates.iter().flat_map(Crate::circles).collect();
    report(&format!("{looked_at} files, {} circles", circles.len()));
    assert!(looked_at > 300, "the files were not found: {looked_at}");
    none(&circles, "Move what both need into a file of its own, below both");
}

/// For whoever reads the test's output: `cargo test` shows it with `--nocapture`.
fn report(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[test]
fn the_map_has_the_rows() {
    let map = read(std::path::Path::new("ARCHITECTURE.md"));
    let mut missing = Vec::new();
    for (krate, rows) in [("server", &SERVER[..]), ("xtask", &XTASK[..])] {
        let mut from = 0;
        for room in rows.iter().flat_map(|row| row.iter()) {
            let named =
                ["/", ".rs"].iter().filter_map(|end| map.find(&format!("| `{krate}/src/{room}{end}`"))).min();
            match named {
                Some(at) if at > from => from = at,
                Some(_) => {
                    missing.push(format!("{krate}/src/{room} stands above a room that it imports from"));
                }
                None => missing.push(format!("{krate}/src/{room} is not in the map")),
            }
        }
    }
    none(
        &missing,
        "ARCHITECTURE.md's map has the rooms in the order of xtask/tests/tidy/layers.rs, from the ground up",
    );
}

#[test]
fn the_reader_of_imports_finds_them_in_every_form() {
    let names: BTreeSet<Module> =
        ["a", "a/b", "a/c", "d", "d/e"].map(|path| path.split('/').map(str::to_owned).collect()).into();
    let text = "//! crate::d\nuse super::{c, b::X};\nuse crate::{\n    d::{self, e::Y},\n};\nfn f() { crate::d::g() } // crate::z\n\
                #[cfg(test)]\nmod tests {\n    use crate::a::c;\n}\n";
    let of = |text: &str| {
        let found = imports(&vec!["a".into(), "b".into()], text, &names);
        found.into_iter().map(|(module, line)| (module.join("/"), line)).collect::<Vec<_>>()
    };
    assert_eq!(of(text), [("a/c".to_owned(), 2), ("d".to_owned(), 3), ("d/e".to_owned(), 3)]);
    assert_eq!(of("use super::super::d;"), [("d".to_owned(), 1)]);
}
