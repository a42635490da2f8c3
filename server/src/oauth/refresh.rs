//! Refreshing: Validibot's refresh tokens work once, and real clients use one several times at once.
//!
//! On one instance, whoever comes with the same token within a minute gets the same answer, from one request to
//! Validibot. Across instances nothing is shared: the second instance is refused by Validibot and cannot know whether the
//! client holds the newer token already. So the first refusal of a token that an instance has not refreshed itself is
//! answered 503, which makes clients try again with what they then hold, and the next one 400, which ends the session.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use moka::future::Cache;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::Oauth;
use super::artifacts::Refresh;
use super::error::OauthError;
use super::token::Grant;
use super::upstream::UpstreamError;
use crate::base::clock::SharedClock;

/// How long an answer is given again. Field reports of parallel refreshes lie within two minutes, most within seconds.
const MEMORY: Duration = Duration::from_mins(1);
/// How long a token is known to be used up or refused.
const MARKED: Duration = Duration::from_hours(24);
/// Bounds the memory of both: some 2 KB an answer, 100 bytes a mark.
const MAX_ANSWERS: u64 = 2_000;
const MAX_MARKS: u64 = 50_000;

type Id = [u8; 32];

/// What this instance remembers of refreshes, under the SHA-256 of Validibot's refresh token.
pub(super) struct Refreshes {
    answers: Cache<Id, Answer>,
    /// Which token was used up for this one: with the new token's first use its client has it, and nobody needs the remembered
    /// answer any more but a thief of the old one.
    predecessors: Cache<Id, Id>,
    /// Tokens that this instance has refreshed or seen refused: the next refusal is final. Each stands for itself: a type of its
    /// own would be another 0.1 MB of program.
    marks: Cache<Id, Id>,
    clock: SharedClock,
}

#[derive(Clone)]
struct Answer {
    grant: Grant,
    until: Duration,
}

impl Refreshes {
    pub(super) fn new(clock: SharedClock) -> Self {
        // The caches' own clocks only free memory early; the injected one decides.
        Self {
            answers: Cache::builder().max_capacity(MAX_ANSWERS).time_to_live(MEMORY).build(),
            predecessors: Cache::builder().max_capacity(MAX_ANSWERS).time_to_live(MEMORY).build(),
            marks: Cache::builder().max_capacity(MAX_MARKS).time_to_live(MARKED).build(),
            clock,
        }
    }

    /// Refreshes, once for all who ask at the same time.
    pub(super) async fn refresh(&self, oauth: &Arc<Oauth>, refresh: Refresh) -> Result<Grant, OauthError> {
        // A task of its own: a client that hangs up must not take the answer with it, for the old token is used up then.
        let oauth = oauth.clone();
        let task = tokio::spawn(async move { oauth.refreshes.answer(&oauth, refresh).await });
        task.await.unwrap_or_else(|_| {
            Err(OauthError::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the refresh failed"))
        })
    }

    /// Forgets the answer for a token that is revoked now, and the answer that holds this token.
    pub(super) async fn forget(&self, upstream: &str) {
        let id = id(upstream);
        self.answers.invalidate(&id).await;
        self.forget_predecessor(id).await;
    }

    async fn forget_predecessor(&self, id: Id) {
        if let Some(predecessor) = self.predecessors.remove(&id).await {
            self.answers.invalidate(&predecessor).await;
        }
    }

    async fn answer(&self, oauth: &Oauth, refresh: Refresh) -> Result<Grant, OauthError> {
        let id = id(&refresh.upstream);
        self.forget_predecessor(id).await;
        if self.answers.get(&id).await.is_some_and(|answer| answer.until <= self.clock.now()) {
            self.answers.invalidate(&id).await;
        }
        let answer = self.answers.try_get_with(id, self.ask(oauth, id, refresh)).await;
        answer.map(|answer| answer.grant).map_err(|error: Arc<OauthError>| OauthError::clone(&error))
    }

    async fn ask(&self, oauth: &Oauth, id: Id, refresh: Refresh) -> Result<Answer, OauthError> {
        match oauth.upstream.refresh(&refresh.upstream).await {
            Ok(tokens) => {
                self.marks.insert(id, id).await;
                if let Some(successor) = &tokens.refresh_token {
                    self.predecessors.insert(self::id(successor.expose_secret()), id).await;
                }
                let grant = oauth.grant(tokens, refresh.client, refresh.scope, Some(refresh.upstream));
                Ok(Answer { grant, until: self.clock.now() + MEMORY })
            }
            Err(UpstreamError::Refused) if self.marks.contains_key(&id) => Err(OauthError::invalid_grant(
                "the refresh token was used before, has expired or was revoked",
            )),
            Err(UpstreamError::Refused) => {
                self.marks.insert(id, id).await;
                tracing::info!(
                    "a refresh token was refused that this instance has not seen: the client may try once more"
                );
                Err(OauthError::temporarily_unavailable())
            }
            Err(UpstreamError::Unavailable) => Err(OauthError::temporarily_unavailable()),
        }
    }
}

fn id(upstream: &str) -> Id {
    Sha256::digest(upstream).into()
}
