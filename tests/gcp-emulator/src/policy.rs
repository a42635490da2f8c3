//! IAM policies: bindings, and the etag that makes read-modify-write safe.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Answer, ApiError};

/// The etag of a policy that nobody has set: what Google answers for one.
const EMPTY_ETAG: &str = "ACAB";

/// The IAM policy of one resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    bindings: Vec<Value>,
    generation: u64,
}

impl Policy {
    /// Adds a member, as a test or an operator's hand would.
    pub(crate) fn bind(&mut self, role: &str, member: &str) {
        self.generation += 1;
        let same = |binding: &&mut Value| binding["role"] == role && binding.get("condition").is_none();
        match self.bindings.iter_mut().find(same).and_then(|binding| binding["members"].as_array_mut()) {
            Some(members) if members.iter().any(|present| present == member) => {}
            Some(members) => members.push(json!(member)),
            None => self.bindings.push(json!({"role": role, "members": [member]})),
        }
    }

    /// Whether `member` holds `role` without a condition.
    pub(crate) fn grants(&self, role: &str, member: &str) -> bool {
        self.bindings
            .iter()
            .filter(|binding| binding["role"] == role && binding.get("condition").is_none())
            .any(|binding| {
                binding["members"]
                    .as_array()
                    .is_some_and(|members| members.iter().any(|present| present == member))
            })
    }

    /// The policy as `getIamPolicy` answers it.
    pub(crate) fn json(&self) -> Value {
        let conditional = self.bindings.iter().any(|binding| binding.get("condition").is_some());
        let mut policy = json!({"version": if conditional { 3 } else { 1 }});
        if !self.bindings.is_empty() {
            policy["bindings"] = Value::Array(self.bindings.clone());
        }
        policy["etag"] = json!(self.etag());
        policy
    }

    /// Replaces the policy with `setIamPolicy`'s body, if it was written on what is there now.
    ///
    /// `exists` says whether a service account of this project exists.
    pub(crate) fn set(&mut self, body: &Value, exists: impl Fn(&str) -> bool) -> Answer {
        let wanted = body.get("policy").ok_or_else(|| ApiError::invalid("policy: required"))?;
        if let Some(etag) = wanted.get("etag").and_then(Value::as_str) {
            // gcloud sends back what it was given in the URL-safe alphabet.
            if etag.replace('-', "+").replace('_', "/") != self.etag() {
                return Err(ApiError::aborted(
                    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential \
                     backoff. The request's ETag did not match the current policy's ETag.",
                ));
            }
        }
        let bindings = wanted.get("bindings").and_then(Value::as_array).cloned().unwrap_or_default();
        for binding in &bindings {
            check_binding(binding, &exists)?;
        }
        self.bindings = bindings;
        self.generation += 1;
        Ok(self.json())
    }

    fn etag(&self) -> String {
        if self.generation == 0 {
            return EMPTY_ETAG.to_owned();
        }
        // Hashed, so that the characters which differ between the two base64 alphabets do occur.
        STANDARD.encode(&Sha256::digest(self.generation.to_be_bytes())[..9])
    }
}

/// The member kinds of <https://cloud.google.com/iam/docs/principal-identifiers> that our callers may use.
const MEMBER_KINDS: [&str; 6] = ["user:", "serviceAccount:", "group:", "domain:", "deleted:", "principal"];

fn check_binding(binding: &Value, exists: &impl Fn(&str) -> bool) -> Result<(), ApiError> {
    let role = binding["role"].as_str().unwrap_or_default();
    if !(role.starts_with("roles/") || role.starts_with("projects/") || role.starts_with("organizations/")) {
        return Err(ApiError::invalid(format!("Role {role} is not supported for this resource.")));
    }
    for member in binding["members"].as_array().into_iter().flatten() {
        let member = member.as_str().unwrap_or_default();
        let special = member == "allUsers" || member == "allAuthenticatedUsers";
        if !special && !MEMBER_KINDS.iter().any(|kind| member.starts_with(kind)) {
            return Err(ApiError::invalid(format!("Invalid member: {member}")));
        }
        if let Some(email) = member.strip_prefix("serviceAccount:")
            && !exists(email)
        {
            return Err(ApiError::invalid(format!("Service account {email} does not exist.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_replaced_only_when_it_was_read_first() {
        let mut policy = Policy::default();
        let body = |etag: &str| json!({"policy": {"etag": etag, "bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}});
        let first = policy.set(&body("ACAB"), |_| true).unwrap();
        assert_eq!(policy.set(&body("ACAB"), |_| true).unwrap_err().code, 409);
        let url_safe = first["etag"].as_str().unwrap().replace('+', "-").replace('/', "_");
        policy.set(&body(&url_safe), |_| true).unwrap();
        assert!(policy.grants("roles/run.invoker", "allUsers"));
    }

    #[test]
    fn a_member_that_does_not_exist_is_refused() {
        let mut policy = Policy::default();
        for member in ["serviceAccount:gone@p.iam.gserviceaccount.com", "somebody"] {
            let body = json!({"policy": {"bindings": [{"role": "roles/viewer", "members": [member]}]}});
            assert_eq!(policy.set(&body, |_| false).unwrap_err().code, 400);
        }
        assert!(policy.json().get("bindings").is_none());
    }
}
