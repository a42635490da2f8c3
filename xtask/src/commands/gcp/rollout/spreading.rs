//! Roles that were given a moment ago: it takes minutes until all of Google knows them.
//!
//! A first deploy mostly follows `gcp setup` at once, which has just given them. Later ones have had the time.

use std::time::Duration;

/// How often a first revision is tried, and how long for: two minutes
/// (<https://cloud.google.com/iam/docs/access-change-propagation>: typically two, sometimes seven and more).
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// See [`EVERY`].
pub(super) const TRIES: u32 = 24;

/// Whether these are Google's words for a role that is missing, or not known yet: to run as the server's account, or for that
/// account to read its secret.
pub(super) fn may_be_spreading(said: &str) -> bool {
    ["iam.serviceaccounts.actas", "permission denied on secret"]
        .into_iter()
        .any(|words| said.to_ascii_lowercase().contains(words))
}

/// What to do where it has lasted too long.
pub(super) fn advice(stage: &str) -> [String; 2] {
    [
        "a role that was given minutes ago may not be known everywhere yet: type the same command again"
            .to_owned(),
        format!("who lacks which role: cargo xtask doctor {stage}; gcp setup {stage} gives the server's"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_roles_that_setup_gives_are_waited_for() {
        for said in [
            "ERROR: (gcloud.run.services.replace) PERMISSION_DENIED: Permission 'iam.serviceaccounts.actAs' denied on service \
             account a@p.iam.gserviceaccount.com (or it may not exist).",
            "Revision 'a-1' is not ready and cannot serve traffic. Permission denied on secret: projects/1/secrets/s/versions/1 \
             for Revision service account a@p.iam.gserviceaccount.com.",
        ] {
            assert!(may_be_spreading(said), "{said}");
        }
        for said in
            ["PERMISSION_DENIED: Permission 'run.services.create' denied", "Container failed to start"]
        {
            assert!(!may_be_spreading(said), "{said}");
        }
    }
}
