//! What a tool may use.

use std::sync::Arc;

use crate::base::clock::SharedClock;
use crate::base::lifecycle::Lifecycle;
use crate::base::outbound::Fetcher;
use crate::base::random::SharedRandom;
use crate::config::Settings;
use crate::payments::Payments;
use crate::seal::Seal;
use crate::telemetry::metrics::Metrics;
use crate::validibot::Validibot;

/// What a tool may use: no listener, no limits, no licence, no verifier of callers.
pub struct Backend {
    /// What the server was told.
    pub(crate) settings: Arc<Settings>,
    /// Chain 2: Validibot's helper API.
    pub(crate) validibot: Arc<Validibot>,
    /// Payments, where they are on.
    pub(crate) payments: Option<Arc<Payments>>,
    /// Seals tickets and references of runs that were paid for; `None` where no key ring is configured.
    pub(crate) seal: Option<Arc<Seal>>,
    /// Fetches files that agents' hosts hand over.
    pub(crate) files: Fetcher,
    /// The time.
    pub(crate) clock: SharedClock,
    /// Randomness.
    pub(crate) random: SharedRandom,
    /// Whether the instance is shutting down, which ends waits.
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
}
