//! What the server reads for chain 1's OAuth. A client secret switches it on.

use crate::{Fallback, Kind, Place, Required, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] = &[
    &CLIENT_SECRET,
    &AUTHORIZATION_SERVER_URL,
    &CLIENT_ID,
    &SEAL_KEYS,
    &REQUIRED_SCOPE,
    &RESOURCE_AUDIENCE,
    &AUTHORIZATION_ENDPOINT,
    &TOKEN_ENDPOINT,
    &REVOCATION_ENDPOINT,
    &JWKS_URL,
    &CLIENTS,
    &APP_SCHEMES,
    &CLIENT_DOCUMENTS,
    &CLIENT_DOCUMENTS_PROXY,
];

/// What most of this area is: an address in the server's own file.
const OPTIONAL: Variable = Variable { kind: Kind::Url, ..Variable::OPTIONAL };

/// A client secret with fewer bytes is too guessable to derive the key ring from.
const MIN_SECRET_BYTES: usize = 32;

/// `VALIDIBOT_OAUTH_CLIENT_SECRET`
pub const CLIENT_SECRET: Variable = Variable {
    name: "VALIDIBOT_OAUTH_CLIENT_SECRET",
    doc: "Secret of this server's confidential client at Validibot (IDP_OIDC_MCP_SERVER_CLIENT_SECRET in its .django); setting it enables OAuth",
    kind: Kind::Text,
    secret: true,
    example: "<the value of IDP_OIDC_MCP_SERVER_CLIENT_SECRET>",
    active_in: &Place::ALL,
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL`
pub const AUTHORIZATION_SERVER_URL: Variable = Variable {
    name: "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL",
    doc: "Issuer of Validibot's OpenID provider: its SITE_URL",
    required: Required::With(CLIENT_SECRET.name),
    example: "http://localhost:8000",
    example_in: &[
        (Place::SelfHosted, "https://app.example.com"),
        (Place::GoogleCloud, "https://app.example.com"),
    ],
    active_in: &Place::ALL,
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_CLIENT_ID`
pub const CLIENT_ID: Variable = Variable {
    name: "VALIDIBOT_OAUTH_CLIENT_ID",
    doc: "This server's client id at Validibot",
    kind: Kind::Text,
    fallback: Fallback::Value("validibot-mcp-server"),
    ..OPTIONAL
};

/// `VALIDIBOT_MCP_SEAL_KEYS`
pub const SEAL_KEYS: Variable = Variable {
    name: "VALIDIBOT_MCP_SEAL_KEYS",
    doc: "Key ring for sealed values, as id:base64 of 32 bytes, comma separated; the first key seals, all of them open",
    kind: Kind::KeyRing,
    fallback: Fallback::Derived("derived from VALIDIBOT_OAUTH_CLIENT_SECRET"),
    required: Required::WithShort(CLIENT_SECRET.name, MIN_SECRET_BYTES),
    secret: true,
    example: "<id:base64 of 32 random bytes>",
    active_in: &Place::ALL,
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_REQUIRED_SCOPE`
pub const REQUIRED_SCOPE: Variable = Variable {
    name: "VALIDIBOT_OAUTH_REQUIRED_SCOPE",
    doc: "Scope that an access token must carry; blank for none",
    kind: Kind::Text,
    fallback: Fallback::Value("validibot:mcp"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_RESOURCE_AUDIENCE`
pub const RESOURCE_AUDIENCE: Variable = Variable {
    name: "VALIDIBOT_OAUTH_RESOURCE_AUDIENCE",
    doc: "Audience that an access token must carry",
    kind: Kind::Text,
    fallback: Fallback::Derived("<VALIDIBOT_MCP_BASE_URL>/mcp"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_AUTHORIZATION_ENDPOINT`
pub const AUTHORIZATION_ENDPOINT: Variable = Variable {
    name: "VALIDIBOT_OAUTH_AUTHORIZATION_ENDPOINT",
    doc: "Validibot's authorization endpoint",
    fallback: Fallback::Derived("<authorization server>/identity/o/authorize"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_TOKEN_ENDPOINT`
pub const TOKEN_ENDPOINT: Variable = Variable {
    name: "VALIDIBOT_OAUTH_TOKEN_ENDPOINT",
    doc: "Validibot's token endpoint",
    fallback: Fallback::Derived("<authorization server>/identity/o/api/token"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_REVOCATION_ENDPOINT`
pub const REVOCATION_ENDPOINT: Variable = Variable {
    name: "VALIDIBOT_OAUTH_REVOCATION_ENDPOINT",
    doc: "Validibot's revocation endpoint",
    fallback: Fallback::Derived("<authorization server>/identity/o/api/revoke"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_JWKS_URL`
pub const JWKS_URL: Variable = Variable {
    name: "VALIDIBOT_OAUTH_JWKS_URL",
    doc: "Validibot's public keys",
    fallback: Fallback::Derived("<authorization server>/.well-known/jwks.json"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_CLIENTS`
pub const CLIENTS: Variable = Variable {
    name: "VALIDIBOT_OAUTH_CLIENTS",
    doc: "Pre-registered apps, each as its client id and redirect addresses separated by spaces, comma separated; an id may be the URL of a metadata document, which is then not fetched",
    kind: Kind::List,
    example: "our-editor http://localhost/callback https://editor.example.com/callback",
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_APP_SCHEMES`
pub const APP_SCHEMES: Variable = Variable {
    name: "VALIDIBOT_OAUTH_APP_SCHEMES",
    doc: "Custom schemes of redirect addresses that apps may register in addition to the built-in ones, comma separated",
    kind: Kind::List,
    example: "obsidian",
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_CLIENT_DOCUMENTS`
pub const CLIENT_DOCUMENTS: Variable = Variable {
    name: "VALIDIBOT_OAUTH_CLIENT_DOCUMENTS",
    doc: "Whether apps may be identified by the metadata document at their client id; set false if the server has no Internet access: apps then register",
    kind: Kind::Switch,
    fallback: Fallback::Value("true"),
    ..OPTIONAL
};

/// `VALIDIBOT_OAUTH_CLIENT_DOCUMENTS_PROXY`
pub const CLIENT_DOCUMENTS_PROXY: Variable = Variable {
    name: "VALIDIBOT_OAUTH_CLIENT_DOCUMENTS_PROXY",
    doc: "HTTP proxy for fetching metadata documents; it has to block requests to the internal network, as the server does without a proxy",
    example: "http://proxy.example.com:3128",
    ..OPTIONAL
};
