//! Settings, from an injected environment over a settings file; every error is reported at once.

pub(crate) mod document_url;
mod file_hosts;
mod keys;
mod oauth;
mod origin;
mod origins;
mod problem;
mod reach;
pub(crate) mod redirect_uri;
mod source;
mod url;
mod views;
mod x402;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::ProtocolVersion;
use secrecy::SecretString;

pub use self::file_hosts::FileHosts;
pub use self::keys::SealKey;
pub use self::oauth::{ClientSettings, OauthSettings};
pub use self::origin::WebOrigin;
pub(crate) use self::origins::Origins;
pub use self::problem::{Problem, Problems};
pub use self::reach::Reach;
use self::source::Source;
pub use self::url::BaseUrl;
pub use self::views::ViewSettings;
pub use self::x402::{CdpKey, X402Settings};
use crate::base::env::Env;

/// Everything that the server is told from outside.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to show metrics, where anywhere.
    pub admin: Option<SocketAddr>,
    /// The public base URL; clients connect to `<base>/mcp`.
    pub base_url: BaseUrl,
    /// Host names that `/mcp` answers to besides the base URL's and loopback.
    pub extra_hosts: Vec<String>,
    /// Web origins that may call `/mcp` besides the base URL's.
    pub allowed_origins: Vec<WebOrigin>,
    /// The base URL of Validibot's REST API.
    pub api_base_url: BaseUrl,
    /// How requests to that address have to look.
    pub reach: Reach,
    /// How long to wait at the start for a Validibot that does not answer yet.
    pub license_wait: Duration,
    /// Which of Validibot's APIs is called.
    pub backend: Backend,
    /// Slugs of organizations whose workflows are listed by the REST API besides the user's own.
    pub organizations: Vec<String>,
    /// How this server proves itself to Validibot (chain 2).
    pub service_identity: ServiceIdentity,
    /// OAuth (chain 1), where it is on. API tokens are accepted either way.
    pub oauth: Option<OauthSettings>,
    /// The key ring that seals what clients hold: the first seals, all open. Empty where none is configured.
    pub seal_keys: Vec<SealKey>,
    /// Payments, where they are on.
    pub x402: Option<Arc<X402Settings>>,
    /// The kill switch: `false` serves, but every tool answers `SERVICE_UNAVAILABLE`.
    pub enabled: bool,
    /// The newest protocol version to speak: a way out when a client mishandles a newer one.
    pub max_protocol_version: ProtocolVersion,
    /// Whether plain reads are answered without rmcp: a way out when a client mishandles such an answer.
    pub fast_path: bool,
    /// From where files are fetched that agents' hosts hand over.
    pub file_hosts: FileHosts,
    /// Where hosts are asked to show views.
    pub views: ViewSettings,
    /// How much is logged.
    pub log_level: tracing::Level,
}

/// Which of Validibot's APIs is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The helper API where Validibot has it, else the REST API.
    Auto,
    /// The helper API of 0.14 and 0.15 alone.
    Helper,
    /// The REST API for API tokens on every version, which makes launches idempotent; for users who signed in, the helper API
    /// where Validibot has it.
    Rest,
}

/// How this server proves itself to Validibot (contract, section b).
#[derive(Debug)]
pub enum ServiceIdentity {
    /// The header `X-MCP-Service-Key`.
    SharedKey(SecretString),
    /// A Google-signed identity token with this audience, exactly as configured.
    GoogleIdToken {
        /// The `aud` that Validibot compares with its `MCP_OIDC_AUDIENCE`.
        audience: String,
    },
}

/// Settings, and what is odd about where they came from.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Sentences for the log.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads the environment and, underneath it, the file at `path`, which may be missing.
    ///
    /// Errors are complete: whatever is wrong in either place is reported in one go.
    pub fn load(env: &dyn Env, path: &Path) -> Result<Loaded, Problems> {
        let mut source = Source::open(env, path);
        let settings = read(&mut source);
        let warnings = source.warnings();
        match (settings, source.into_problems()) {
            (Some(settings), None) => Ok(Loaded { settings, warnings }),
            (_, problems) => Err(problems.unwrap_or_default()),
        }
    }
}

/// `None` where something required is missing or malformed; the source has noted what.
fn read(source: &mut Source<'_>) -> Option<Settings> {
    use envs::server as var;

    let api_base_url = source.base_url(&var::API_BASE_URL);
    let base_url = source.base_url(&var::MCP_BASE_URL);
    if let Some(base) = &base_url
        && !base.is_bare_origin()
    {
        source.refuse(&var::MCP_BASE_URL, "has a path: the server is mounted at the root of its host");
    }
    let backend = source.backend(&var::BACKEND);
    let organizations = source.list(&var::REST_ORGANIZATIONS);
    let enabled = source.switch(&var::ENABLED);
    let max_protocol_version = source.protocol_version(&var::MAX_PROTOCOL_VERSION);
    let fast_path = source.switch(&var::FAST_PATH);
    let log_level = source.log_level(&var::LOG_LEVEL);
    let bind: Option<IpAddr> = source.parsed(&var::BIND, "an IP address, such as 0.0.0.0 or 127.0.0.1");
    let port: Option<u16> = source.parsed(&var::PORT, "a port number from 0 to 65535");
    let admin: Option<SocketAddr> =
        source.parsed(&var::ADMIN_BIND, "an address with a port, such as 127.0.0.1:9090");
    let extra_hosts = source.list(&var::EXTRA_HOSTS);
    let allowed_origins = source.origins(&var::ALLOWED_ORIGINS);
    let service_key = source.secret(&var::SERVICE_KEY);
    let audience = source.text(&var::SERVICE_AUDIENCE);
    let reach = reach(source, api_base_url.as_ref());
    let license_wait: Option<u64> = source.parsed(&var::LICENSE_WAIT, "a number of seconds");
    let oauth = oauth::read(source, base_url.as_ref(), reach.as_ref());
    let seal_keys = keys::read(source, oauth.as_ref());
    let x402 =
        x402::read(source, base_url.as_ref(), api_base_url.as_ref(), !seal_keys.is_empty()).map(Arc::new);

    let views = views::read(source);
    let file_hosts = file_hosts::read(source);

    let api_base_url = api_base_url?;
    let service_identity = match service_key {
        Some(key) => ServiceIdentity::SharedKey(key),
        None => ServiceIdentity::GoogleIdToken {
            audience: audience.unwrap_or_else(|| api_base_url.as_configured().to_owned()),
        },
    };
    Some(Settings {
        listen: SocketAddr::new(bind?, port?),
        admin,
        base_url: base_url?,
        extra_hosts,
        allowed_origins,
        api_base_url,
        reach: reach?,
        license_wait: Duration::from_secs(license_wait?),
        backend: backend?,
        organizations,
        service_identity,
        oauth,
        seal_keys,
        x402,
        enabled: enabled?,
        max_protocol_version: max_protocol_version?,
        fast_path: fast_path?,
        views,
        file_hosts,
        log_level: log_level?,
    })
}

fn reach(source: &mut Source<'_>, api: Option<&BaseUrl>) -> Option<Reach> {
    let host = source.text(&envs::server::API_HOST);
    let site = source.text(&envs::oauth::AUTHORIZATION_SERVER_URL);
    match Reach::new(api?, host.as_deref(), site.as_deref()) {
        Ok(reach) => Some(reach),
        Err(problem) => {
            source.refuse(&envs::server::API_HOST, &problem);
            None
        }
    }
}

#[cfg(test)]
mod tests;
