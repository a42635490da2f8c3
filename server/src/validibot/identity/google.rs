//! Google-signed identity tokens, by google-cloud-auth: what it does well is left to it (fetching, caching, early
//! refresh), and what would keep it from ever recovering is handled here.
//!
//! After a permanent error its refresh ends for good, a hang has no limit, and a token without `exp` panics its task
//! and then every caller; a past `exp` counts as one in the future. So each wait has a limit, a panic is caught, and a credential that failed is thrown away:
//! the next caller, after a short rest, gets a new one. No token is cached here.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use google_cloud_auth::credentials::idtoken::IDTokenCredentials;
use google_cloud_auth::credentials::idtoken::mds::{Builder, Format};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::{Instant, timeout};

/// How long callers wait, and how long they are told of a failure without a new attempt.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// One wait for a token. The metadata server answers in milliseconds; the system we replace waits as long.
    wait: Duration,
    /// After a failure: a fetch costs a TLS set-up.
    rest: Duration,
    /// After a hang or a refused token: each new attempt leaves a stuck task behind, or gets the same token again.
    long_rest: Duration,
}

const PATIENCE: Patience = Patience {
    wait: Duration::from_secs(5),
    rest: Duration::from_secs(1),
    long_rest: Duration::from_secs(10),
};

/// The identity of this server's service account for one audience.
pub(in crate::validibot) struct GoogleIdentity {
    audience: String,
    /// For tests; the crate itself reads `GCE_METADATA_HOST`.
    endpoint: Option<String>,
    patience: Patience,
    state: Mutex<State>,
}

struct State {
    /// Numbered, so that a caller that waited for an old one does not throw away its successor.
    credential: Option<(u64, IDTokenCredentials)>,
    built: u64,
    /// Until then callers are told `failure`, and no credential is built.
    rest_until: Instant,
    failure: TokenError,
    /// Until then a refused token is believed to be the right one.
    trust_until: Instant,
}

/// Why there is no token.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub(in crate::validibot) enum TokenError {
    /// Nothing in time.
    #[error("no answer in time")]
    TimedOut,
    /// What came was not a token at all, and the crate panicked on it.
    #[error("what it answered is not an identity token")]
    NotAToken,
    /// The crate's own words.
    #[error("{0}")]
    Failed(String),
}

impl GoogleIdentity {
    pub(super) fn new(audience: &str) -> Self {
        Self {
            audience: audience.to_owned(),
            endpoint: None,
            patience: PATIENCE,
            state: Mutex::new(State {
                credential: None,
                built: 0,
                rest_until: Instant::now(),
                failure: TokenError::NotAToken,
                trust_until: Instant::now(),
            }),
        }
    }

    /// A token that is valid now.
    pub(super) async fn token(&self) -> Result<SecretString, TokenError> {
        let (number, credential) = self.credential()?;
        let waited =
            timeout(self.patience.wait, AssertUnwindSafe(credential.id_token()).catch_unwind()).await;
        let (failure, rest) = match waited {
            Ok(Ok(Ok(token))) => return Ok(token.into()),
            Ok(Ok(Err(error))) => (TokenError::Failed(brief(&error)), self.patience.rest),
            Ok(Err(_panic)) => (TokenError::NotAToken, self.patience.rest),
            Err(_) => (TokenError::TimedOut, self.patience.long_rest),
        };
        let mut state = self.state();
        if state.credential.as_ref().is_some_and(|(current, _)| *current == number) {
            state.credential = None;
            state.rest_until = Instant::now() + rest;
            state.failure = failure.clone();
        }
        Err(failure)
    }

    /// Validibot did not accept this token. It may be a wrong or an expired one that is kept for an hour: get another, but not
    /// with every refused request.
    pub(super) fn doubt(&self, refused: &SecretString) {
        let mut state = self.state();
        let Some((_, credential)) = &state.credential else { return };
        if Instant::now() < state.trust_until {
            return;
        }
        // Ready at once where a token is cached; a newer token than the refused one deserves its chance.
        let cached = AssertUnwindSafe(credential.id_token()).catch_unwind().now_or_never();
        if let Some(Ok(Ok(token))) = cached
            && token == refused.expose_secret()
        {
            state.credential = None;
            state.trust_until = Instant::now() + self.patience.long_rest;
        }
    }

    /// The credential in use, or a new one. It is built inside the runtime, where it starts its task.
    fn credential(&self) -> Result<(u64, IDTokenCredentials), TokenError> {
        let mut state = self.state();
        if let Some((number, credential)) = &state.credential {
            return Ok((*number, credential.clone()));
        }
        if Instant::now() < state.rest_until {
            return Err(state.failure.clone());
        }
        // `full` carries the e-mail, by which Validibot knows us.
        let mut builder = Builder::new(self.audience.clone()).with_format(Format::Full);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        let credential = builder.build().map_err(|error| TokenError::Failed(error.to_string()))?;
        state.built += 1;
        let numbered = (state.built, credential);
        state.credential = Some(numbered.clone());
        Ok(numbered)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The crate's message in one short line. Not its cause, which quotes what the metadata server answered.
fn brief(error: &dyn std::error::Error) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests;
