//! What a sandbox is started with.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::google::GoogleVerification;
use crate::running::Sandbox;
use crate::version::Version;
use crate::{fixtures, serve};

/// Validibot's edition, which decides the licensed features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// No paid feature: the MCP server has no place here.
    Community,
    /// With the `mcp_server` feature.
    Pro,
    /// Every feature.
    Enterprise,
}

impl Edition {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Community => "community",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }

    /// The licensed features, sorted, in the order of the licence endpoint (contract, A1).
    pub(crate) const fn features(self) -> &'static [&'static str] {
        match self {
            Self::Community => &[],
            Self::Pro => &["mcp_server", "team_management"],
            Self::Enterprise => &[
                "advanced_analytics",
                "audit_log",
                "billing",
                "guest_management",
                "ldap_integration",
                "mcp_server",
                "multi_org",
                "saml_sso",
                "signed_credentials",
                "team_management",
            ],
        }
    }
}

/// Settings of a sandbox that has not started yet. Every one has a default that suits a test.
#[derive(Clone)]
pub struct Builder {
    pub(crate) bind: SocketAddr,
    pub(crate) version: Version,
    pub(crate) edition: Edition,
    pub(crate) service_key: Option<String>,
    pub(crate) api_token: String,
    pub(crate) per_hour: u32,
    pub(crate) launches_per_minute: u32,
    pub(crate) simulation: Duration,
    pub(crate) recording: bool,
    pub(crate) site_url: Option<String>,
    pub(crate) mcp_base_url: String,
    pub(crate) oauth_client_secret: Option<String>,
    pub(crate) access_token_seconds: Option<i64>,
    pub(crate) auto_login: bool,
    pub(crate) google: Option<GoogleVerification>,
    pub(crate) paid_access: bool,
    pub(crate) allowed_hosts: Option<Vec<String>>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            version: Version::default(),
            edition: Edition::Pro,
            service_key: Some(fixtures::SERVICE_KEY.to_owned()),
            api_token: fixtures::DEMO_TOKEN.to_owned(),
            // DRF_THROTTLE_RATE_USER's default: 1000/hour (contract, section a, throttling).
            per_hour: 1000,
            // DRF_THROTTLE_RATE_LAUNCH's default: 60/minute (contract of 0.16, B7).
            launches_per_minute: 60,
            // Long enough for a client to see PENDING, RUNNING and several steps, short enough to wait for.
            simulation: Duration::from_secs(12),
            recording: true,
            site_url: None,
            // VALIDIBOT_MCP_BASE_URL's default there (contract, section c).
            mcp_base_url: "http://localhost:8001".to_owned(),
            oauth_client_secret: None,
            access_token_seconds: None,
            auto_login: false,
            google: None,
            paid_access: false,
            allowed_hosts: None,
        }
    }
}

impl Builder {
    /// The address to listen on; port 0 takes a free one. Default `127.0.0.1:0`.
    #[must_use]
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = address;
        self
    }

    /// The version that is played. Default [`Version::V0_15`]; [`Sandbox::set_version`] changes it later.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The edition. Default [`Edition::Pro`].
    #[must_use]
    pub fn edition(mut self, edition: Edition) -> Self {
        self.edition = edition;
        self
    }

    /// The shared key that `X-MCP-Service-Key` must carry. Default [`fixtures::SERVICE_KEY`].
    #[must_use]
    pub fn service_key(mut self, key: impl Into<String>) -> Self {
        self.service_key = Some(key.into());
        self
    }

    /// No shared key: the header is never accepted, as on Google Cloud.
    #[must_use]
    pub fn no_service_key(mut self) -> Self {
        self.service_key = None;
        self
    }

    /// The demo user's API token. Default [`fixtures::DEMO_TOKEN`].
    #[must_use]
    pub fn api_token(mut self, token: impl Into<String>) -> Self {
        self.api_token = token.into();
        self
    }

    /// How many requests a user, or an anonymous address, may make in an hour. Default 1000.
    #[must_use]
    pub fn throttle(mut self, per_hour: u32) -> Self {
        self.per_hour = per_hour;
        self
    }

    /// How many launches a user may make in a minute by the REST API; those of the helper API are not counted. Default 60.
    #[must_use]
    pub fn launch_throttle(mut self, per_minute: u32) -> Self {
        self.launches_per_minute = per_minute;
        self
    }

    /// How long the slow workflow takes. Default 12 s.
    #[must_use]
    pub fn simulation(mut self, length: Duration) -> Self {
        self.simulation = length;
        self
    }

    /// Whether requests are kept for [`Sandbox::received`]. Default true; a long-lived process says false.
    #[must_use]
    pub fn recording(mut self, on: bool) -> Self {
        self.recording = on;
        self
    }

    /// The site's public URL, which is the provider's issuer. Default: where it listens.
    #[must_use]
    pub fn site_url(mut self, url: impl Into<String>) -> Self {
        self.site_url = Some(url.into());
        self
    }

    /// The MCP server's public base URL: its redirect and its tokens' audience. Default
    /// `http://localhost:8001`; [`Sandbox::set_mcp_base_url`] changes it later.
    #[must_use]
    pub fn mcp_base_url(mut self, url: impl Into<String>) -> Self {
        self.mcp_base_url = url.into();
        self
    }

    /// The secret of the client [`fixtures::MCP_CLIENT_ID`], which exists only with one.
    #[must_use]
    pub fn oauth_client_secret(mut self, secret: impl Into<String>) -> Self {
        self.oauth_client_secret = Some(secret.into());
        self
    }

    /// How long access tokens live, in seconds. Default 3600, and 900 from 0.16 on (contract of 0.16, A1).
    #[must_use]
    pub fn access_token_seconds(mut self, seconds: u32) -> Self {
        self.access_token_seconds = Some(seconds.into());
        self
    }

    /// Whether the authorization endpoint takes everyone for the demo user, who consents to everything: for
    /// tests without a browser. Default false.
    #[must_use]
    pub fn auto_login(mut self, on: bool) -> Self {
        self.auto_login = on;
        self
    }

    /// How Google-signed identity tokens are verified. Default: none is accepted.
    /// [`Sandbox::set_google_verification`] changes it later, when the URL is known.
    #[must_use]
    pub fn google_verification(mut self, verification: GoogleVerification) -> Self {
        self.google = Some(verification);
        self
    }

    /// Whether agents without an account may pay for a run, as in Validibot's cloud. Without it the API for them
    /// (contract, A8) is not there. Default false.
    #[must_use]
    pub fn paid_access(mut self, on: bool) -> Self {
        self.paid_access = on;
        self
    }

    /// Judges host names and schemes as production settings do: `DJANGO_ALLOWED_HOSTS` is this list, and
    /// `DJANGO_SECURE_SSL_REDIRECT` is on. Default: any host, any scheme, as in development.
    #[must_use]
    pub fn production(mut self, allowed_hosts: &[&str]) -> Self {
        self.allowed_hosts = Some(allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect());
        self
    }

    /// Binds and serves, on the runtime that this is called on.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn start(self) -> io::Result<Sandbox> {
        serve::start(self).await
    }
}
