//! Validibot's public signing keys (RFC 7517), fetched on a request once they are missing or old.
//!
//! Between requests nothing runs on Cloud Run, so there is no timer: a request that finds the keys old starts a refresh
//! and goes on with the ones at hand. Validibot's outage therefore never turns a valid token away.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use url::Url;

use crate::base::clock::SharedClock;
use crate::base::http_body;
use crate::base::json;
use crate::base::trouble;
use crate::config::Reach;

/// Older keys are asked for again: a key that Validibot has withdrawn is trusted this long at most while it answers.
const FRESH: Duration = Duration::from_mins(15);
/// The least time between two fetches that unknown key ids or old keys cause: the flood of an attacker who makes up
/// key ids, or a rotation seen by a thousand clients, costs Validibot one request.
const PAUSE: Duration = Duration::from_secs(10);
/// The same while there are no keys at all: nobody can be served, so ask sooner.
const COLD_PAUSE: Duration = Duration::from_secs(2);
/// The whole exchange.
const DEADLINE: Duration = Duration::from_secs(5);
/// Far above a set of a dozen keys.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Key ids that Validibot was asked about and did not know. Whoever makes ids up can push others out: those are then asked
/// about again.
const MAX_ABSENT: usize = 256;
/// Key ids that Validibot had before; nobody but Validibot can fill this.
const MAX_WITHDRAWN: usize = 16;
/// Longer ids are not remembered. Validibot's have 43 characters.
const MAX_REMEMBERED_ID_BYTES: usize = 128;

/// The keys, and when they were fetched.
pub(super) struct Jwks {
    url: Url,
    reach: Reach,
    http: reqwest::Client,
    clock: SharedClock,
    state: RwLock<State>,
    /// Held during a fetch, so that there is one at a time.
    fetching: Arc<Mutex<()>>,
}

/// What tells a key from another one under the same id.
pub(super) type Thumbprint = [u8; 32];

/// A key together with the one algorithm that it is used with: a token cannot choose another.
#[derive(Clone)]
pub(super) struct VerifyKey {
    /// The algorithm as a token's header names it.
    pub(super) name: &'static str,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    pub(super) thumbprint: Thumbprint,
}

/// Why there is no key for a key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// Validibot has no such key.
    Unknown,
    /// Validibot could not be asked, or may not be asked again so soon: the key may be a new one.
    CannotTell,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<HashMap<String, VerifyKey>>>,
    fetched: Duration,
    attempted: Option<Duration>,
    /// How many fetches have ended.
    ended: u64,
    failed: bool,
    /// Ids that were asked about, and that no set since has held.
    absent: VecDeque<String>,
    /// Ids of earlier sets that the newest one does not hold.
    withdrawn: VecDeque<String>,
}

impl Jwks {
    pub(super) fn new(url: Url, reach: Reach, http: reqwest::Client, clock: SharedClock) -> Self {
        Self { url, reach, http, clock, state: RwLock::default(), fetching: Arc::default() }
    }

