//! What all requests share.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::builder::{Builder, Edition};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::google::GoogleVerification;
use crate::idempotency::Idempotency;
use crate::oidc::Oidc;
use crate::received::Log;
use crate::runs::{PaidRuns, Runs};
use crate::submission::Stored;
use crate::throttle::{HOUR, MINUTE, Throttle};
use crate::version::Version;
use crate::world::World;

/// A deployment's memory.
pub(crate) struct State {
    /// Where requests without a usable `Host` header think they are.
    pub(crate) url: String,
    pub(crate) service_key: Option<String>,
    pub(crate) simulation: Duration,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) throttle: Throttle,
    /// Launches by the REST API.
    pub(crate) launches: Throttle,
    pub(crate) idempotency: Idempotency,
    pub(crate) oidc: Oidc,
    pub(crate) world: World,
    pub(crate) runs: Runs,
    pub(crate) stored: Mutex<VecDeque<Stored>>,
    pub(crate) paid_access: bool,
    pub(crate) paid: PaidRuns,
    /// `DJANGO_ALLOWED_HOSTS`, where production settings are in force.
    pub(crate) allowed_hosts: Option<Vec<String>>,
    version: Mutex<Version>,
    edition: Mutex<Edition>,
    google: Mutex<Option<GoogleVerification>>,
}

impl State {
    pub(crate) fn new(settings: Builder, url: String) -> Self {
        Self {
            oidc: Oidc::new(&settings, &url),
            url,
            service_key: settings.service_key,
            simulation: settings.simulation,
            clock: Clock::default(),
            faults: Faults::default(),
            log: Log::new(settings.recording),
            throttle: Throttle::new(settings.per_hour, HOUR),
            launches: Throttle::new(settings.launches_per_minute, MINUTE),
            idempotency: Idempotency::default(),
            world: World::new(&settings.api_token),
            runs: Runs::default(),
            stored: Mutex::default(),
            paid_access: settings.paid_access,
            paid: PaidRuns::default(),
            allowed_hosts: settings.allowed_hosts,
            version: Mutex::new(settings.version),
            edition: Mutex::new(settings.edition),
            google: Mutex::new(settings.google),
        }
    }

    pub(crate) fn version(&self) -> Version {
        *lock(&self.version)
    }

    pub(crate) fn set_version(&self, version: Version) {
        *lock(&self.version) = version;
    }

    pub(crate) fn edition(&self) -> Edition {
        *lock(&self.edition)
    }

    pub(crate) fn set_edition(&self, edition: Edition) {
        *lock(&self.edition) = edition;
    }

    pub(crate) fn google(&self) -> Option<GoogleVerification> {
        lock(&self.google).clone()
    }

    pub(crate) fn set_google(&self, verification: Option<GoogleVerification>) {
        *lock(&self.google) = verification;
    }
}

/// Locks, and does not mind that another holder panicked: every critical section here leaves whole values.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
