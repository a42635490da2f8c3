//! Chain 2: Validibot's helper API, typed. One method a call; every failure is an [`ApiError`].

mod agent;
mod answer;
mod error;
mod identity;
pub mod license;
mod media;
mod passthrough;
mod refs;
mod retry;
mod run;

use std::sync::Arc;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use self::agent::{AgentApi, MAX_PAID_FILE_BYTES, PaidFile, SettledPayment};
use self::answer::Answer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::answer::fuzzing;
pub use self::error::{ApiError, FieldError, code};
use self::identity::{Identity, Proof};
pub(crate) use self::media::{FILE_TYPES, HEAD_BYTES, Media, accepted_extensions, takes};
pub(crate) use self::passthrough::{Catalogue, Definition, Step, take_apart};
pub use self::refs::{RefError, RunRef, WorkflowRef, run_ref};
use self::retry::Retries;
pub(crate) use self::run::{outputs_are_gone, outputs_go_soon, reasons};
use crate::base::lifecycle::{CALLS_END_AFTER, Lifecycle};
use crate::base::random::SharedRandom;
use crate::caller::{ApiTokens, Caller};
use crate::config::{BaseUrl, Reach, Settings};
use crate::telemetry::hops::{self, Hop};
use crate::telemetry::metrics::Metrics;

/// The workflows of a user.
const CATALOGUE: &str = "/api/v1/mcp/workflows/";
/// A read, with its retries. The system we replace has the same limit for one attempt.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// A launch: Validibot answers once the run is queued, but it reads up to 10 MB first.
const LAUNCH_DEADLINE: Duration = Duration::from_mins(1);

/// The largest file that fits Validibot's body limit of 10 485 760 bytes (contract, A5), with 2 KiB left for the
/// multipart frame and the file's name.
pub const MAX_FILE_BYTES: usize = 10_485_760 - 2048;

/// A client of Validibot's helper API.
pub struct Validibot {
    base: BaseUrl,
    reach: Reach,
    http: reqwest::Client,
    identity: Identity,
    api_tokens: Arc<ApiTokens>,
    lifecycle: Arc<Lifecycle>,
    metrics: Arc<Metrics>,
    retries: Retries,
}

/// A file on its way to Validibot.
pub struct Upload {
    /// Its name; Validibot derives the format from the content type and the name.
    pub name: String,
    /// Its bytes, or a stream of them.
    pub content: reqwest::Body,
    /// How many bytes, at most [`MAX_FILE_BYTES`].
    pub length: u64,
}

impl Validibot {
    /// Remembers where to call and how to prove ourselves; calls nothing.
    ///
    /// `api_tokens` tell whose fault a 401 is.
    pub(crate) fn new(
        settings: &Settings,
        http: reqwest::Client,
        api_tokens: Arc<ApiTokens>,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<Metrics>,
        random: SharedRandom,
    ) -> Self {
        Self {
            base: settings.api_base_url.clone(),
            reach: settings.reach.clone(),
            http,
            identity: Identity::new(&settings.service_identity),
            api_tokens,
            lifecycle,
            metrics,
            retries: Retries::new(random),
        }
    }

    /// The catalogue of workflows that the caller can see (contract, A3).
    pub async fn workflows(&self, caller: &Caller) -> Result<Vec<Value>, ApiError> {
        let answer = self.read(caller, CATALOGUE, Instant::now() + READ_DEADLINE).await?;
        answer.catalogue()
    }

    /// The same, to be passed on as it is.
    pub(crate) async fn catalogue(&self, caller: &Caller) -> Result<Catalogue, ApiError> {
        let answer = self.read(caller, CATALOGUE, Instant::now() + READ_DEADLINE).await?;
        answer.catalogue_to_pass()
    }

