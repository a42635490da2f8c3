//! Chain 2: what tools ask of Validibot. Which of its APIs answers depends on its version (contract of 0.16, section A); tools do not
//! notice. Every failure is an [`ApiError`].

mod agent;
mod answer;
mod api;
mod error;
mod helper;
mod identity;
pub mod license;
mod media;
mod passthrough;
mod refs;
mod rest;
mod retry;
mod run;
mod structured;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

pub use self::agent::{AgentApi, MAX_PAID_FILE_BYTES, PaidFile, SettledPayment};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::answer::fuzzing;
use self::api::Api as _;
pub use self::api::{Content, Intent, Upload};
pub use self::error::{ApiError, FieldError, code};
use self::helper::Helper;
use self::license::Standing;
pub(crate) use self::media::{FILE_TYPES, HEAD_BYTES, Media, accepted_extensions, takes};
pub(crate) use self::passthrough::{Catalogue, Definition, Step};
pub use self::refs::{RefError, RunRef, WorkflowRef, run_ref};
use self::rest::Rest;
pub(crate) use self::run::{outputs_are_gone, outputs_go_soon, reasons};
pub(crate) use self::structured::{Members, Structured};
use self::wire::Wire;
use crate::base::lifecycle::Lifecycle;
use crate::base::random::SharedRandom;
use crate::caller::{ApiTokens, Caller};
use crate::config::{Backend, Settings};
use crate::telemetry::metrics::Metrics;

/// A read, with its retries. The system we replace has the same limit for one attempt.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// A launch: Validibot answers once the run is queued, but it reads up to 10 MB first.
const LAUNCH_DEADLINE: Duration = Duration::from_mins(1);

/// The largest file that fits Validibot's body limit of 10 485 760 bytes (contract, A5), with 2 KiB left for the
/// multipart frame and the file's name.
pub const MAX_FILE_BYTES: usize = 10_485_760 - 2048;

/// A client of Validibot, of any version.
pub struct Validibot {
    helper: Helper,
    rest: Rest,
    standing: Standing,
    backend: Backend,
}

impl Validibot {
    /// Remembers where to call and how to prove ourselves; calls nothing.
    ///
    /// `api_tokens` tell whose fault a refusal is, and `standing` which API Validibot has.
    pub(crate) fn new(
        settings: &Settings,
        http: reqwest::Client,
        api_tokens: Arc<ApiTokens>,
        standing: Standing,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<Metrics>,
        random: SharedRandom,
    ) -> Self {
        let (base, reach) = (settings.api_base_url.clone(), settings.reach.clone());
        let wire = Wire::new(base, reach, http, lifecycle, metrics, random.clone());
        let helper = Helper::new(wire.clone(), &settings.service_identity, api_tokens.clone());
        let rest = Rest::new(wire, api_tokens, settings.organizations.clone(), random);
        Self { helper, rest, standing, backend: settings.backend }
    }

    /// The catalogue of workflows that the caller can see (contract, A3).
    pub async fn workflows(&self, caller: &Caller) -> Result<Vec<Value>, ApiError> {
        self.read(caller, || self.helper.workflows(caller), || self.rest.workflows(caller)).await
    }

    /// The same, to be passed on as it is.
    pub(crate) async fn catalogue(&self, caller: &Caller) -> Result<Catalogue, ApiError> {
        self.read(caller, || self.helper.catalogue(caller), || self.rest.catalogue(caller)).await
    }

    /// One workflow's definition (contract, A4), to be passed on as it is.
    pub(crate) async fn definition(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> Result<Definition, ApiError> {
        let by_helper = || self.helper.definition(caller, workflow);
        self.read(caller, by_helper, || self.rest.definition(caller, workflow)).await
    }

    /// One workflow's definition (contract, A4).
    pub async fn workflow(
        &self,
        caller: &Caller,
        workflow: &WorkflowRef,
    ) -> Result<Map<String, Value>, ApiError> {
        let by_helper = || self.helper.workflow(caller, workflow);
        self.read(caller, by_helper, || self.rest.workflow(caller, workflow)).await
    }

    /// One run's state (contract, A6), asked until `deadline` at the latest.
    pub async fn run(
        &self,
        caller: &Caller,
        run: &RunRef,
        deadline: Option<Instant>,
    ) -> Result<Map<String, Value>, ApiError> {
        let by_helper = || self.helper.run(caller, run, deadline);
        self.read(caller, by_helper, || self.rest.run(caller, run, deadline)).await
    }

    /// A read by the API that this caller's calls go by; by the REST API, too, where the helper API turns out to be gone.
    async fn read<T, H, R>(
        &self,
        caller: &Caller,
        by_helper: impl FnOnce() -> H,
        by_rest: impl FnOnce() -> R,
    ) -> Result<T, ApiError>
    where
        H: Future<Output = Result<T, ApiError>>,
        R: Future<Output = Result<T, ApiError>>,
    {
        if self.by_helper(caller)? {
            match by_helper().await {
                Err(error) if error.endpoint_gone => Box::pin(self.upgraded(caller, error)).await?,
                answer => return answer,
            }
        }
        // Boxed, as what is seldom: calls by the helper API do not carry its size.
        Box::pin(by_rest()).await
    }

    /// Starts a run (contract, A5). Where nobody can know whether it was started, the error says so.
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
        let mut upload = upload;
        if self.by_helper(caller)? {
            let again = upload.again();
            match self.helper.launch(caller, workflow, upload, media).await {
                // It was refused: nothing was started.
                Err(error) if error.endpoint_gone => Box::pin(self.upgraded(caller, error)).await?,
                answer => return answer,
            }
            upload = again.ok_or_else(ApiError::send_again)?;
        }
        Box::pin(self.rest.launch(caller, workflow, upload, media)).await
    }

    /// Whether a call of this caller goes by the helper API, and not by the REST API. Users who signed in have no API key, and no other credential counts for the
    /// REST API (contract of 0.16, C1).
    fn by_helper(&self, caller: &Caller) -> Result<bool, ApiError> {
        let has_key = matches!(caller, Caller::ApiToken(_));
        match self.backend {
            Backend::Helper => Ok(true),
            Backend::Rest if has_key => Ok(false),
            Backend::Auto | Backend::Rest if self.standing.has_helper() => Ok(true),
            Backend::Auto | Backend::Rest if has_key => Ok(false),
            Backend::Auto | Backend::Rest => Err(ApiError::api_token_needed(self.standing.site().as_deref())),
        }
    }

    /// The helper API is gone, as far as one answer says: the REST API is on every version, and so can be asked at once by
    /// who has a key; for the others it has to be known.
    async fn upgraded(&self, caller: &Caller, error: ApiError) -> Result<(), ApiError> {
        if self.backend == Backend::Helper {
            return Err(error);
        }
        if matches!(caller, Caller::ApiToken(_)) {
            self.standing.doubt();
            return Ok(());
        }
        self.standing.settle().await;
        // The reason, or for as long as two versions answer side by side: again.
        self.by_helper(caller)?;
        Err(ApiError::send_again())
    }
}

/// A header value that no debug output shows.
fn sensitive(value: &str) -> Result<reqwest::header::HeaderValue, ApiError> {
    let mut value = reqwest::header::HeaderValue::from_str(value).map_err(|_| ApiError::internal())?;
    value.set_sensitive(true);
    Ok(value)
}
