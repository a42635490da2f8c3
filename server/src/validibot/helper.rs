//! Chain 2 by the helper API of 0.14 and 0.15 (contract, section a), typed: with this server's own identity, for users who
//! signed in and for API keys alike.

use std::sync::Arc;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{self, Answer};
use super::api::{Api, Intent, Upload};
use super::error::ApiError;
use super::identity::{Identity, Proof};
use super::wire::Wire;
use super::{Catalogue, Definition, LAUNCH_DEADLINE, Media, READ_DEADLINE, RunRef, WorkflowRef, sensitive};
use crate::caller::{ApiTokens, Caller};
use crate::config::ServiceIdentity;
use crate::telemetry::hops::{self, Hop};

/// The workflows of a user.
const CATALOGUE: &str = "/api/v1/mcp/workflows/";

/// What a caller is told who has named a launch.
const NO_NAMES: &str =
    "This version of Validibot takes no idempotency_key through this server: each call starts another run";

/// A client of Validibot's helper API.
pub(super) struct Helper {
    wire: Wire,
    identity: Identity,
    api_tokens: Arc<ApiTokens>,
}

impl Helper {
    /// Remembers where to call and how to prove ourselves; calls nothing.
    ///
    /// `api_tokens` tell whose fault a 401 is.
    pub(super) fn new(wire: Wire, identity: &ServiceIdentity, api_tokens: Arc<ApiTokens>) -> Self {
        Self { wire, identity: Identity::new(identity), api_tokens }
    }

    async fn read(&self, caller: &Caller, path: &str, deadline: Instant) -> Result<Answer, ApiError> {
        let mut attempts = self.wire.retries.until(deadline);
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
        self.wire.unless_stopping(|| self.ask(caller, method, path, deadline, with_body)).await
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
        let request = self.wire.request(method.clone(), path).header("X-Validibot-Source", "MCP");
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
        let mut unauthorized = None;
        let judge = |answer: Answer| {
            unauthorized = answer.unauthorized_body();
            answer.checked(self.wire.reach())
        };
        let answer = self.wire.counted(method, request, deadline, judge).await;
        match (answer, unauthorized) {
            // Boxed: it is seldom, and every call would carry its size.
            (Err(error), Some(body)) => {
                Err(Box::pin(self.whose_fault(caller, &proof, error, &body, deadline)).await)
            }
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
        let request = self.wire.request(Method::GET, CATALOGUE);
        let Ok(request) = self.identity.add(request, proof) else { return false };
        let without_user = answer::send(request, deadline).await.ok();
        without_user.and_then(|answer| answer.unauthorized_body()).is_some_and(|other| other != body)
    }
}

impl Api for Helper {
    async fn catalogue(&self, caller: &Caller) -> Result<Catalogue, ApiError> {
        let answer = self.read(caller, CATALOGUE, Instant::now() + READ_DEADLINE).await?;
        answer.catalogue_to_pass()
    }

    async fn workflows(&self, caller: &Caller) -> Result<Vec<Value>, ApiError> {
        let answer = self.read(caller, CATALOGUE, Instant::now() + READ_DEADLINE).await?;
        answer.catalogue()
    }

    async fn definition(&self, caller: &Caller, workflow: &WorkflowRef) -> Result<Definition, ApiError> {
        let path = format!("/api/v1/mcp/workflows/{workflow}/");
        self.read(caller, &path, Instant::now() + READ_DEADLINE).await?.definition_to_pass()
    }

    async fn workflow(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> Result<Map<String, Value>, ApiError> {
        let path = format!("/api/v1/mcp/workflows/{workflow}/");
        self.read(caller, &path, Instant::now() + READ_DEADLINE).await?.workflow()
    }

    async fn run(
        &self,
        caller: &Caller,
        run: &RunRef,
        deadline: Option<Instant>,
    ) -> Result<Map<String, Value>, ApiError> {
        let path = format!("/api/v1/mcp/runs/{run}/");
        let latest = Instant::now() + READ_DEADLINE;
        self.read(caller, &path, deadline.map_or(latest, |deadline| deadline.min(latest))).await?.run()
    }

    /// The request is sent once: the route has no idempotency key, so a second one could start a second run.
    async fn launch(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
        upload: Upload,
        media: Media,
    ) -> Result<Map<String, Value>, ApiError> {
        let named = matches!(upload.intent, Intent::Named(_));
        let part = Part::stream_with_length(upload.content.into_body(), upload.length)
            .mime_str(media.content_type)
            .map_err(|_| ApiError::internal())?
            .file_name(upload.name);
        let path = format!("/api/v1/mcp/workflows/{workflow}/runs/");
        let form = |request: RequestBuilder| request.multipart(Form::new().part("file", part));
        let deadline = Instant::now() + LAUNCH_DEADLINE;
        let started = self.exchange(caller, Method::POST, &path, deadline, form).await;
        let mut run = started.and_then(Answer::run).map_err(ApiError::for_a_launch)?;
        if named {
            run.insert("message".to_owned(), NO_NAMES.into());
        }
        Ok(run)
    }
}
