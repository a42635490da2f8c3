//! An image in a registry, by its digest: what is deployed is what was built and looked at, whatever its tags lead to.

use std::fmt;

/// An image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// The registry's host, the project, the repository and the image's name.
    pub repository: String,
    /// `sha256:` and the digest of the manifest.
    pub digest: String,
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

/// The repository of a reference, and its tag where it has one.
pub fn split(reference: &str) -> (&str, Option<&str>) {
    let (name, _) = reference.split_once('@').unwrap_or((reference, ""));
    // A colon before the last slash is a port.
    match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_taken_apart_at_its_tag_and_its_digest() {
        for (reference, repository, tag) in [
            ("r:5000/p/a:1", "r:5000/p/a", Some("1")),
            ("r:5000/p/a", "r:5000/p/a", None),
            ("r/a@sha256:1", "r/a", None),
            ("r/a:x@sha256:1", "r/a", Some("x")),
        ] {
            assert_eq!(split(reference), (repository, tag), "{reference}");
        }
        let image = ImageRef { repository: "r/a".into(), digest: "sha256:1".into() };
        assert_eq!(image.to_string(), "r/a@sha256:1");
    }
}
