//! API tokens: opaque bearers that only Validibot can judge (contract, A2 and D4).

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::Caller;
use super::challenge::Refusal;
use super::fingerprint::Fingerprint;
use crate::base::clock::SharedClock;
use crate::base::http_body;
use crate::base::json;
use crate::base::trouble;
use crate::config::{Reach, Settings};

/// How long an accepted token is trusted without asking again: what the system we replace has.
const GOOD_FOR: Duration = Duration::from_mins(5);
/// How long a refusal is remembered: long enough to blunt a client that hammers with a dead token, short
/// enough that a token made a moment ago works.
const BAD_FOR: Duration = Duration::from_secs(5);
/// Bounds the cache's memory, at about 100 bytes an entry.
const MAX_ENTRIES: u64 = 10_000;
/// The whole exchange.
const DEADLINE: Duration = Duration::from_secs(10);
/// An address and a name.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Asks Validibot about API tokens, and remembers the answers under each token's SHA-256.
pub(crate) struct ApiTokens {
    url: Url,
    reach: Reach,
    http: reqwest::Client,
    clock: SharedClock,
    verdicts: Cache<Fingerprint, Verdict>,
}

#[derive(Debug, Clone, Copy)]
struct Verdict {
    good: bool,
    /// Since the Unix epoch, by the injected clock.
    until: Duration,
}

impl ApiTokens {
    pub(super) fn new(settings: &Settings, http: reqwest::Client, clock: SharedClock) -> Self {
        Self {
            url: settings.api_base_url.join("/api/v1/auth/me/"),
            reach: settings.reach.clone(),
            http,
            clock,
            verdicts: Cache::new(MAX_ENTRIES),
        }
    }

    pub(super) async fn verify(&self, token: SecretString, key: Fingerprint) -> Result<Caller, Refusal> {
        let verdict = match self.verdicts.get(&key).await {
            Some(verdict) if verdict.until > self.clock.now() => verdict,
            known => {
                if known.is_some() {
                    self.verdicts.invalidate(&key).await;
                }
                // Callers that arrive while the question is under way share its answer; a failure is not kept.
                let asked = self.verdicts.try_get_with(key, self.ask(&token)).await;
                asked.map_err(|refusal: Arc<Refusal>| *refusal)?
            }
        };
        if verdict.good { Ok(Caller::ApiToken(token)) } else { Err(Refusal::Invalid) }
    }

    /// Asks although an answer may be remembered, and remembers the new one. `None`: nobody could tell.
    pub(crate) async fn ask_again(&self, token: &SecretString) -> Option<bool> {
        let verdict = self.ask(token).await.ok()?;
        self.verdicts.insert(Fingerprint::of(token), verdict).await;
        Some(verdict.good)
    }

    async fn ask(&self, token: &SecretString) -> Result<Verdict, Refusal> {
        let request = self.reach.say(&self.url, self.http.get(self.url.clone()));
        let request =
            request.header(AUTHORIZATION, format!("Bearer {}", token.expose_secret())).timeout(DEADLINE);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let reason = trouble::reason(&error);
                tracing::warn!("Validibot could not be asked about an API token: {reason}");
                return Err(Refusal::cannot_tell(None));
            }
        };
        let status = response.status();
        let retry_after = seconds_to_wait(response.headers());
        let refusal = self.reach.refusal(status.as_u16(), http_body::is_html(response.headers()));
        let (good, keep) = match status {
            StatusCode::OK if names_a_user(response).await => (true, GOOD_FOR),
            // Validibot says 403 for what should be 401 (contract, A2).
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (false, BAD_FOR),
            // Validibot counts the requests of users whom it has found: the token is good, and there is no verdict to keep.
            StatusCode::TOO_MANY_REQUESTS => return Err(Refusal::throttled(retry_after)),
            other => {
                if let Some(cause) = refusal {
                    tracing::error!("Validibot does not let this server in: {cause}");
                }
                tracing::warn!(status = other.as_u16(), "Validibot gave no verdict on an API token");
                return Err(Refusal::cannot_tell(retry_after));
            }
        };
        Ok(Verdict { good, until: self.clock.now() + keep })
    }
}

/// Whether Validibot may have issued an API token of this form: `vbk_1_<32 hex>_<64 hex>`, at most 160 characters, or 40
/// hexadecimal digits (contract, A2). Wider than that in its letters, as Validibot may change them; but whatever is of another
/// form is another issuer's secret, and not Validibot's to see.
pub(super) fn may_be_api_token(token: &str) -> bool {
    const MAX_CHARS: usize = 160;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    token.len() <= MAX_CHARS && token.bytes().all(letter)
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3). Validibot sends no dates.
fn seconds_to_wait(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Whether this is the contract's answer about a user, `{"email", "name"}`, and not some page that is 200 as well.
async fn names_a_user(response: reqwest::Response) -> bool {
    http_body::read(response, MAX_BODY_BYTES).await.is_ok_and(|body| is_user(&body))
}

fn is_user(body: &[u8]) -> bool {
    json::document::<Value>(body).is_ok_and(|user| user["email"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::spoilt;

    #[test]
    fn an_answer_about_a_user_costs_no_more_than_its_bytes() {
        let good = r#"{"email":"a@b.example","name":"A"}"#;
        assert!(is_user(good.as_bytes()));
        assert!(spoilt(good).iter().all(|bad| !is_user(bad.as_bytes())));
    }

    #[test]
    fn what_can_be_an_api_token() {
        let key = format!("vbk_1_{}_{}", "0a".repeat(16), "9f".repeat(32));
        for token in [key.as_str(), "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b", &"a".repeat(160)] {
            assert!(may_be_api_token(token), "{token}");
        }
        for token in ["a.b", "eyJhbGciOiJSUzI1NiJ9.e30.x", "abc=", "a+b", "a/b", "a~b", &"a".repeat(161)] {
            assert!(!may_be_api_token(token), "{token}");
        }
    }
}
