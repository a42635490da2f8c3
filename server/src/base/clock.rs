//! Time, injected: nothing in this crate asks the system clock anywhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Now, since the Unix epoch.
    fn now(&self) -> Duration;

    /// Now, in whole seconds since the Unix epoch: the unit of JWT and OAuth times.
    fn unix(&self) -> u64 {
        self.now().as_secs()
    }
}

/// A clock that can be handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Duration {
        // A clock before 1970 is a broken machine; the epoch makes every token expired, which fails closed.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A clock for tests, which moves when it is told to.
#[derive(Debug, Default)]
pub struct MockClock {
    /// Whether it stands still by itself; else the system's time goes on underneath.
    stands: bool,
    /// Since the Unix epoch, or how far it is ahead of the system's.
    seconds: AtomicU64,
}

impl MockClock {
    /// Stands still at a time in seconds since the Unix epoch.
    pub fn at(unix: u64) -> Arc<Self> {
        Arc::new(Self { stands: true, seconds: unix.into() })
    }

    /// Goes with the system's clock, for tests whose other side does.
    pub fn with_the_system() -> Arc<Self> {
        Arc::default()
    }

    /// Moves on, by whole seconds.
    pub fn advance(&self, by: Duration) {
        self.seconds.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> Duration {
        let seconds = Duration::from_secs(self.seconds.load(Ordering::SeqCst));
        if self.stands { seconds } else { SystemClock.now() + seconds }
    }
}
