//! Requests to Validibot's APIs that users and payers call by themselves, where this server proves nothing of its own.

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
        let sent = Instant::now();
        let answer = self.receive(request, deadline).await.and_then(|answer| answer.checked(&self.reach));
        let (status, error) = match &answer {
            Ok(answer) => (Some(answer.status()), None),
            Err(error) => (error.status, Some(error.code.as_ref())),
        };
        self.metrics.validibot_asked(method.as_str(), status, error, sent.elapsed());
        answer
    }

    /// The same, with refusals as they came.
    pub(super) async fn send(
        &self,
        method: Method,
        request: RequestBuilder,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let sent = Instant::now();
        let answer = self.receive(request, deadline).await;
        let (status, error) = match &answer {
            Ok(answer) => (Some(answer.status()), answer.code()),
            Err(error) => (error.status, Some(error.code.clone())),
        };
        self.metrics.validibot_asked(method.as_str(), status, error.as_deref(), sent.elapsed());
        answer
    }

    async fn receive(&self, request: RequestBuilder, deadline: Instant) -> Result<Answer, ApiError> {
        let sent = Instant::now();
        let answer = tokio::select! {
            answer = answer::send(request, deadline) => answer,
            () = self.lifecycle.stopping_for(CALLS_END_AFTER) => Err(ApiError::stopping()),
        };
        hops::note(Hop::Validibot, sent.elapsed());
        answer
    }

    /// How requests to this Validibot have to look.
    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }
}
