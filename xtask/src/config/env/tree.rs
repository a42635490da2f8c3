//! Where the files of each environment stand, in our layout or in the one that operators have already.

use std::path::{Path, PathBuf};

use envs::{HeldIn, Place};

use super::EnvFile;
use crate::config::stage::{Stage, Target};
use crate::core::error::Result;

/// What `.gcp` is called in a tree with dotted names. It is sourced by hand, so its lines have to be exports.
pub const JUST: &str = ".just";

/// The folder of the environments.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    shown: PathBuf,
}

impl Tree {
    /// A tree at `root`; messages show paths under `shown`, which is usually shorter.
    pub fn new(root: impl Into<PathBuf>, shown: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), shown: shown.into() }
    }

    /// The tree's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of an environment: the first that exists. Where there is none, it is ours, or in a tree whose folders have
    /// dotted names one like them.
    pub fn folder(&self, target: Target) -> PathBuf {
        let candidates = candidates(target);
        let existing = candidates.iter().find(|candidate| self.root.join(candidate).is_dir());
        let new = || if self.is_dotted() { &candidates[1] } else { &candidates[0] };
        self.shown.join(existing.unwrap_or_else(new))
    }

    /// Whether the tree has folders with dotted names, and none of ours.
    fn is_dotted(&self) -> bool {
        let has = |dot: &str| {
            let named = |name: &str| self.root.join(format!("{dot}{name}")).is_dir();
            ["local", "dev", "staging", "production"].into_iter().any(named)
        };
        has(".") && !has("")
    }

    /// Whether the environment has a folder.
    pub fn has(&self, target: Target) -> bool {
        candidates(target).iter().any(|candidate| self.root.join(candidate).is_dir())
    }

    /// Whether there is something under the name of this file.
    pub fn has_file(&self, target: Target, file: HeldIn) -> bool {
        let name = file.file_name();
        let mut folders = candidates(target).into_iter().map(|candidate| self.root.join(candidate));
        let own = folders.find(|folder| folder.is_dir());
        own.zip(name).is_some_and(|(folder, name)| folder.join(name).exists())
    }

    /// The path of one file, whether or not it exists; `None` for the process environment, which has no file.
    pub fn path(&self, target: Target, file: HeldIn) -> Option<PathBuf> {
        let folder = self.folder(target);
        let path = folder.join(file.file_name()?);
        let just = folder.join(JUST);
        if file == HeldIn::Gcp && !path.exists() && (just.exists() || self.is_dotted()) {
            return Some(just);
        }
        Some(path)
    }

    /// One file's contents; `None` where there is no such file.
    pub fn read(&self, target: Target, file: HeldIn) -> Result<Option<EnvFile>> {
        match self.path(target, file) {
            Some(path) => EnvFile::read(&path),
            None => Ok(None),
        }
    }
}

/// The folder's names, ours first, then those of a tree with dotted names.
fn candidates(target: Target) -> Vec<PathBuf> {
    let names: &[&str] = match target.place() {
        Place::Local => &["local", ".local"],
        Place::SelfHosted => &[
            "production/self-hosted",
            ".production/.self-hosted",
            "production/docker-compose",
            ".production/.docker-compose",
        ],
        Place::GoogleCloud => match target {
            Target::GoogleCloud(Stage::Dev) => &["dev/google-cloud", ".dev/.google-cloud"],
            Target::GoogleCloud(Stage::Staging) => &["staging/google-cloud", ".staging/.google-cloud"],
            _ => &["production/google-cloud", ".production/.google-cloud"],
        },
    };
    names.iter().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_dotted_names_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(folder.path(), folder.path());
        let prod = Target::GoogleCloud(Stage::Prod);
        assert_eq!(tree.folder(prod), folder.path().join("production/google-cloud"));

        let dotted = folder.path().join(".production/.google-cloud");
        std::fs::create_dir_all(&dotted).unwrap();
        std::fs::write(dotted.join(".just"), "export GCP_PROJECT_ID=acme\n").unwrap();
        let file = tree.read(prod, HeldIn::Gcp).unwrap().unwrap();
        assert_eq!(file.path(), dotted.join(".just"));
        assert_eq!(file.get("GCP_PROJECT_ID").unwrap().value.expose(), "acme");
        assert!(tree.read(prod, HeldIn::Mcp).unwrap().is_none());

        let compose = folder.path().join(".production/.docker-compose");
        std::fs::create_dir_all(&compose).unwrap();
        assert_eq!(tree.folder(Target::SelfHosted), compose);
    }

    #[test]
    fn what_is_new_in_a_tree_with_dotted_names_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(folder.path(), folder.path());
        let staging = Target::GoogleCloud(Stage::Staging);
        std::fs::create_dir_all(folder.path().join(".production/.google-cloud")).unwrap();
        let dotted = folder.path().join(".staging/.google-cloud");
        assert_eq!(tree.folder(staging), dotted);
        assert_eq!(tree.path(staging, HeldIn::Gcp), Some(dotted.join(".just")));
        assert_eq!(tree.path(staging, HeldIn::Mcp), Some(dotted.join(".mcp")));
        assert_eq!(tree.folder(Target::SelfHosted), folder.path().join(".production/.self-hosted"));

        std::fs::create_dir_all(folder.path().join("dev/google-cloud")).unwrap();
        assert_eq!(
            tree.folder(staging),
            folder.path().join("staging/google-cloud"),
            "a mixed tree gets ours"
        );
    }
}
