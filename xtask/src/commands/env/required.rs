//! Which variables an environment needs, given the values that it has.

use envs::{Place, Required, Variable, deploy, oauth, server};

/// An OAuth client secret with fewer bytes is too guessable to derive the key ring from.
const MIN_SECRET_BYTES: usize = 32;

/// Whether a variable must be set here. `value` looks another one up; unset and empty are the same to it.
pub(super) fn is_required(
    variable: &Variable,
    place: Place,
    value: &dyn Fn(&Variable) -> Option<String>,
) -> bool {
    let cloud = place == Place::GoogleCloud;
    let secret = || value(&oauth::CLIENT_SECRET);
    match variable.name {
        // On Google Cloud a deploy stamps it from VALIDIBOT_MCP_API_BASE_URL, and an identity token takes the
        // place of the shared key.
        name if name == server::API_BASE_URL.name || name == server::SERVICE_KEY.name => !cloud,
        name if name == deploy::GCP_PROJECT_ID.name || name == deploy::MCP_API_BASE_URL.name => cloud,
        name if name == oauth::AUTHORIZATION_SERVER_URL.name => secret().is_some(),
        name if name == oauth::SEAL_KEYS.name => secret().is_some_and(|s| s.len() < MIN_SECRET_BYTES),
        _ => variable.required == Required::Always,
    }
}
