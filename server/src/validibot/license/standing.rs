//! Whether the licence still stands, and which API Validibot has: asked again on a request once the answer is stale, or once an
//! answer says that the world has changed; never between requests, where an instance may get no CPU.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;

use super::{Found, LicenseError, LicenseGate};
use crate::base::clock::SharedClock;

/// A licence changes by hand, a few times a year.
const GOOD_FOR: Duration = Duration::from_mins(5);
/// Without a licence somebody is waiting for it; and an unreachable Validibot is soon back.
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(15);
/// An answer that is younger is not doubted: whatever calls fail at once, one question is asked for all of them.
const NOT_DOUBTED_FOR: Duration = Duration::from_secs(1);

/// The last answer, and how old it is.
#[derive(Clone)]
pub struct Standing(Arc<Inner>);

struct Inner {
    gate: LicenseGate,
    clock: SharedClock,
    /// Whether the helper API is there: what every call asks.
    helper: AtomicBool,
    known: Mutex<Known>,
    /// One question at a time.
    turn: Turn<()>,
}

struct Known {
    /// What is without a licence, where the last answer was that.
    withdrawn_from: Option<String>,
    /// Validibot's public address, where it is known.
    site: Option<String>,
    /// When it was last asked again, by the clock: the answer at the start may be of a moment before an upgrade.
    asked_again: Option<Duration>,
    ask_after: Duration,
    asking: bool,
}

impl Standing {
    /// Licensed as of now, and as the versions with a helper API are: the server does not listen before it has asked.
    pub fn new(gate: LicenseGate, clock: SharedClock) -> Self {
        let now = clock.now();
        let known = Known {
            withdrawn_from: None,
            site: None,
            asked_again: None,
            ask_after: now + GOOD_FOR,
            asking: false,
        };
        let (helper, turn) = (AtomicBool::new(true), Turn::new(()));
        Self(Arc::new(Inner { gate, clock, helper, known: Mutex::new(known), turn }))
    }

    /// Asks until there is an answer, but not after `patience`, and remembers it.
    ///
    /// # Errors
    /// Why there is no licence.
    pub async fn open_within(&self, patience: Duration) -> Result<(), LicenseError> {
        let found = self.0.gate.check_within(patience).await?;
        self.take(Ok(found));
        Ok(())
    }

    /// Whether Validibot has the helper API, as far as is known.
    pub(crate) fn has_helper(&self) -> bool {
        self.0.helper.load(Ordering::Relaxed)
    }

    /// Validibot's own public address, where it has said it.
    pub(crate) fn site(&self) -> Option<String> {
        self.known().site.clone()
    }

    /// What does not include MCP, where the licence is withdrawn. Starts to ask again where the answer is stale, one question
    /// at a time, and does not wait for it.
    pub fn withdrawn_from(&self) -> Option<String> {
        let mut known = self.known();
        if !known.asking && self.0.clock.now() >= known.ask_after {
            known.asking = true;
            tokio::spawn(self.clone().refresh());
        }
        known.withdrawn_from.clone()
    }

    /// An answer said that the world has changed: asks again without waiting for it.
    pub(crate) fn doubt(&self) {
        let mut known = self.known();
        if !known.asking && !self.is_young(&known) {
            known.asking = true;
            tokio::spawn(self.clone().refresh());
        }
    }

    /// The same, and waits for the answer.
    pub(crate) async fn settle(&self) {
        let turn = self.0.turn.lock().await;
        if !self.is_young(&self.known()) {
            self.ask_again().await;
        }
        drop(turn);
    }

    fn is_young(&self, known: &Known) -> bool {
        known.asked_again.is_some_and(|asked| self.0.clock.now() < asked + NOT_DOUBTED_FOR)
    }

    async fn refresh(self) {
        // A task that ends in any way, by a panic too, must not be the last one.
        let asking = Asking(&self);
        let turn = self.0.turn.lock().await;
        self.ask_again().await;
        drop(turn);
        drop(asking);
    }

    async fn ask_again(&self) {
        let answer = self.0.gate.check().await;
        self.known().asked_again = Some(self.0.clock.now());
        self.take(answer);
    }

    fn take(&self, answer: Result<Found, LicenseError>) {
        let mut known = self.known();
        let now = self.0.clock.now();
        known.ask_after = now + ASK_AGAIN_AFTER;
        match answer {
            Ok(found) => {
                if known.withdrawn_from.take().is_some() {
                    tracing::info!("the licence is back: traffic is taken again");
                }
                known.ask_after = now + GOOD_FOR;
                let helper = matches!(found, Found::Helper { .. });
                if self.0.helper.swap(helper, Ordering::Relaxed) != helper {
                    tracing::info!(
                        helper_api = helper,
                        "Validibot is of another version: 0.14 and 0.15 have the helper API, and 0.16 and later the REST API alone"
                    );
                }
                if let Found::Rest { site } = found {
                    known.site = Some(site);
                }
            }
            Err(error) => {
                let Some(what) = error.unlicensed() else {
                    tracing::warn!("{error}. The last answer holds");
                    return;
                };
                if known.withdrawn_from.is_none() {
                    tracing::error!("no more traffic: {error}");
                }
                known.withdrawn_from = Some(what);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Asking<'a>(&'a Standing);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.known().asking = false;
    }
}
