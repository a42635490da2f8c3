//! What the REST API does with `Idempotency-Key` (contract of 0.16, B4): measured, and kept with its traps.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::{HeaderName, StatusCode};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::state::lock;

/// How long a key is kept (contract of 0.16, B4), used up or not.
const KEPT: Duration = Duration::hours(24);

/// Longer keys are refused (contract of 0.16, B4).
const MAX_KEY_CHARS: usize = 255;

/// The scope of a key. Neither the user nor the workflow is part of it (contract of 0.16, B4); the view always is the launch here.
type Scope = (String, String);

/// The keys of the last day.
#[derive(Default)]
pub(crate) struct Idempotency {
    entries: Mutex<HashMap<Scope, Entry>>,
    deaths: AtomicU32,
    paused: AtomicBool,
}

struct Entry {
    /// SHA-256 of the raw body: a multipart body with another boundary is another one (contract of 0.16, B4).
    fingerprint: [u8; 32],
    request: Uuid,
    until: OffsetDateTime,
    /// `None` while the first request is at work, and for ever where its process died.
    answer: Option<(StatusCode, Vec<u8>)>,
}

/// A key that is this request's to use.
pub(crate) struct Claim<'a> {
    all: &'a Idempotency,
    scope: Scope,
}

/// The key of a request; an empty one is none.
pub(crate) fn key(header: Option<&str>) -> Result<Option<&str>, Answer> {
    let key = header.map(str::trim).filter(|key| !key.is_empty());
    match key {
        Some(key) if key.chars().count() > MAX_KEY_CHARS => Err(answer::coded(
            StatusCode::BAD_REQUEST,
            "idempotency_key_too_long",
            "The idempotency key has more than 255 characters.",
        )),
        key => Ok(key),
    }
}

impl Idempotency {
    /// Claims the key, or gives what this request is answered with instead.
    pub(crate) fn claim(
        &self,
        org: &str,
        key: &str,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<Claim<'_>, Answer> {
        let scope = (org.to_owned(), key.to_owned());
        let fingerprint: [u8; 32] = Sha256::digest(body).into();
        let mut entries = lock(&self.entries);
        // An expired row makes a new run (contract of 0.16, B4).
        entries.retain(|_, entry| entry.until > now);
        match entries.get(&scope) {
            None => {
                let entry = Entry { fingerprint, request: Uuid::new_v4(), until: now + KEPT, answer: None };
                entries.insert(scope.clone(), entry);
                Ok(Claim { all: self, scope })
            }
            Some(entry) if entry.fingerprint != fingerprint => Err(answer::coded(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "The idempotency key was used for another request.",
            )),
            Some(Entry { answer: None, .. }) => Err(answer::coded(
                StatusCode::CONFLICT,
                "idempotency_key_in_progress",
                "A request with this idempotency key is still at work.",
            )),
            Some(Entry { answer: Some((status, body)), request, .. }) => {
                let replayed = Answer::new(*status, "application/json", body.clone());
                let (replay, original) = (
                    HeaderName::from_static("idempotent-replayed"),
                    HeaderName::from_static("original-request-id"),
                );
                Err(replayed.with(replay, "true").with(original, &request.to_string()))
            }
        }
    }

    /// Lets so many requests die that claim a key.
    pub(crate) fn die(&self, times: u32) {
        self.deaths.store(times, Ordering::SeqCst);
    }

    /// Whether this one dies.
    pub(crate) fn dies(&self) -> bool {
        self.deaths.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }
}

impl Claim<'_> {
    /// Keeps what the view returned, refusals too: what it raised is not kept (contract of 0.16, B4).
    pub(crate) fn keep(self, answer: &Answer) {
        if let Some(entry) = lock(&self.all.entries).get_mut(&self.scope) {
            entry.answer = Some((answer.status, as_stored(&answer.body)));
        }
    }

    /// Forgets the key.
    pub(crate) fn release(self) {
        lock(&self.all.entries).remove(&self.scope);
    }
}

/// A body as `PostgreSQL`'s `jsonb` gives it back: the keys of an object by their length, then by their bytes.
fn as_stored(body: &[u8]) -> Vec<u8> {
    serde_json::from_slice(body)
        .map_or_else(|_| body.to_vec(), |value| reordered(value).to_string().into_bytes())
}

fn reordered(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(String, Value)> = object.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
            let members = members.into_iter().map(|(key, value)| (key, reordered(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(reordered).collect()),
        other => other,
    }
}
