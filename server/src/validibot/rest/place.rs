//! What references name, as paths of the REST API.

use std::fmt::Write as _;

use super::super::error::ApiError;
use super::super::{RunRef, WorkflowRef};

/// A workflow's organization and slug.
pub(super) struct Place {
    pub(super) org: String,
    pub(super) workflow: String,
}

/// A run's organization and id.
pub(super) struct RunPlace {
    pub(super) org: String,
    pub(super) id: String,
}

impl Place {
    /// What can be no slug is not asked for: Django takes an encoded slash for one that separates.
    pub(super) fn of(reference: &WorkflowRef) -> Result<Self, ApiError> {
        let (org, workflow) = reference.parts().ok_or_else(ApiError::not_found)?;
        if is_slug(&org) && is_slug(&workflow) {
            Ok(Self { org, workflow })
        } else {
            Err(ApiError::not_found())
        }
    }

    pub(super) fn path(&self) -> String {
        format!("/api/v1/orgs/{}/workflows/{}/", segment(&self.org), segment(&self.workflow))
    }

    /// Where runs of its newest version are started.
    pub(super) fn runs(&self) -> String {
        format!("{}runs/", self.path())
    }
}

impl RunPlace {
    pub(super) fn of(reference: &RunRef) -> Result<Self, ApiError> {
        let (org, id) = reference.parts().ok_or_else(ApiError::not_found)?;
        if is_slug(&org) && is_slug(&id) { Ok(Self { org, id }) } else { Err(ApiError::not_found()) }
    }

    pub(super) fn path(&self) -> String {
        format!("/api/v1/orgs/{}/runs/{}/", segment(&self.org), segment(&self.id))
    }
}

/// Django's slugs, those with letters of other scripts too.
pub(super) fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// A slug as it stands in a path (RFC 3986, section 2.1).
pub(super) fn segment(slug: &str) -> String {
    let mut segment = String::with_capacity(slug.len());
    for byte in slug.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            segment.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_becomes_the_path_of_what_it_names() {
        let place = Place::of(&WorkflowRef::new("acme", "energy-model")).expect("slugs");
        assert_eq!(place.path(), "/api/v1/orgs/acme/workflows/energy-model/");
        assert_eq!(place.runs(), "/api/v1/orgs/acme/workflows/energy-model/runs/");
        let place = Place::of(&WorkflowRef::new("zürich", "a_1")).expect("slugs");
        assert_eq!(place.path(), "/api/v1/orgs/z%C3%BCrich/workflows/a_1/");
        let run =
            RunRef::parse(&super::super::super::run_ref("acme", "ea71cf20-ed08-4db4-84e3-5b631a6acf2d"));
        let place = RunPlace::of(&run.expect("a reference")).expect("a slug");
        assert_eq!(place.path(), "/api/v1/orgs/acme/runs/ea71cf20-ed08-4db4-84e3-5b631a6acf2d/");
    }

    #[test]
    fn what_would_leave_the_path_is_nowhere() {
        for (org, workflow) in [
            ("..", "a"),
            ("a", "."),
            ("a/b", "c"),
            ("a", "b/../c"),
            ("a%2Fb", "c"),
            ("a?b", "c"),
            ("a", "b c"),
        ] {
            let place = Place::of(&WorkflowRef::new(org, workflow));
            assert_eq!(place.err().map(|error| error.code), Some("NOT_FOUND".into()), "{org} {workflow}");
        }
    }
}
