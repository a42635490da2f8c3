//! Whether the licence still stands: asked again on a request once the answer is stale, never between requests,
//! where an instance may get no CPU.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{LicenseError, LicenseGate};
use crate::app::App;
use crate::base::clock::SharedClock;

/// A licence changes by hand, a few times a year.
const GOOD_FOR: Duration = Duration::from_mins(5);
/// Without a licence somebody is waiting for it; and an unreachable Validibot is soon back.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// The last answer, and how old it is.
#[derive(Clone)]
pub struct Standing {
    gate: LicenseGate,
    clock: SharedClock,
    state: Arc<Mutex<Known>>,
}

struct Known {
    /// The edition without a licence, where the last answer was that.
    withdrawn_from: Option<String>,
    /// By the clock.
    ask_after: Duration,
    asking: bool,
}

impl Standing {
    /// Licensed as of now: the server does not listen before it is.
    pub fn new(gate: LicenseGate, clock: SharedClock) -> Self {
        let ask_after = clock.now() + GOOD_FOR;
        let known = Known { withdrawn_from: None, ask_after, asking: false };
        Self { gate, clock, state: Arc::new(Mutex::new(known)) }
    }

    /// The edition that does not include MCP, where the licence is withdrawn. Starts to ask again where the answer is
    /// stale, one question at a time, and does not wait for it.
    pub fn withdrawn_from(&self) -> Option<String> {
        let mut known = self.known();
        if !known.asking && self.clock.now() >= known.ask_after {
            known.asking = true;
            tokio::spawn(self.clone().refresh());
        }
        known.withdrawn_from.clone()
    }

    async fn refresh(self) {
        // A task that ends in any way, by a panic too, must not be the last one.
        let asking = Asking(&self);
        let answer = self.gate.check().await;
        let mut known = self.known();
        let stale_after = match answer {
            Ok(()) => {
                if known.withdrawn_from.take().is_some() {
                    tracing::info!("the licence is back: traffic is taken again");
                }
                GOOD_FOR
            }
            Err(error @ LicenseError::NotLicensed { .. }) => {
                if known.withdrawn_from.is_none() {
                    tracing::error!("no more traffic: {error}");
                }
                if let LicenseError::NotLicensed { edition } = error {
                    known.withdrawn_from = Some(edition);
                }
                ASK_AGAIN_AFTER
            }
            Err(error @ LicenseError::Unreachable { .. }) => {
                tracing::warn!("{error}. The last answer holds");
                ASK_AGAIN_AFTER
            }
        };
        known.ask_after = self.clock.now() + stale_after;
        drop(known);
        drop(asking);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Asking<'a>(&'a Standing);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.known().asking = false;
    }
}

/// Without a licence, 503 for whatever comes.
pub(crate) async fn gate<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match app.withdrawn_from() {
        None => next(request).await,
        Some(edition) => refusal(&edition),
    }
}

fn refusal(edition: &str) -> Response {
    let body = json!({
        "error": "not_licensed",
        "error_description": format!(
            "This Validibot's licence ({edition}) does not include MCP any more. An operator has to renew it"
        ),
        "retry_after_seconds": ASK_AGAIN_AFTER.as_secs(),
    });
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, HeaderValue::from(ASK_AGAIN_AFTER.as_secs()));
    response
}
