//! What only the sandbox reads.

use crate::{Fallback, HeldIn, Kind, Reader, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] =
    &[&API_TOKEN, &SITE_URL, &CLIENT_SECRET, &PAID_ACCESS, &AUDIENCE, &ALLOWED_ACCOUNTS, &GOOGLE_KEY];

/// `VALIDIBOT_SANDBOX_API_TOKEN`
pub const API_TOKEN: Variable = Variable {
    name: "VALIDIBOT_SANDBOX_API_TOKEN",
    doc: "API token of the sandbox's demo user",
    held_in: &[HeldIn::Process],
    readers: &[Reader::Sandbox],
    fallback: Fallback::Derived("a token that the sandbox's sources name"),
    secret: true,
    example: "<an API token>",
    ..Variable::OPTIONAL
};

/// `SITE_URL`
pub const SITE_URL: Variable = Variable {
    name: "SITE_URL",
    doc: "Validibot's own public URL, the issuer of its OpenID provider",
    kind: Kind::Url,
    fallback: Fallback::Derived("where the sandbox listens"),
    secret: false,
    example: "http://localhost:8000",
    ..API_TOKEN
};

/// `IDP_OIDC_MCP_SERVER_CLIENT_SECRET`
pub const CLIENT_SECRET: Variable = Variable {
    name: "IDP_OIDC_MCP_SERVER_CLIENT_SECRET",
    doc: "Secret of the MCP server's client at the sandbox's OpenID provider; without one there is no such client",
    fallback: Fallback::Nothing,
    example: "<the value of VALIDIBOT_OAUTH_CLIENT_SECRET>",
    ..API_TOKEN
};

/// `VALIDIBOT_SANDBOX_PAID_ACCESS`
pub const PAID_ACCESS: Variable = Variable {
    name: "VALIDIBOT_SANDBOX_PAID_ACCESS",
    doc: "Whether the sandbox has the API for agents that pay, as Validibot's cloud has it",
    kind: Kind::Switch,
    fallback: Fallback::Value("false"),
    secret: false,
    example: "true",
    ..API_TOKEN
};

/// `MCP_OIDC_AUDIENCE`
pub const AUDIENCE: Variable = Variable {
    name: "MCP_OIDC_AUDIENCE",
    doc: "Audience that identity tokens of an MCP server must have, byte for byte",
    kind: Kind::Text,
    fallback: Fallback::Nothing,
    secret: false,
    example: "https://app.example.com",
    ..API_TOKEN
};

/// `MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS`
pub const ALLOWED_ACCOUNTS: Variable = Variable {
    name: "MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS",
    doc: "E-mail addresses of the service accounts whose identity tokens count, with commas between them",
    example: "validibot-mcp-dev@acme.iam.gserviceaccount.com",
    ..AUDIENCE
};

/// `VALIDIBOT_SANDBOX_GOOGLE_KEY`
pub const GOOGLE_KEY: Variable = Variable {
    name: "VALIDIBOT_SANDBOX_GOOGLE_KEY",
    doc: "Public key that identity tokens are signed with, in place of Google's: base64url of its PKCS #1 DER; without one \
          none counts",
    example: "<the key of the emulated metadata server>",
    ..AUDIENCE
};
