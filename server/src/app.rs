//! What every request shares.

use std::sync::Arc;

use crate::base::clock::SharedClock;
use crate::base::http_client::http_client;
use crate::base::lifecycle::Lifecycle;
use crate::base::outbound::{Fetcher, Outbound};
use crate::base::random::SharedRandom;
use crate::caller::Callers;
use crate::config::{Origins, Settings};
use crate::limits::Limits;
use crate::mcp::Backend;
use crate::oauth::{Oauth, OauthDeps};
use crate::payments::Payments;
use crate::seal::Seal;
use crate::telemetry::metrics::Metrics;
use crate::uploads::Uploads;
use crate::validibot::license::{LicenseGate, Standing};
use crate::validibot::{AgentApi, Validibot};

/// The running server's parts, built once.
pub struct App {
    /// What the server was told.
    pub settings: Arc<Settings>,
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
    /// What tools may use.
    pub(crate) backend: Arc<Backend>,
    /// Uploads, and the runs of the tickets that were used here.
    pub(crate) uploads: Arc<Uploads>,
    /// The pages that may call.
    pub(crate) origins: Arc<Origins>,
    /// The runtime gate: what it said last.
    pub standing: Standing,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What callers may have under way.
    pub limits: Limits,
    /// Whether the instance is shutting down.
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
        Self::build_on(settings, clock, random, Outbound::default())
    }

    /// The same, on another Internet than the real one.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_on(
        settings: Settings,
        clock: SharedClock,
        random: SharedRandom,
        outbound: Outbound,
    ) -> Result<Arc<Self>, reqwest::Error> {
        let http = http_client()?;
        let seal = Seal::new(&settings.seal_keys, settings.base_url.as_str(), random.clone()).map(Arc::new);
        let files = Fetcher::new(outbound.clone(), None);
        let callers = Callers::new(&settings, http.clone(), clock.clone());
        let oauth = callers.access_tokens().zip(seal.clone()).and_then(|(access_tokens, seal)| {
            let (http, clock, random) = (http.clone(), clock.clone(), random.clone());
            Oauth::new(&settings, OauthDeps { http, clock, random, outbound, access_tokens, seal })
        });
        let oauth = oauth.map(Arc::new);
        let (lifecycle, metrics) = (Arc::<Lifecycle>::default(), Arc::<Metrics>::default());
        let license = LicenseGate::new(&settings, http.clone());
        let standing = Standing::new(license, clock.clone());
        let validibot = Validibot::new(
            &settings,
            http.clone(),
            callers.api_tokens(),
            standing.clone(),
            lifecycle.clone(),
            metrics.clone(),
            random.clone(),
        );
        let validibot = Arc::new(validibot);
        let payments = settings.x402.clone().map(|x402| {
            let base = x402.agent_api_base_url.clone();
            let (lifecycle, metrics) = (lifecycle.clone(), metrics.clone());
            let (reach, identity) = (settings.reach.clone(), &settings.service_identity);
            let agent_api =
                AgentApi::new(base, reach, identity, http.clone(), lifecycle, metrics, random.clone());
            Payments::new(x402, agent_api, &http, clock.clone(), random.clone())
        });
        let origins = Arc::new(Origins::of(&settings));
        let uploads = Uploads::new(validibot.clone(), seal.clone(), clock.clone(), settings.enabled);
        let uploads = Arc::new(uploads);
        let settings = Arc::new(settings);
        let backend = Arc::new(Backend {
            settings: settings.clone(),
            validibot,
            payments,
            files,
            seal: seal.clone(),
            clock: clock.clone(),
            random: random.clone(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
        });
        Ok(Arc::new(Self {
            settings,
            clock,
            random,
            seal,
            http,
            callers,
            oauth,
            backend,
            uploads,
            origins,
            standing,
            limits: Limits::default(),
            lifecycle,
            metrics,
        }))
    }

    /// What a handler of MCP requests is built with.
    pub fn backend(&self) -> Arc<Backend> {
        self.backend.clone()
    }

    /// The edition without a licence for MCP, where the licence was withdrawn. Switched off, nobody is asked.
    pub(crate) fn withdrawn_from(&self) -> Option<String> {
        self.settings.enabled.then(|| self.standing.withdrawn_from()).flatten()
    }
}
