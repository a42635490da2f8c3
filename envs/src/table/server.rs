//! What the server reads, OAuth apart.

use crate::{Fallback, HeldIn, Kind, Place, Reader, Required, Variable};

/// Every variable of this area.
pub const ALL: &[&Variable] = &[
    &API_BASE_URL,
    &API_HOST,
    &LICENSE_WAIT,
    &BACKEND,
    &REST_ORGANIZATIONS,
    &MCP_BASE_URL,
    &ENABLED,
    &SERVICE_KEY,
    &SERVICE_AUDIENCE,
    &LOG_LEVEL,
    &BIND,
    &ADMIN_BIND,
    &PORT,
    &EXTRA_HOSTS,
    &ALLOWED_ORIGINS,
    &MAX_PROTOCOL_VERSION,
    &FAST_PATH,
    &VIEW_DOMAIN,
    &OPENAI_WIDGET_DOMAIN,
    &FILE_HOSTS,
];

/// `VALIDIBOT_API_BASE_URL`
pub const API_BASE_URL: Variable = Variable {
    name: "VALIDIBOT_API_BASE_URL",
    doc: "Base URL of Validibot's REST API; deploys stamp it from VALIDIBOT_MCP_API_BASE_URL",
    held_in: &[HeldIn::Mcp, HeldIn::Process],
    kind: Kind::Url,
    required: Required::Always,
    example: "http://localhost:8000",
    example_in: &[(Place::SelfHosted, "http://web:8000"), (Place::GoogleCloud, "https://app.example.com")],
    active_in: &Place::OWN_MACHINE,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_API_HOST`
pub const API_HOST: Variable = Variable {
    name: "VALIDIBOT_API_HOST",
    doc: "Host name that is sent to a plain http VALIDIBOT_API_BASE_URL: one of Validibot's DJANGO_ALLOWED_HOSTS",
    fallback: Fallback::Derived("the host of VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL, where that is https"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_LICENSE_WAIT`
pub const LICENSE_WAIT: Variable = Variable {
    name: "VALIDIBOT_MCP_LICENSE_WAIT",
    doc: "Seconds to wait at the start for a Validibot that does not answer yet, before the server exits; 0 asks once",
    kind: Kind::Integer,
    fallback: Fallback::Value("20"),
    example: "20",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_BACKEND`
pub const BACKEND: Variable = Variable {
    name: "VALIDIBOT_BACKEND",
    doc: "Which API of Validibot is called: auto takes the helper API of 0.14 and 0.15 where it is, else the REST API; rest takes the REST API for API tokens on every version, so that no launch is made twice; helper never takes it",
    kind: Kind::OneOf(&["auto", "helper", "rest"]),
    fallback: Fallback::Value("auto"),
    example: "auto",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_REST_ORGANIZATIONS`
pub const REST_ORGANIZATIONS: Variable = Variable {
    name: "VALIDIBOT_REST_ORGANIZATIONS",
    kind: Kind::List,
    doc: "Slugs of organizations, with commas between them, whose workflows are listed by the REST API besides the user's own: it lists none that is open to a user by guest access alone",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_BASE_URL`
pub const MCP_BASE_URL: Variable = Variable {
    name: "VALIDIBOT_MCP_BASE_URL",
    doc: "Public base URL of the MCP server: clients connect to <base>/mcp",
    held_in: &[HeldIn::Build, HeldIn::Mcp],
    readers: &[Reader::Server, Reader::Xtask, Reader::Sandbox],
    kind: Kind::Url,
    required: Required::Always,
    example: "http://localhost:8001",
    example_in: &[
        (Place::SelfHosted, "https://mcp.example.com"),
        (Place::GoogleCloud, "https://mcp.example.com"),
    ],
    active_in: &Place::ALL,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_ENABLED`
pub const ENABLED: Variable = Variable {
    name: "VALIDIBOT_MCP_ENABLED",
    doc: "Kill switch: false keeps the server up, skips the licence check and makes every tool answer SERVICE_UNAVAILABLE",
    held_in: &[HeldIn::Build, HeldIn::Mcp],
    readers: &[Reader::Server, Reader::Xtask],
    kind: Kind::Switch,
    fallback: Fallback::Value("true"),
    example: "true",
    active_in: &[Place::SelfHosted, Place::GoogleCloud],
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_SERVICE_KEY`
pub const SERVICE_KEY: Variable = Variable {
    name: "VALIDIBOT_MCP_SERVICE_KEY",
    doc: "Shared key that authenticates this server to Validibot, equal to the one in its .django; unset on Google Cloud, where an identity token replaces it",
    readers: &[Reader::Server, Reader::Sandbox],
    required: Required::In(&Place::OWN_MACHINE, "the server does not run on Google Cloud"),
    secret: true,
    example: "<a long random string, the same as in .django>",
    active_in: &Place::OWN_MACHINE,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_SERVICE_AUDIENCE`
pub const SERVICE_AUDIENCE: Variable = Variable {
    name: "VALIDIBOT_MCP_SERVICE_AUDIENCE",
    doc: "Audience of the Google identity token; must equal Validibot's MCP_OIDC_AUDIENCE byte for byte",
    fallback: Fallback::Derived("VALIDIBOT_API_BASE_URL, exactly as written"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_LOG_LEVEL`
pub const LOG_LEVEL: Variable = Variable {
    name: "VALIDIBOT_LOG_LEVEL",
    doc: "Log level",
    // The system we replace takes Python's level names: WARNING and CRITICAL stay valid.
    kind: Kind::OneOf(&["TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"]),
    fallback: Fallback::Value("INFO"),
    example: "INFO",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_BIND`
pub const BIND: Variable = Variable {
    name: "VALIDIBOT_MCP_BIND",
    doc: "IP address to listen on",
    held_in: &[HeldIn::Mcp, HeldIn::Process],
    kind: Kind::Address,
    fallback: Fallback::Value("0.0.0.0"),
    example: "0.0.0.0",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_ADMIN_BIND`
pub const ADMIN_BIND: Variable = Variable {
    name: "VALIDIBOT_MCP_ADMIN_BIND",
    doc: "Address and port of a second listener with /metrics for Prometheus, such as 127.0.0.1:9090; there is none by default",
    ..Variable::OPTIONAL
};

/// `PORT`
pub const PORT: Variable = Variable {
    name: "PORT",
    doc: "TCP port to listen on; Cloud Run sets it; 0 selects a free one",
    held_in: &[HeldIn::Process],
    readers: &[Reader::Server, Reader::Sandbox],
    kind: Kind::Port,
    fallback: Fallback::Value("8080"),
    example: "8080",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_EXTRA_HOSTS`
pub const EXTRA_HOSTS: Variable = Variable {
    name: "VALIDIBOT_MCP_EXTRA_HOSTS",
    doc: "Host names that /mcp answers to besides the base URL's and loopback; deploys stamp the run.app names",
    held_in: &[HeldIn::Mcp, HeldIn::Process],
    kind: Kind::List,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_ALLOWED_ORIGINS`
pub const ALLOWED_ORIGINS: Variable = Variable {
    name: "VALIDIBOT_MCP_ALLOWED_ORIGINS",
    doc: "Web origins that may call /mcp besides the base URL's: https://inspector.example:6274, app://obsidian.md, null, or http://localhost:* for any port",
    kind: Kind::List,
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_MAX_PROTOCOL_VERSION`
pub const MAX_PROTOCOL_VERSION: Variable = Variable {
    name: "VALIDIBOT_MCP_MAX_PROTOCOL_VERSION",
    doc: "Newest MCP version to negotiate. Lower it if a client mishandles a newer version",
    kind: Kind::OneOf(&["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]),
    fallback: Fallback::Value("2026-07-28"),
    example: "2026-07-28",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_FAST_PATH`
pub const FAST_PATH: Variable = Variable {
    name: "VALIDIBOT_MCP_FAST_PATH",
    doc: "Whether plain reads skip rmcp and what it costs; false sends every call through rmcp: a way out when a client mishandles an answer",
    kind: Kind::Switch,
    fallback: Fallback::Value("true"),
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_VIEW_DOMAIN`
pub const VIEW_DOMAIN: Variable = Variable {
    name: "VALIDIBOT_MCP_VIEW_DOMAIN",
    doc: "Origin that hosts are asked to show the upload view under; `claude` for the one that Claude makes from the base URL. Unset: hosts choose, which most want",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_OPENAI_WIDGET_DOMAIN`
pub const OPENAI_WIDGET_DOMAIN: Variable = Variable {
    name: "VALIDIBOT_MCP_OPENAI_WIDGET_DOMAIN",
    doc: "Origin that ChatGPT is asked to show the upload view under, for an app in its directory",
    ..Variable::OPTIONAL
};

/// `VALIDIBOT_MCP_FILE_HOSTS`
pub const FILE_HOSTS: Variable = Variable {
    name: "VALIDIBOT_MCP_FILE_HOSTS",
    doc: "Hosts from which validate_file fetches a file that the agent's host hands over by its address, such as files.example.com or *.example.com; for ChatGPT *.oaiusercontent.com. Unset: none",
    kind: Kind::List,
    ..Variable::OPTIONAL
};
