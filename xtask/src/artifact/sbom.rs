//! A software bill of materials for the server's image: every crate that is linked into its program, as `CycloneDX`
//! JSON (ECMA-424, version 1.6), from what cargo has resolved. Nothing else is in the image but the CA certificates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};

/// The package whose program the image holds.
const PACKAGE: &str = "validibot-mcp";

/// The part of `cargo metadata` that is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    /// `None` for a crate of this workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for an ordinary dependency: tests and build scripts are not linked.
    kind: Option<String>,
}

/// The checksums of Cargo.lock.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The bill of the program for this target, such as `x86_64-unknown-linux-gnu`. The same sources give the same text.
pub fn of_server(context: &Context, target: &str, commit: &str) -> Result<String> {
    let command = Command::new(context.cargo())
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
        .dir(&context.root)
        .reads()
        .no_deadline();
    let metadata = context.runner.read(&command)?.stdout;
    let path = context.root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).map_err(|error| {
        Error::failed(format!("{} cannot be read", path.display())).cause(error.to_string())
    })?;
    bill(&metadata, &lock, commit)
}

fn bill(metadata: &str, lock: &str, commit: &str) -> Result<String> {
    let odd = |what: &str, error: String| Error::failed(format!("{what} is not understood")).cause(error);
    let metadata: Metadata =
        serde_json::from_str(metadata).map_err(|error| odd("what cargo metadata says", error.to_string()))?;
    let lock: Lock = toml::from_str(lock).map_err(|error| odd("Cargo.lock", error.to_string()))?;
    let checksums: BTreeMap<(String, String), String> = lock
        .package
        .into_iter()
        .filter_map(|locked| Some(((locked.name, locked.version), locked.checksum?)))
        .collect();
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let root = packages.values().find(|package| package.name == PACKAGE && package.source.is_none());
    let root = *root.ok_or_else(|| Error::failed(format!("cargo metadata names no {PACKAGE}")))?;

    let linked = linked(&root.id, &nodes);
    let mut components: Vec<&Package> =
        linked.iter().filter(|id| **id != root.id).filter_map(|id| packages.get(id).copied()).collect();
    components.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let mut dependencies: Vec<Value> = Vec::new();
    for package in std::iter::once(&root).chain(&components) {
        let mut on: Vec<String> = nodes
            .get(package.id.as_str())
            .into_iter()
            .flat_map(|node| ordinary(node))
            .filter_map(|id| packages.get(id).map(|package| package.purl()))
            .collect();
        on.sort();
        on.dedup();
        dependencies.push(json!({ "ref": package.purl(), "dependsOn": on }));
    }
    let components: Vec<Value> =
        components.iter().map(|package| package.component("library", &checksums)).collect();
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": root.component("application", &checksums),
            "properties": [{ "name": "validibot:commit", "value": commit }],
        },
        "components": components,
        "dependencies": dependencies,
    });
    serde_json::to_string_pretty(&bill).map_err(|error| odd("the bill", error.to_string()))
}

/// Everything that can be reached over ordinary dependencies.
fn linked<'a>(root: &'a str, nodes: &BTreeMap<&'a str, &'a Node>) -> BTreeSet<&'a str> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![root]);
    while let Some(id) = left.pop() {
        if seen.insert(id) {
            left.extend(nodes.get(id).into_iter().flat_map(|node| ordinary(node)));
        }
    }
    seen
}

fn ordinary(node: &Node) -> impl Iterator<Item = &str> {
    let ordinary = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    node.deps.iter().filter(ordinary).map(|dependency| dependency.pkg.as_str())
}

impl Package {
    /// How other programs call it (<https://github.com/package-url/purl-spec>).
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn component(&self, kind: &str, checksums: &BTreeMap<(String, String), String>) -> Value {
        let mut component = json!({
            "type": kind,
            "bom-ref": self.purl(),
            "name": self.name,
            "version": self.version,
            "purl": self.purl(),
        });
        if let Some(license) = &self.license {
            // Older manifests separate licences by a slash, which SPDX does not know.
            component["licenses"] =
                json!([{ "expression": license.replace('/', " OR ").replace("  ", " ") }]);
        }
        if let Some(sum) = checksums.get(&(self.name.clone(), self.version.clone())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        if let Some(repository) = &self.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        component
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            { "id": "ours", "name": "validibot-mcp", "version": "0.1.0", "license": "Apache-2.0", "source": null },
            { "id": "a", "name": "a", "version": "1.0.0+x", "license": "MIT/Apache-2.0", "repository": "https://a.example",
              "source": "registry" },
            { "id": "b", "name": "b", "version": "2.0.0", "license": null, "source": "registry" },
            { "id": "t", "name": "for-tests", "version": "1.0.0", "source": "registry" },
            { "id": "s", "name": "for-builds", "version": "1.0.0", "source": "registry" }
        ],
        "resolve": { "nodes": [
            { "id": "ours", "deps": [
                { "pkg": "a", "dep_kinds": [{ "kind": null }] },
                { "pkg": "t", "dep_kinds": [{ "kind": "dev" }] }
            ] },
            { "id": "a", "deps": [
                { "pkg": "b", "dep_kinds": [{ "kind": "build" }, { "kind": null }] },
                { "pkg": "s", "dep_kinds": [{ "kind": "build" }] }
            ] },
            { "id": "b", "deps": [] }, { "id": "t", "deps": [] }, { "id": "s", "deps": [] }
        ] }
    }"#;

    #[test]
    fn what_is_linked_is_listed_once_and_nothing_else() {
        let lock = "[[package]]\nname = \"b\"\nversion = \"2.0.0\"\nchecksum = \"abc\"\n";
        let bill: Value = serde_json::from_str(&bill(METADATA, lock, "c0ffee").unwrap()).unwrap();
        let names: Vec<_> =
            bill["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/validibot-mcp@0.1.0");
        assert_eq!(bill["components"][0]["purl"], "pkg:cargo/a@1.0.0%2Bx");
        assert_eq!(bill["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["components"][1]["hashes"][0]["content"], "abc");
        assert_eq!(
            bill["dependencies"][1],
            json!({ "ref": "pkg:cargo/a@1.0.0%2Bx", "dependsOn": ["pkg:cargo/b@2.0.0"] })
        );
    }

    #[test]
    fn an_answer_of_another_form_is_an_error() {
        assert!(bill("{}", "", "").is_err());
        assert!(bill(&METADATA.replace("validibot-mcp", "other"), "package = []", "").is_err());
    }
}
