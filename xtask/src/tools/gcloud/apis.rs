//! Google Cloud's APIs, by the names under which they are turned on.

/// The APIs that the commands of this tool speak to.
pub const APIS: [&str; 6] =
    [ARTIFACTS, "cloudresourcemanager.googleapis.com", "iam.googleapis.com", LOGGING, RUN, SECRETS];
/// Images.
pub const ARTIFACTS: &str = "artifactregistry.googleapis.com";
/// Logs.
pub const LOGGING: &str = "logging.googleapis.com";
/// Cloud Run.
pub const RUN: &str = "run.googleapis.com";
/// Secret Manager.
pub const SECRETS: &str = "secretmanager.googleapis.com";