    /// The key with this id; asks Validibot when it is not known, at most once in a while.
    pub(super) async fn key(self: &Arc<Self>, kid: &str) -> Result<VerifyKey, NoKey> {
        if let Some(key) = self.known(kid) {
            self.refresh_when_old();
            return Ok(key);
        }
        let ended = self.read(|state| state.ended);
        let _one_at_a_time = self.fetching.lock().await;
        // Whoever held the lock before may have fetched it.
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        if self.may_fetch() {
            self.fetch().await;
            if let Some(key) = self.known(kid) {
                return Ok(key);
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // Only an answer that arrived after this request tells anything about an id that was never asked about: the key may
        // have been rotated in since an earlier one.
        let asked = state.ended > ended && !state.failed;
        if asked {
            state.note_absent(kid);
        }
        let judged = asked || (!state.failed && state.is_gone(kid));
        Err(if judged { NoKey::Unknown } else { NoKey::CannotTell })
    }

    fn known(&self, kid: &str) -> Option<VerifyKey> {
        self.read(|state| state.keys.as_ref()?.get(kid).cloned())
    }

    /// Starts a refresh behind the back of the request, which is served with the keys at hand.
    fn refresh_when_old(self: &Arc<Self>) {
        let old = self.read(|state| state.fetched + FRESH <= self.clock.now());
        if !old || !self.may_fetch() {
            return;
        }
        if let Ok(guard) = self.fetching.clone().try_lock_owned() {
            let this = self.clone();
            tokio::spawn(async move {
                this.fetch().await;
                drop(guard);
            });
        }
    }

    fn may_fetch(&self) -> bool {
        let now = self.clock.now();
        self.read(|state| {
            let pause = if state.keys.is_some() { PAUSE } else { COLD_PAUSE };
            state.attempted.is_none_or(|attempted| attempted + pause <= now)
        })
    }

    async fn fetch(&self) {
        let outcome = self.ask().await;
        let now = self.clock.now();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.attempted = Some(now);
        state.ended += 1;
        state.failed = outcome.is_err();
        match outcome {
            Ok(keys) => {
                state.replace_keys(keys);
                state.fetched = now;
            }
            Err(reason) => {
                let effect = if state.keys.is_some() {
                    "users stay signed in, checked with the keys at hand"
                } else {
                    "nobody who signed in can be served until they are there"
                };
                tracing::warn!(
                    "Validibot's signing keys could not be fetched from {}: {reason}; {effect}",
                    self.url
                );
            }
        }
    }

    async fn ask(&self) -> Result<HashMap<String, VerifyKey>, String> {
        let request = self.reach.say(&self.url, self.http.get(self.url.clone())).timeout(DEADLINE);
        let response = request.send().await.map_err(|error| trouble::reason(&error).to_owned())?;
        let status = response.status();
        if !status.is_success() {
            let refusal = self.reach.refusal(status.as_u16(), http_body::is_html(response.headers()));
            return Err(refusal.unwrap_or_else(|| format!("it answered HTTP {}", status.as_u16())));
        }
        let body = http_body::read(response, MAX_BODY_BYTES).await.map_err(|error| error.to_string())?;
        let keys = parse(&body).ok_or("its answer is no key set")?;
        if keys.is_empty() { Err("it has no RS256 or ES256 key".to_owned()) } else { Ok(keys) }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn replace_keys(&mut self, keys: HashMap<String, VerifyKey>) {
        let before = self.keys.take();
        let gone = before.iter().flat_map(|before| before.keys()).filter(|kid| !keys.contains_key(*kid));
        self.withdrawn.extend(gone.cloned());
        self.withdrawn.retain(|kid| !keys.contains_key(kid));
        self.absent.retain(|kid| !keys.contains_key(kid));
        let surplus = self.withdrawn.len().saturating_sub(MAX_WITHDRAWN);
        self.withdrawn.drain(..surplus);
        self.keys = Some(Arc::new(keys));
    }

    fn note_absent(&mut self, kid: &str) {
        if kid.len() > MAX_REMEMBERED_ID_BYTES || self.is_gone(kid) {
            return;
        }
        if self.absent.len() == MAX_ABSENT {
            self.absent.pop_front();
        }
        self.absent.push_back(kid.to_owned());
    }

    /// Whether the newest set is known not to hold this id, although nothing was asked just now.
    fn is_gone(&self, kid: &str) -> bool {
        self.withdrawn.iter().chain(&self.absent).any(|gone| gone == kid)
    }
}

/// The usable keys of a set. A key that we cannot use is no reason to refuse the others.
pub(super) fn parse(body: &[u8]) -> Option<HashMap<String, VerifyKey>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = json::document(body).ok()?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Some(keys.filter_map(Jwk::usable).collect())
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// RSA keys verify RS256 and P-256 keys ES256, nothing else. Validibot's keys name no `alg` and no `use` (contract, section c).
    fn usable(self) -> Option<(String, VerifyKey)> {
        if self.r#use.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let (name, algorithm, key, parts) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (self.n?, self.e?);
                ("RS256", Algorithm::RS256, DecodingKey::from_rsa_components(&n, &e).ok()?, [n, e])
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (self.x?, self.y?);
                ("ES256", Algorithm::ES256, DecodingKey::from_ec_components(&x, &y).ok()?, [x, y])
            }
            _ => return None,
        };
        // As RFC 7638 means it: the required members and nothing else. Base64url holds no blank.
        let thumbprint = Sha256::digest(format!("{name} {}", parts.join(" "))).into();
        let key = VerifyKey { name, algorithm, key, thumbprint };
        (self.alg.is_none_or(|alg| alg == name)).then_some((self.kid, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::spoilt;

    #[test]
    fn only_signing_keys_of_the_two_algorithms_are_used() {
        let set = r#"{"keys":[
            {"kid":"good","kty":"RSA","n":"AQAB","e":"AQAB","key_ops":["verify"]},
            {"kid":"curve","kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB","alg":"ES256","use":"sig"},
            {"kid":"enc","kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"},
            {"kid":"pss","kty":"RSA","n":"AQAB","e":"AQAB","alg":"PS256"},
            {"kid":"oct","kty":"oct","k":"AQAB"},
            {"kid":"p384","kty":"EC","crv":"P-384","x":"AQAB","y":"AQAB"},
            {"kty":"RSA","n":"AQAB","e":"AQAB"},
            7
        ]}"#;
        let keys = parse(set.as_bytes()).expect("a set");
        let mut ids: Vec<&str> = keys.keys().map(String::as_str).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["curve", "good"]);
        assert_eq!(keys["good"].algorithm, Algorithm::RS256);
        assert!(parse(b"[]").is_none() && parse(b"{}").is_none());
    }

    #[test]
    fn a_set_that_would_cost_more_than_its_bytes_is_none() {
        let good = r#"{"keys":[{"kid":"good","kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
        assert_eq!(parse(good.as_bytes()).map(|keys| keys.len()), Some(1));
        for bad in spoilt(good) {
            assert!(parse(bad.as_bytes()).is_none());
            assert!(parse(format!(r#"{{"keys":[{bad}]}}"#).as_bytes()).is_none(), "in a key");
        }
    }
}
