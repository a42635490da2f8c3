//! IAM policies, as far as they are asked here: who holds which role without a condition.

use serde::Deserialize;

/// A policy as `get-iam-policy --format=json` prints it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Policy {
    #[serde(default)]
    bindings: Vec<Binding>,
}

#[derive(Debug, Clone, Deserialize)]
struct Binding {
    role: String,
    #[serde(default)]
    members: Vec<String>,
    condition: Option<serde_json::Value>,
}

impl Policy {
    /// Reads a policy; `None` where it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether this service account holds the role, at all times.
    pub(crate) fn grants(&self, role: &str, account: &str) -> bool {
        self.binds(role, &format!("serviceAccount:{account}"))
    }

    /// Whether everybody holds the role, without any login.
    pub(crate) fn grants_everybody(&self, role: &str) -> bool {
        self.binds(role, "allUsers")
    }

    fn binds(&self, role: &str, member: &str) -> bool {
        let binds = |binding: &Binding| binding.role == role && binding.condition.is_none();
        self.bindings.iter().any(|binding| binds(binding) && binding.members.iter().any(|m| m == member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_not_at_all_times() {
        let policy = |text: &str| Policy::parse(text).unwrap();
        let plain = policy(r#"{"bindings": [{"role": "r", "members": ["serviceAccount:a"]}], "etag": "x"}"#);
        assert!(plain.grants("r", "a"));
        assert!(!plain.grants("r", "b") && !plain.grants("q", "a"));
        let conditional = policy(
            r#"{"bindings": [{"role": "r", "members": ["serviceAccount:a"], "condition": {"title": "t"}}]}"#,
        );
        assert!(!conditional.grants("r", "a"));
        assert!(!policy(r#"{"etag": "ACAB"}"#).grants("r", "a"));
        assert!(Policy::parse("not json").is_none());
    }
}
