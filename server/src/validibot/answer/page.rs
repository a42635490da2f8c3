//! Pages of the REST API's lists (contract of 0.16, B1).

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use super::{Answer, ApiError, MAX_NODES, not_understood};
use crate::base::json;

/// A page of two hundred workflows, each with the schema of its input.
const MAX_NODES_OF_PAGE: usize = 1_000_000;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::validibot) struct Org {
    pub(in crate::validibot) slug: String,
    pub(in crate::validibot) name: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    next: Option<Cow<'a, str>>,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

impl Answer {
    /// A page's entries, and the cursor of the next page. What cannot be read does not take the others with it.
    pub(in crate::validibot) fn page<T: DeserializeOwned>(
        self,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        if json::nodes(&self.body) > MAX_NODES_OF_PAGE {
            return Err(not_understood(self.status));
        }
        let page: Page<'_> = serde_json::from_slice(&self.body).map_err(|_| not_understood(self.status))?;
        let all = page.results.len();
        let entries: Vec<T> = page
            .results
            .iter()
            .filter_map(|entry| json::read(entry.get().as_bytes(), MAX_NODES).ok())
            .collect();
        let left_out = all - entries.len();
        if left_out > 0 {
            tracing::warn!(left_out, read = entries.len(), "entries of Validibot's list could not be read");
        }
        if entries.is_empty() && left_out > 0 {
            return Err(not_understood(self.status));
        }
        // Its host and scheme are those of whatever request was answered: nothing is sent there.
        let cursor = page.next.and_then(|next| {
            let next = Url::parse(&next).ok()?;
            next.query_pairs().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
        });
        Ok((entries, cursor))
    }

    /// One organization.
    pub(in crate::validibot) fn org(self) -> Result<Org, ApiError> {
        json::document(&self.body).map_err(|_| not_understood(self.status))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn page(body: &str) -> Result<(Vec<Org>, Option<String>), ApiError> {
        Answer::made(Bytes::copy_from_slice(body.as_bytes())).page()
    }

    #[test]
    fn a_page_gives_its_entries_and_a_cursor_and_never_a_host() {
        let body = r#"{"next":"http://evil.example/x/?page_size=200&cursor=cD0y%3D","previous":null,"results":[{"slug":"acme","name":"Acme","new":1},{"slug":7},{"slug":"b","name":"B"}]}"#;
        let (orgs, cursor) = page(body).expect("a page");
        let slugs: Vec<&str> = orgs.iter().map(|org| org.slug.as_str()).collect();
        assert_eq!((slugs, cursor.as_deref()), (vec!["acme", "b"], Some("cD0y=")));
        assert_eq!(page(r#"{"next":null,"results":[]}"#).expect("a page"), (Vec::new(), None));
        for bad in ["[]", "{}", r#"{"results":1}"#, r#"{"next":null,"results":[1]}"#, "<html>"] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
