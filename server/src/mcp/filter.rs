//! Which workflows of a list are asked for.

use serde_json::{Map, Value};

use super::arguments::Arguments;

/// What a search looks in.
const SEARCHED: [&str; 4] = ["name", "slug", "description", "org_name"];

/// The words of a search, and an organization; without either, every workflow is asked for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    search: Option<String>,
    organization: Option<String>,
}

impl Filter {
    /// Reads the arguments `search` and `organization`.
    pub(super) fn read(arguments: &mut Arguments) -> Self {
        Self {
            search: arguments.optional_text("search"),
            organization: arguments.optional_text("organization"),
        }
    }

    /// Whether every workflow is asked for, so that the list need not be read.
    pub(super) fn is_open(&self) -> bool {
        self.search.is_none() && self.organization.is_none()
    }

    /// The arguments of a call that asks for the same.
    pub(super) fn arguments(&self) -> Map<String, Value> {
        let given = [("search", &self.search), ("organization", &self.organization)];
        let given =
            given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into())));
        given.collect()
    }

    /// Keeps what is asked for: of the organization with this slug or name, with every word of the search somewhere in
    /// it, in whichever case.
    pub(super) fn keep(&self, workflows: &mut Vec<Value>) {
        let words: Vec<String> =
            self.search.iter().flat_map(|text| text.split_whitespace()).map(str::to_lowercase).collect();
        let organization = self.organization.as_ref().map(|text| text.trim().to_lowercase());
        workflows.retain(|workflow| {
            let text =
                |key: &str| workflow.get(key).and_then(Value::as_str).unwrap_or_default().to_lowercase();
            let ours = organization
                .as_ref()
                .is_none_or(|wanted| ["org_slug", "org", "org_name"].iter().any(|key| text(key) == *wanted));
            let texts = SEARCHED.map(|key| if words.is_empty() { String::new() } else { text(key) });
            ours && words.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::testing::object;

    fn kept(arguments: Value) -> Vec<u64> {
        let filter = Filter::read(&mut Arguments::new(object(arguments)));
        let mut workflows = vec![
            json!({ "n": 1, "name": "Energy model", "org_slug": "acme", "org_name": "ACME Ltd." }),
            json!({ "n": 2, "name": "Naming", "description": "Names of ENERGY meters", "org_slug": "beta" }),
            json!({ "n": 3, "slug": "überblick", "org_slug": "acme" }),
            json!({ "n": 4, "name": 7 }),
        ];
        filter.keep(&mut workflows);
        workflows.iter().filter_map(|workflow| workflow["n"].as_u64()).collect()
    }

    #[test]
    fn words_and_organizations_are_found_in_whichever_case() {
        for (arguments, expected) in [
            (json!({}), vec![1, 2, 3, 4]),
            (json!({ "search": " ", "organization": "" }), vec![1, 2, 3, 4]),
            (json!({ "search": "energy" }), vec![1, 2]),
            (json!({ "search": "METERS energy" }), vec![2]),
            (json!({ "search": "acme" }), vec![1]),
            (json!({ "search": "Überblick" }), vec![3]),
            (json!({ "organization": "ACME" }), vec![1, 3]),
            (json!({ "organization": "acme ltd." }), vec![1]),
            (json!({ "organization": "acme", "search": "energy" }), vec![1]),
            (json!({ "organization": "ac" }), vec![]),
        ] {
            assert_eq!(kept(arguments.clone()), expected, "{arguments}");
        }
    }

    #[test]
    fn the_next_page_asks_for_the_same() {
        let given = json!({ "search": "energy", "organization": "acme" });
        let filter = Filter::read(&mut Arguments::new(object(given.clone())));
        assert_eq!(Value::Object(filter.arguments()), given);
        assert!(!filter.is_open() && Filter::default().is_open());
    }
}