    /// One workflow's definition (contract, A4), to be passed on as it is.
    pub(crate) async fn definition(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> Result<Definition, ApiError> {
        let path = format!("/api/v1/mcp/workflows/{workflow}/");
        self.read(caller, &path, Instant::now() + READ_DEADLINE).await?.definition_to_pass()
    }

    /// One workflow's definition (contract, A4).
    pub async fn workflow(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> Result<Map<String, Value>, ApiError> {
        let path = format!("/api/v1/mcp/workflows/{workflow}/");
        self.read(caller, &path, Instant::now() + READ_DEADLINE).await?.workflow()
    }

    /// One run's state (contract, A6), asked until `deadline` at the latest.
    pub async fn run(
        &self,
        caller: &Caller,
        run: &RunRef,
        deadline: Option<Instant>,
    ) -> Result<Map<String, Value>, ApiError> {
        let path = format!("/api/v1/mcp/runs/{run}/");
        let latest = Instant::now() + READ_DEADLINE;
        self.read(caller, &path, deadline.map_or(latest, |deadline| deadline.min(latest))).await?.run()
    }

    /// Starts a run (contract, A5). The request is sent once: the route has no idempotency key, so a second
    /// one could start a second run. Where nobody can know whether it was started, the error says so.
    pub async fn launch(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
        upload: Upload,
    ) -> Result<Map<String, Value>, ApiError> {
        let media = Media::of(&upload.name);
        self.launch_as(caller, workflow, upload, media).await
    }

    /// The same for a file of which more is known than its name says.
    pub(crate) async fn launch_as(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
        upload: Upload,
        media: Media,
    ) -> Result<Map<String, Value>, ApiError> {
        let part = Part::stream_with_length(upload.content, upload.length)
            .mime_str(media.content_type)
            .map_err(|_| ApiError::internal())?
            .file_name(upload.name);
        let path = format!("/api/v1/mcp/workflows/{workflow}/runs/");
        let form = |request: RequestBuilder| request.multipart(Form::new().part("file", part));
        let deadline = Instant::now() + LAUNCH_DEADLINE;
        let started = self.exchange(caller, Method::POST, &path, deadline, form).await;
        started.and_then(Answer::run).map_err(ApiError::for_a_launch)
    }

    async fn read(&self, caller: &Caller, path: &str, deadline: Instant) -> Result<Answer, ApiError> {
        let mut attempts = self.retries.until(deadline);
        loop {
            match self.exchange(caller, Method::GET, path, deadline, |request| request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    /// One request and its answer, as long as this instance goes on.
    async fn exchange(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        deadline: Instant,
        with_body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, ApiError> {
        tokio::select! {
            answer = self.ask(caller, method, path, deadline, with_body) => answer,
            () = self.lifecycle.stopping_for(CALLS_END_AFTER) => Err(ApiError::stopping()),
        }
    }

    /// One request and its answer, with both identities: ours and the user's (contract, section b).
    async fn ask(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        deadline: Instant,
        with_body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, ApiError> {
        let url = self.base.join(path);
        let request = self.reach.say(&url, self.http.request(method.clone(), url.clone()));
        let request = request.header("Accept", "application/json").header("X-Validibot-Source", "MCP");
        let request = match caller {
            Caller::Subject(subject) => request.header("X-Validibot-User-Sub", subject),
            Caller::ApiToken(token) => {
                request.header("X-Validibot-Api-Token", sensitive(token.expose_secret())?)
            }
            // Neither is anybody whom the helper API knows.
            Caller::Public | Caller::Unchecked => return Err(ApiError::internal()),
        };
        let asking = Instant::now();
        let proof = self.identity.proof().await;
        hops::note(Hop::Identity, asking.elapsed());
        let proof = proof?;
        let request = with_body(self.identity.add(request, &proof)?);
        let sent = Instant::now();
        let answer = answer::send(request, deadline).await;
        let unauthorized = answer.as_ref().ok().and_then(Answer::unauthorized_body);
        let answer = answer.and_then(|answer| answer.checked(&self.reach));
        hops::note(Hop::Validibot, sent.elapsed());
        let (status, error) = match &answer {
            Ok(answer) => (Some(answer.status()), None),
            Err(error) => (error.status, Some(error.code.as_ref())),
        };
        self.metrics.validibot_asked(method.as_str(), status, error, sent.elapsed());
        match (answer, unauthorized) {
            (Err(error), Some(body)) => Err(self.whose_fault(caller, &proof, error, &body, deadline).await),
            (answer, _) => answer,
        }
    }

    /// Validibot says 401 alike for our identity and for the user's. An API token can be asked about; for a subject, whose
    /// token was verified a moment ago, our own identity can.
    async fn whose_fault(
        &self,
        caller: &Caller,
        proof: &Proof,
        error: ApiError,
        body: &[u8],
        deadline: Instant,
    ) -> ApiError {
        match caller {
            Caller::ApiToken(token) if self.api_tokens.ask_again(token).await == Some(false) => {
                return ApiError::unauthorized();
            }
            Caller::Subject(_) if self.accepts_us(proof, body, deadline).await => {
                return ApiError::inactive();
            }
            Caller::ApiToken(_) | Caller::Subject(_) | Caller::Public | Caller::Unchecked => {}
        }
        self.identity.refused(proof);
        error
    }

    /// Whether Validibot accepts our identity although it answered a call with 401 and this body. The same call without any user
    /// is 401 in either case, and its body is that of the first refusal only where our identity is what is refused (contract,
    /// section b): so no text of Validibot's has to be known here.
    async fn accepts_us(&self, proof: &Proof, body: &[u8], deadline: Instant) -> bool {
        let request = self.http.get(self.base.join(CATALOGUE)).header("Accept", "application/json");
        let Ok(request) = self.identity.add(request, proof) else { return false };
        let without_user = answer::send(request, deadline).await.ok();
        without_user.and_then(|answer| answer.unauthorized_body()).is_some_and(|other| other != body)
    }
}

/// A header value that no debug output shows.
fn sensitive(value: &str) -> Result<reqwest::header::HeaderValue, ApiError> {
    let mut value = reqwest::header::HeaderValue::from_str(value).map_err(|_| ApiError::internal())?;
    value.set_sensitive(true);
    Ok(value)
}
