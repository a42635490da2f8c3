//! Reads are tried again, within the caller's deadline and only for what may pass.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::ApiError;
use crate::base::random::{Random, SharedRandom};

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Attempts in all. More would multiply the load on a Validibot that is already in trouble.
const ATTEMPTS: u32 = 3;
/// A longer `Retry-After` is the agent's to wait for, not ours to sit out.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How reads are tried again.
#[derive(Clone)]
pub(super) struct Retries(SharedRandom);

impl Retries {
    /// With what spreads the pauses.
    pub(super) fn new(random: SharedRandom) -> Self {
        Self(random)
    }

    /// The attempts of one read.
    pub(super) fn until(&self, deadline: Instant) -> Attempts {
        Attempts { deadline, left: ATTEMPTS, pause: FIRST_PAUSE, random: self.0.clone() }
    }
}

/// The attempts of one read.
pub(super) struct Attempts {
    deadline: Instant,
    left: u32,
    pause: Duration,
    random: SharedRandom,
}

impl Attempts {
    /// After a failed attempt: waits for the next one, or gives the error back when there is none.
    pub(super) async fn after(&mut self, error: ApiError) -> Result<(), ApiError> {
        self.left -= 1;
        let asked = error.retry_after.map(Duration::from_secs).unwrap_or_default();
        let wait = asked.max(jittered(self.pause, self.random.as_ref()));
        if !error.transient
            || self.left == 0
            || asked > LONGEST_RETRY_AFTER
            || Instant::now() + wait >= self.deadline
        {
            return Err(error);
        }
        self.pause *= 2;
        sleep(wait).await;
        Ok(())
    }
}

/// Between half of the pause and the whole, so that instances that failed together do not return together.
fn jittered(pause: Duration, random: &dyn Random) -> Duration {
    let mut byte = [0];
    random.fill(&mut byte);
    pause.mul_f64(0.5 + f64::from(byte[0]) / 512.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::random::SystemRandom;

    fn failing(transient: bool, retry_after: Option<u64>) -> ApiError {
        ApiError { retry_after, transient, ..ApiError::new("X", "x") }
    }

    async fn attempts(deadline: Duration, error: ApiError) -> u32 {
        let mut attempts = Retries::new(Arc::new(SystemRandom)).until(Instant::now() + deadline);
        let mut count = 1;
        while attempts.after(error.clone()).await.is_ok() {
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_tried_again_and_only_within_the_deadline() {
        let minute = Duration::from_mins(1);
        assert_eq!(attempts(minute, failing(true, None)).await, 3);
        assert_eq!(attempts(minute, failing(false, None)).await, 1);
        assert_eq!(attempts(minute, failing(true, Some(2))).await, 3);
        assert_eq!(attempts(minute, failing(true, Some(600))).await, 1);
        assert_eq!(attempts(Duration::from_millis(50), failing(true, None)).await, 1);
    }
}
