//! Whether the licence still stands: asked again on a request once the answer is stale, never between requests,
//! where an instance may get no CPU.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{LicenseError, LicenseGate};
use crate::base::clock::SharedClock;

/// A licence changes by hand, a few times a year.
const GOOD_FOR: Duration = Duration::from_mins(5);
/// Without a licence somebody is waiting for it; and an unreachable Validibot is soon back.
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// The last answer, and how old it is.
#[derive(Clone)]
pub struct Standing {
    gate: LicenseGate,
    clock: SharedClock,
    state: Arc<Mutex<Known>>,
}

struct Known {
    /// The edition without a licence, where the last answer was that.
    withdrawn_from: Option<String>,
    /// By the clock.
    ask_after: Duration,
    asking: bool,
}

impl Standing {
    /// Licensed as of now: the server does not listen before it is.
    pub fn new(gate: LicenseGate, clock: SharedClock) -> Self {
        let ask_after = clock.now() + GOOD_FOR;
        let known = Known { withdrawn_from: None, ask_after, asking: false };
        Self { gate, clock, state: Arc::new(Mutex::new(known)) }
    }

    /// The edition that does not include MCP, where the licence is withdrawn. Starts to ask again where the answer is
    /// stale, one question at a time, and does not wait for it.
    pub fn withdrawn_from(&self) -> Option<String> {
        let mut known = self.known();
        if !known.asking && self.clock.now() >= known.ask_after {
            known.asking = true;
            tokio::spawn(self.clone().refresh());
        }
        known.withdrawn_from.clone()
    }

    async fn refresh(self) {
        // A task that ends in any way, by a panic too, must not be the last one.
        let asking = Asking(&self);
        let answer = self.gate.check().await;
        let mut known = self.known();
        let stale_after = match answer {
            Ok(()) => {
                if known.withdrawn_from.take().is_some() {
                    tracing::info!("the licence is back: traffic is taken again");
                }
                GOOD_FOR
            }
            Err(error @ LicenseError::NotLicensed { .. }) => {
                if known.withdrawn_from.is_none() {
                    tracing::error!("no more traffic: {error}");
                }
                if let LicenseError::NotLicensed { edition } = error {
                    known.withdrawn_from = Some(edition);
                }
                ASK_AGAIN_AFTER
            }
            Err(error @ LicenseError::Unreachable { .. }) => {
                tracing::warn!("{error}. The last answer holds");
                ASK_AGAIN_AFTER
            }
        };
        known.ask_after = self.clock.now() + stale_after;
        drop(known);
        drop(asking);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Asking<'a>(&'a Standing);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.known().asking = false;
    }
}
