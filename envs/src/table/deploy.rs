//! What the deploy tool reads: the gate, Google Cloud's names, and where things are.

use crate::{Fallback, HeldIn, Kind, Place, Reader, Required, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] = &[
    &ENABLE_MCP_SERVER,
    &MCP_API_BASE_URL,
    &GCP_PROJECT_ID,
    &GCP_REGION,
    &GCP_APP_NAME,
    &GCP_REGISTRY_HOST,
    &GCP_SECRET_VERSIONS_TO_KEEP,
    &ENVS_DIR,
    &VALIDIBOT_DIR,
    &VALIDIBOT_REVISION,
    &VALIDIBOT_VERSION,
    &VALIDIBOT_BUILD_CLOUD,
    &NETWORK,
    &CA_FILE,
    &PUBLISH,
];

/// What most of this area is: text that the deploy tool reads from `.gcp`.
const OPTIONAL: Variable =
    Variable { held_in: &[HeldIn::Gcp], readers: &[Reader::Xtask], ..Variable::OPTIONAL };

/// `ENABLE_MCP_SERVER`
pub const ENABLE_MCP_SERVER: Variable = Variable {
    name: "ENABLE_MCP_SERVER",
    doc: "The build gate: without it no command builds, starts or deploys the MCP server",
    held_in: &[HeldIn::Build],
    kind: Kind::Gate,
    fallback: Fallback::Value("false"),
    example: "false",
    active_in: &Place::ALL,
    ..OPTIONAL
};

/// `VALIDIBOT_MCP_API_BASE_URL`
pub const MCP_API_BASE_URL: Variable = Variable {
    name: "VALIDIBOT_MCP_API_BASE_URL",
    doc: "Validibot's API as the deployed server reaches it; also the identity token's audience and Validibot's MCP_OIDC_AUDIENCE",
    held_in: &[HeldIn::Build],
    kind: Kind::Url,
    required: Required::In(&[Place::GoogleCloud], "deploying to Google Cloud"),
    example: "https://app.example.com",
    places: &[Place::GoogleCloud],
    active_in: &[Place::GoogleCloud],
    ..OPTIONAL
};

/// `GCP_PROJECT_ID`
pub const GCP_PROJECT_ID: Variable = Variable {
    name: "GCP_PROJECT_ID",
    doc: "Google Cloud project",
    kind: Kind::ProjectId,
    required: Required::In(&[Place::GoogleCloud], "running a gcp command"),
    example: "my-project",
    active_in: &[Place::GoogleCloud],
    ..OPTIONAL
};

/// `GCP_REGION`
pub const GCP_REGION: Variable = Variable {
    name: "GCP_REGION",
    doc: "Google Cloud region",
    kind: Kind::Region,
    fallback: Fallback::Value("us-central1"),
    example: "us-central1",
    ..OPTIONAL
};

/// `GCP_APP_NAME`
pub const GCP_APP_NAME: Variable = Variable {
    name: "GCP_APP_NAME",
    doc: "Prefix of every resource's name",
    kind: Kind::Prefix,
    fallback: Fallback::Value("validibot"),
    example: "validibot",
    ..OPTIONAL
};

/// `GCP_REGISTRY_HOST`
pub const GCP_REGISTRY_HOST: Variable = Variable {
    name: "GCP_REGISTRY_HOST",
    doc: "Host of the container registry",
    kind: Kind::Host,
    fallback: Fallback::Derived("<GCP_REGION>-docker.pkg.dev"),
    ..OPTIONAL
};

/// `GCP_SECRET_VERSIONS_TO_KEEP`
pub const GCP_SECRET_VERSIONS_TO_KEEP: Variable = Variable {
    name: "GCP_SECRET_VERSIONS_TO_KEEP",
    doc: "Number of newest secret versions to keep, in addition to those that a revision uses",
    kind: Kind::Count,
    fallback: Fallback::Value("2"),
    ..OPTIONAL
};

/// `VALIDIBOT_ENVS_DIR`
pub const ENVS_DIR: Variable = Variable {
    name: "VALIDIBOT_ENVS_DIR",
    doc: "Folder of the environments, like --envs; an existing .envs tree works unchanged",
    held_in: &[HeldIn::Process],
    fallback: Fallback::Value("envs"),
    ..OPTIONAL
};

/// `VALIDIBOT_DIR`
pub const VALIDIBOT_DIR: Variable = Variable {
    name: "VALIDIBOT_DIR",
    doc: "A Validibot checkout, for stacks with the real application instead of the sandbox",
    held_in: &[HeldIn::Process],
    ..OPTIONAL
};

/// `VALIDIBOT_REVISION`
pub const VALIDIBOT_REVISION: Variable = Variable {
    name: "VALIDIBOT_REVISION",
    doc: "Tag of the application's image that deploy-all builds",
    held_in: &[HeldIn::Process],
    fallback: Fallback::Derived("the short commit of VALIDIBOT_DIR"),
    ..OPTIONAL
};

/// `VALIDIBOT_VERSION`
pub const VALIDIBOT_VERSION: Variable = Variable {
    name: "VALIDIBOT_VERSION",
    doc: "Version shown by the application's image and its services",
    fallback: Fallback::Derived("the version in VALIDIBOT_DIR's pyproject.toml"),
    ..VALIDIBOT_REVISION
};

/// `GCP_BUILD_VALIDIBOT_CLOUD`
pub const VALIDIBOT_BUILD_CLOUD: Variable = Variable {
    name: "GCP_BUILD_VALIDIBOT_CLOUD",
    doc: "deploy-all refuses to run while it is on: the application's own recipe builds the commercial layers",
    kind: Kind::Switch,
    fallback: Fallback::Value("false"),
    ..VALIDIBOT_REVISION
};

/// `VALIDIBOT_NETWORK`
pub const NETWORK: Variable = Variable {
    name: "VALIDIBOT_NETWORK",
    doc: "Docker network that Validibot's web container is on, for self-hosted stacks",
    held_in: &[HeldIn::Build],
    fallback: Fallback::Value("validibot_validibot"),
    example: "validibot_validibot",
    places: &[Place::SelfHosted],
    ..OPTIONAL
};

/// `VALIDIBOT_MCP_CA_FILE`
pub const CA_FILE: Variable = Variable {
    name: "VALIDIBOT_MCP_CA_FILE",
    doc: "PEM file on this machine with the certificate authorities that a self-hosted server trusts instead of the public ones",
    held_in: &[HeldIn::Build],
    fallback: Fallback::Derived("the public ones in the server's image"),
    places: &[Place::SelfHosted],
    ..OPTIONAL
};

/// `VALIDIBOT_MCP_PUBLISH`
pub const PUBLISH: Variable = Variable {
    name: "VALIDIBOT_MCP_PUBLISH",
    doc: "Address and port on this machine at which a self-hosted server is published for the reverse proxy",
    held_in: &[HeldIn::Build],
    kind: Kind::Publish,
    fallback: Fallback::Value("127.0.0.1:8001"),
    example: "127.0.0.1:8001",
    places: &[Place::SelfHosted],
    ..OPTIONAL
};
