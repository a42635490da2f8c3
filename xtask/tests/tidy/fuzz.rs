//! The fuzz targets: a workspace of their own, which nothing else here compiles. What is fuzzed has to be what is shipped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{files, none, read};

fn table(path: &str) -> Table {
    read(Path::new(path)).parse().unwrap()
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn packages(lock: &Table) -> impl Iterator<Item = &Table> {
    lock["package"].as_array().unwrap().iter().filter_map(Value::as_table)
}

#[test]
fn the_lock_file_has_the_versions_of_the_workspace() {
    let (ours, theirs) = (table("Cargo.lock"), table("fuzz/Cargo.lock"));
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages(&ours) {
        versions.entry(text(package, "name")).or_default().insert(text(package, "version"));
    }
    let others: Vec<_> = packages(&theirs)
        .map(|package| (text(package, "name"), text(package, "version")))
        .filter(|(name, version)| versions.get(name).is_some_and(|ours| !ours.contains(version)))
        .map(|(name, version)| format!("{name} {version}: here {:?}", versions[name]))
        .collect();
    none(&others, "For each: cargo update --manifest-path fuzz/Cargo.toml NAME --precise VERSION");
}

#[test]
fn the_lock_file_knows_every_dependency() {
    let (root, lock) = (table("Cargo.toml"), table("fuzz/Cargo.lock"));
    // By the name of the package, which may be another than the one that it is used by.
    let package = |name: &str| {
        let entry = &root["workspace"]["dependencies"][name];
        entry.get("package").and_then(Value::as_str).unwrap_or(name).to_owned()
    };
    let mut unknown = Vec::new();
    for path in ["server", "envs"] {
        let manifest = table(&format!("{path}/Cargo.toml"));
        let name = text(manifest["package"].as_table().unwrap(), "name");
        let locked = packages(&lock).find(|package| text(package, "name") == name);
        let known = locked.and_then(|package| package.get("dependencies")).and_then(Value::as_array);
        let known: Vec<&str> = known.into_iter().flatten().filter_map(Value::as_str).collect();
        let needed = manifest.get("dependencies").and_then(Value::as_table).into_iter().flatten();
        for (name, _) in needed.filter(|(_, entry)| entry.get("optional") != Some(&Value::Boolean(true))) {
            let package = package(name);
            if !known.iter().any(|known| known.split(' ').next() == Some(package.as_str())) {
                unknown.push(format!("{path}: {package}"));
            }
        }
    }
    none(
        &unknown,
        "Run cargo check --manifest-path fuzz/Cargo.toml and keep what it writes into fuzz/Cargo.lock",
    );
}

#[test]
fn every_target_is_declared_and_calls_what_is_there() {
    let manifest = table("fuzz/Cargo.toml");
    let declared: BTreeSet<PathBuf> = manifest["bin"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_table)
        .map(|bin| Path::new("fuzz").join(text(bin, "path")))
        .collect();
    let there: BTreeSet<PathBuf> =
        files().into_iter().filter(|path| path.starts_with("fuzz/fuzz_targets")).collect();
    assert_eq!(there, declared, "each file of fuzz/fuzz_targets is a [[bin]] of fuzz/Cargo.toml");
    let entries = read(Path::new("server/src/fuzzing.rs"));
    let wrong: Vec<_> = there
        .iter()
        .filter(|path| {
            let target = read(path);
            let called =
                target.split_once("validibot_mcp::fuzzing::").and_then(|(_, rest)| rest.split_once('('));
            called.is_none_or(|(name, _)| !entries.contains(&format!("pub fn {name}(data: &[u8])")))
        })
        .map(|path| path.display().to_string())
        .collect();
    none(&wrong, "A target calls one function of server/src/fuzzing.rs");
}
