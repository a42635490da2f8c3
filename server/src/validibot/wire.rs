//! Requests to Validibot: how they have to look, and how their answers are waited for and counted, whichever API they are for.

use std::sync::Arc;

use reqwest::{Method, RequestBuilder};
use tokio::time::Instant;

use super::answer::{self, Answer};
use super::error::ApiError;
use super::retry::Retries;
use crate::base::lifecycle::{CALLS_END_AFTER, Lifecycle};
use crate::base::random::SharedRandom;
use crate::config::{BaseUrl, Reach};
use crate::telemetry::hops::{self, Hop};
use crate::telemetry::metrics::Metrics;

/// Where Validibot is, and how its answers are counted and waited for.
#[derive(Clone)]
pub(super) struct Wire {
    base: BaseUrl,
    reach: Reach,
    http: reqwest::Client,
    lifecycle: Arc<Lifecycle>,
    metrics: Arc<Metrics>,
    pub(super) retries: Retries,
}

impl Wire {
    pub(super) fn new(
        base: BaseUrl,
        reach: Reach,
        http: reqwest::Client,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<Metrics>,
        random: SharedRandom,
    ) -> Self {
        Self { base, reach, http, lifecycle, metrics, retries: Retries::new(random) }
    }

    /// A request for a path, as production settings want it.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.base.join(path);
        self.reach.say(&url, self.http.request(method, url.clone())).header("Accept", "application/json")
    }

    /// One request and its answer, as long as this instance goes on; what is no success is the error that it stands for.
    pub(super) async fn exchange(
        &self,
        method: Method,
        request: RequestBuilder,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let judge = |answer: Answer| answer.checked(&self.reach);
        self.unless_stopping(|| self.counted(method, request, deadline, judge)).await
    }

    /// The same, with refusals as they came.
    pub(super) async fn send(
        &self,
        method: Method,
        request: RequestBuilder,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        self.unless_stopping(|| self.counted(method, request, deadline, Ok)).await
    }

    /// What comes of a call, as long as this instance goes on. `call` makes the future here: as an argument it would take its
    /// size twice.
    pub(super) async fn unless_stopping<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        call: impl FnOnce() -> F,
    ) -> Result<T, ApiError> {
        tokio::select! {
            outcome = call() => outcome,
            () = self.lifecycle.stopping_for(CALLS_END_AFTER) => Err(ApiError::stopping()),
        }
    }

    /// One request and what `judge` makes of its answer, measured.
    pub(super) async fn counted(
        &self,
        method: Method,
        request: RequestBuilder,
        deadline: Instant,
        judge: impl FnOnce(Answer) -> Result<Answer, ApiError>,
    ) -> Result<Answer, ApiError> {
        let sent = Instant::now();
        let answer = answer::send(request, deadline).await.and_then(judge);
        hops::note(Hop::Validibot, sent.elapsed());
        let (status, error) = match &answer {
            Ok(answer) => (Some(answer.status()), answer.code()),
            Err(error) => (error.status, Some(error.code.clone())),
        };
        self.metrics.validibot_asked(method.as_str(), status, error.as_deref(), sent.elapsed());
        answer
    }

    /// How requests to this Validibot have to look.
    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }
}
