//! The environment in which an unmodified gcloud talks to the emulator and to nothing else.

use std::net::SocketAddr;
use std::path::Path;

/// gcloud's name for an API in `CLOUDSDK_API_ENDPOINT_OVERRIDES_…`, and where it is sent.
///
/// Plain HTTP with the real host names: through a proxy no name is looked up, and Cloud Run's regional host, which
/// gcloud derives by prefixing, keeps working. Compute's links need the version in the base.
const OVERRIDES: [(&str, &str); 11] = [
    ("ARTIFACTREGISTRY", "http://artifactregistry.googleapis.com/"),
    ("CLOUDRESOURCEMANAGER", "http://cloudresourcemanager.googleapis.com/"),
    ("CLOUDSCHEDULER", "http://cloudscheduler.googleapis.com/"),
    ("CLOUDTASKS", "http://cloudtasks.googleapis.com/"),
    ("COMPUTE", "http://compute.googleapis.com/compute/v1/"),
    ("IAM", "http://iam.googleapis.com/"),
    ("LOGGING", "http://logging.googleapis.com/"),
    ("RUN", "http://run.googleapis.com/"),
    ("SECRETMANAGER", "http://secretmanager.googleapis.com/"),
    ("SERVICEUSAGE", "http://serviceusage.googleapis.com/"),
    // Not SQLADMIN, whatever the host is called.
    ("SQL", "http://sqladmin.googleapis.com/"),
];

/// Every variable; `home` is a directory of the emulator's own.
pub(crate) fn variables(proxy: SocketAddr, project: &str, token: &str, home: &Path) -> Vec<(String, String)> {
    let path = |name: &str| home.join(name).display().to_string();
    let mut variables: Vec<(String, String)> = [
        ("HOME", home.display().to_string()),
        ("CLOUDSDK_CONFIG", path("gcloud")),
        ("DOCKER_CONFIG", path("docker")),
        ("CLOUDSDK_CORE_PROJECT", project.to_owned()),
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", token.to_owned()),
        ("CLOUDSDK_PROXY_TYPE", "http".to_owned()),
        ("CLOUDSDK_PROXY_ADDRESS", proxy.ip().to_string()),
        ("CLOUDSDK_PROXY_PORT", proxy.port().to_string()),
        // Nothing may ask, report, update or look for a metadata server.
        ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1".to_owned()),
        ("CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API", "false".to_owned()),
        ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true".to_owned()),
        ("CLOUDSDK_SURVEY_DISABLE_PROMPTS", "true".to_owned()),
        ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true".to_owned()),
        ("CLOUDSDK_CORE_ENABLE_FEATURE_FLAGS", "false".to_owned()),
        ("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false".to_owned()),
        ("CLOUDSDK_CORE_DISABLE_FILE_LOGGING", "true".to_owned()),
        // A registry on loopback is no *-docker.pkg.dev; without this `configure-docker` writes nothing for it.
        ("CLOUDSDK_ARTIFACTS_ALLOW_UNRECOGNIZED_REGISTRY", "true".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    variables.extend(
        OVERRIDES
            .map(|(api, endpoint)| (format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"), endpoint.to_owned())),
    );
    variables
}
