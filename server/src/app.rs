//! What every request shares.

use std::sync::Arc;

use crate::base::clock::SharedClock;
use crate::base::lifecycle::Lifecycle;
use crate::base::random::SharedRandom;
use crate::caller::Callers;
use crate::config::Settings;
use crate::http::browsers::Origins;
use crate::license::{LicenseGate, Standing};
use crate::limits::Limits;
use crate::oauth::{Internet, Oauth, Shared};
use crate::payments::Payments;
use crate::seal::Seal;
use crate::telemetry::metrics::Metrics;
use crate::uploads::Uploads;
use crate::validibot::{AgentApi, Validibot};

/// The running server's parts, built once.
pub struct App {
    /// What the server was told.
    pub settings: Settings,
    /// The time.
    pub clock: SharedClock,
    /// Randomness.
    pub random: SharedRandom,
    /// Seals what clients hold; `None` where no key ring is configured.
    pub seal: Option<Arc<Seal>>,
    /// The one HTTP client: each costs a parse of the whole CA bundle, 70% of the start-up time.
    pub http: reqwest::Client,
    /// Chain 1: who is calling.
    pub callers: Callers,
    /// The authorization server towards MCP clients, where OAuth is on.
    pub oauth: Option<Arc<Oauth>>,
    /// Chain 2: Validibot's helper API.
    pub validibot: Validibot,
    /// Payments, where they are on.
    pub(crate) payments: Option<Arc<Payments>>,
    /// The runs of the upload tickets that were used here.
    pub(crate) uploads: Uploads,
    /// The pages that may call.
    pub(crate) origins: Origins,
    /// The runtime gate.
    pub license: LicenseGate,
    /// What the gate said last.
    pub standing: Standing,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What callers may have under way.
    pub limits: Limits,
    /// Whether the instance is coming to its end.
    pub lifecycle: Arc<Lifecycle>,
}

impl App {
    /// Puts the parts together; touches no network.
    ///
    /// # Errors
    /// When the HTTP client cannot be built, which in practice means that no CA certificates were found.
    pub fn build(
        settings: Settings,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Result<Arc<Self>, reqwest::Error> {
        Self::build_on(settings, clock, random, Internet::default())
    }

    /// The same, on another Internet than the real one.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_on(
        settings: Settings,
        clock: SharedClock,
        random: SharedRandom,
        internet: Internet,
    ) -> Result<Arc<Self>, reqwest::Error> {
        let http = http_client()?;
        let seal = Seal::new(&settings.seal_keys, settings.base_url.as_str(), random.clone()).map(Arc::new);
        let callers = Callers::new(&settings, http.clone(), clock.clone());
        let oauth = callers.access_tokens().zip(seal.clone()).and_then(|(access_tokens, seal)| {
            let (http, clock, random) = (http.clone(), clock.clone(), random.clone());
            Oauth::new(&settings, Shared { http, clock, random, internet, access_tokens, seal })
        });
        let oauth = oauth.map(Arc::new);
        let (lifecycle, metrics) = (Arc::<Lifecycle>::default(), Arc::<Metrics>::default());
        let validibot =
            Validibot::new(&settings, http.clone(), callers.api_tokens(), lifecycle.clone(), metrics.clone());
        let payments = settings.x402.clone().map(|x402| {
            let base = x402.agent_api_base_url.clone();
            let (lifecycle, metrics) = (lifecycle.clone(), metrics.clone());
            let (reach, identity) = (settings.reach.clone(), &settings.service_identity);
            let agent_api = AgentApi::new(base, reach, identity, http.clone(), lifecycle, metrics);
            Payments::new(x402, agent_api, &http, clock.clone(), random.clone())
        });
        let origins = Origins::of(&settings);
        let license = LicenseGate::new(&settings, http.clone());
        let standing = Standing::new(license.clone(), clock.clone());
        Ok(Arc::new(Self {
            settings,
            clock,
            random,
            seal,
            http,
            callers,
            oauth,
            validibot,
            payments,
            uploads: Uploads::new(),
            origins,
            license,
            standing,
            limits: Limits::default(),
            lifecycle,
            metrics,
        }))
    }

    /// The edition without a licence for MCP, where the licence was withdrawn. Switched off, nobody is asked.
    pub(crate) fn withdrawn_from(&self) -> Option<String> {
        self.settings.enabled.then(|| self.standing.withdrawn_from()).flatten()
    }
}

/// To each host, as many as one caller may have calls under way: with fewer, a busy instance closes connections and opens
/// others all the time (with 10, at 16 calls at once, one for every tenth call).
const IDLE_CONNECTIONS: usize = 64;

/// No redirects: a redirect from Validibot's API is a misconfiguration, and following one would carry our
/// credentials to wherever it points. No proxy: identity and service headers go to configured hosts only.
#[expect(clippy::disallowed_methods, reason = "the one place that builds an HTTP client")]
pub(crate) fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(std::time::Duration::from_secs(5))
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        // Below the time after which common servers close an idle connection (uvicorn: 5 s): a launch that is sent in the
        // moment of that end is of unknown fate, and is not sent again. Time in which we are frozen counts.
        .pool_idle_timeout(std::time::Duration::from_secs(4))
        .tcp_nodelay(true)
        .user_agent(concat!("validibot-mcp/", env!("CARGO_PKG_VERSION")))
        .build()
}
