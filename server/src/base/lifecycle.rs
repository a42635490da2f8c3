//! The end of an instance: told once, heard by everybody.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// After the first signal, how long a tool call may go on before it is answered as it stands.
pub const CALLS_END_AFTER: Duration = Duration::from_millis(6500);
/// After the first signal, when a request that has no answer yet, such as a slow upload, gets one.
pub const REQUESTS_END_AFTER: Duration = Duration::from_millis(7200);
/// After the first signal, when the process ends in any case. Cloud Run kills after 10 s.
pub const DRAIN: Duration = Duration::from_secs(8);

/// Whether the instance is shutting down.
pub struct Lifecycle {
    stopping_since: watch::Sender<Option<Instant>>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { stopping_since: watch::Sender::new(None) }
    }
}

impl Lifecycle {
    /// The end begins now.
    pub fn stop(&self) {
        self.stopping_since
            .send_if_modified(|since| since.is_none() && since.replace(Instant::now()).is_none());
    }

    /// Whether the end has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping_since.borrow().is_some()
    }

    /// Waits until the end has begun, and then so much longer.
    pub async fn stopping_for(&self, grace: Duration) {
        let mut since = self.stopping_since.subscribe();
        let begun = match since.wait_for(Option::is_some).await {
            Ok(begun) => *begun,
            // The sender is `self`.
            Err(_) => None,
        };
        match begun {
            Some(begun) => sleep_until(begun + grace).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_before_or_after_hears_of_it_once_it_begins() {
        let lifecycle = Lifecycle::default();
        let early = lifecycle.stopping_for(DRAIN);
        tokio::pin!(early);
        assert!(futures_util::poll!(&mut early).is_pending() && !lifecycle.is_stopping());
        lifecycle.stop();
        let begun = Instant::now();
        sleep_until(begun + DRAIN / 2).await;
        lifecycle.stop();
        lifecycle.stopping_for(Duration::ZERO).await;
        early.await;
        assert_eq!(begun.elapsed(), DRAIN, "the second time changes nothing");
    }
}
