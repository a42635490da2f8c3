//! The workspace's invariants, as tests. Each failure says what to do.

mod citations;
mod crates;
mod documents;
mod fuzz;
mod layers;
mod sources;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every file that belongs to the repository, new ones too, by its path from the root.
fn files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let mut files: Vec<PathBuf> = match listed {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout).unwrap();
            // A file that is removed but not yet committed is still listed.
            text.split_terminator('\0').map(PathBuf::from).filter(|path| root().join(path).exists()).collect()
        }
        // An archive of the sources, or a machine without git.
        _ => walk(root(), Path::new("")),
    };
    files.sort();
    files.dedup();
    assert!(files.len() > 50, "the repository's files were not found");
    files
}

fn walk(root: &Path, below: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root.join(below)).unwrap().flatten() {
        let path = below.join(entry.file_name());
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            if ![".git", "target", "node_modules", ".venv"].contains(&name.as_str()) {
                files.extend(walk(root, &path));
            }
        } else {
            files.push(path);
        }
    }
    files
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with every finding and what to do about them.
fn none(findings: &[String], what_to_do: &str) {
    assert!(findings.is_empty(), "\n  {}\n\n{what_to_do}\n", findings.join("\n  "));
}

#[test]
fn generated_files_are_fresh() {
    let stale = xtask::commands::generate::stale(root()).unwrap();
    let names: Vec<_> = stale.iter().map(|(path, _)| path.display().to_string()).collect();
    none(
        &names,
        "These come from envs/src/table and are not as they would be written. Type: cargo xtask generate",
    );
}
