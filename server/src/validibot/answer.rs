//! Validibot's answers, decoded: three shapes of error body, and none of them trusted (contract, section a).

mod condense;
mod entries;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod page;
mod shape;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use self::condense::Condenser;
use self::entries::Entries;
pub(super) use self::page::Org;
use super::error::{ApiError, FieldError, code};
use crate::base::http_body;
use crate::base::json::{self, Scan};
use crate::base::trouble;
use crate::config::Reach;

/// Far above any catalogue or run: what is larger is not an answer of the contract.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// An object that is longer is condensed while it is received.
const CONDENSED_FROM: usize = 1024 * 1024;
/// Answers that are longer than that and in memory at once, of all calls: the others wait, with as much as they have. One caller may
/// have 64 calls under way, and at 8 MB each they would be half a gigabyte.
static LONG: Semaphore = Semaphore::const_new(8);
/// A report of some two hundred thousand findings. More is not received.
const MAX_RECEIVED: usize = 64 * 1024 * 1024;
/// A definition of this much structure takes some 20 MB as a tree; one with a thousand parameters has a tenth of it.
const MAX_NODES: usize = 100_000;
/// A refusal has a sentence and some fields.
const MAX_NODES_OF_REFUSAL: usize = 2_000;
/// Bounds what of Validibot's own words goes on to a model.
const MAX_DETAIL_CHARS: usize = 500;
/// Bounds the field errors that go on.
const MAX_FIELD_ERRORS: usize = 20;
/// Seconds to wait after a 429 that does not say for how long, as a proxy's own limiter may send it: Validibot's
/// throttle always says (contract, section a).
const UNSAID_RETRY_AFTER: u64 = 60;

/// What an agent is told of a Validibot that does not take how this server calls it.
const NOT_LET_IN: &str = "Validibot does not let this server in, by the way in which it is called. An operator has to \
                          change a setting, which the server's log names; your account is not the cause";

/// An HTTP answer, read to its end.
pub(super) struct Answer {
    status: u16,
    /// Whether it is a page.
    html: bool,
    retry_after: Option<u64>,
    /// Of a replay: the id of the request that was answered so at first (contract of 0.16, B4).
    replay_of: Option<Box<str>>,
    body: Bytes,
    /// Until it is read, where it is a long one.
    _place: Option<SemaphorePermit<'static>>,
}

/// Sends a request once and reads the answer, all by the deadline.
pub(super) async fn send(request: RequestBuilder, deadline: Instant) -> Result<Answer, ApiError> {
    match timeout_at(deadline, receive(request)).await {
        Ok(answer) => answer,
        Err(_) => Err(ApiError {
            status: Some(504),
            transient: true,
            ..unavailable("Validibot did not answer in time")
        }),
    }
}

async fn receive(request: RequestBuilder) -> Result<Answer, ApiError> {
    let response = request.send().await.map_err(|error| ApiError {
        transient: true,
        // Without a connection no request was sent.
        no_effect: error.is_connect(),
        ..unavailable(if error.is_connect() {
            // Whoever reads the log can change it.
            tracing::warn!("Validibot cannot be reached: {}", trouble::reason(&error));
            "Validibot cannot be reached"
        } else {
            "The connection to Validibot broke"
        })
    })?;
    let status = response.status().as_u16();
    let html = http_body::is_html(response.headers());
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let replay_of = replay_of(response.headers());
    let (body, place) = body(response, status).await?;
    Ok(Answer { status, html, retry_after, replay_of, body, _place: place })
}

/// The request that is answered again, where it is one.
fn replay_of(headers: &HeaderMap) -> Option<Box<str>> {
    let replayed = headers.get("idempotent-replayed").is_some_and(|value| value == "true");
    let original = || headers.get("original-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    replayed.then(|| original().into())
}

/// The whole body where it is of ordinary length, and what matters of a longer one, with its place.
async fn body(
    mut response: reqwest::Response,
    status: u16,
) -> Result<(Bytes, Option<SemaphorePermit<'static>>), ApiError> {
    // Most answers come in one piece: then nothing is copied.
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    let mut long: Option<Box<Condenser>> = None;
    let mut place = None;
    let mut received = 0;
    // A list is kept whole: at once in its length where that is an ordinary one, so that it is not copied as it grows.
    let length =
        response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|_| ApiError { transient: true, ..unavailable("The connection to Validibot broke") })?
    {
        received += piece.len();
        if received > CONDENSED_FROM && place.is_none() {
            // It is never closed.
            place = LONG.acquire().await.ok();
        }
        if let Some(condenser) = &mut long {
            if received > MAX_RECEIVED || condenser.take(&piece).is_err() {
                return Err(too_large(status, condenser));
            }
            continue;
        }
        if received == piece.len() && received <= CONDENSED_FROM {
            first = Some(piece);
            continue;
        }
        if let Some(first) = first.take() {
            if first.trim_ascii_start().first() == Some(&b'[') {
                whole.reserve(length.min(CONDENSED_FROM));
            }
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&piece);
        if whole.len() > CONDENSED_FROM && whole.trim_ascii_start().first() == Some(&b'{') {
            let condenser = long.insert(Box::default());
            if condenser.take(&std::mem::take(&mut whole)).is_err() {
                return Err(too_large(status, condenser));
            }
        } else if whole.len() > MAX_BODY_BYTES {
            return Err(not_understood(status));
        }
    }
    let whole = match long {
        Some(condenser) => condenser.into_bytes().into(),
        None => first.unwrap_or_else(|| whole.freeze()),
    };
    Ok((whole, place))
}

/// An agent is told at least how its run ended.
fn too_large(status: u16, condenser: &Condenser) -> ApiError {
    let (Some(state), result) = condenser.verdict() else { return not_understood(status) };
    let result = result.map_or(String::new(), |result| format!(" and its result {result}"));
    let message = format!(
        "The run's state is {state}{result}; its report is larger than this server reads. The whole of it is in \
         Validibot's own interface"
    );
    ApiError { status: Some(status), ..ApiError::new(code::API_ERROR, message) }
}

/// Without an answer, the status is the one that a gateway would give.
fn unavailable(message: &str) -> ApiError {
    ApiError { status: Some(503), ..ApiError::new(code::UPSTREAM_UNAVAILABLE, message) }
}

fn not_understood(status: u16) -> ApiError {
    ApiError {
        status: Some(status),
        ..ApiError::new(code::API_ERROR, "Validibot's answer could not be understood")
    }
}

impl Answer {
    /// The answer itself where it is a success, else the error that it stands for.
    pub(super) fn checked(self, reach: &Reach) -> Result<Self, ApiError> {
        if let Some(cause) = reach.refusal(self.status, self.html) {
            // Whoever calls cannot change it; whoever reads the log can.
            tracing::error!("Validibot does not let this server in: {cause}");
            let not_let_in = self.with_status(ApiError::new(code::API_ERROR, NOT_LET_IN));
            // What production settings answer before any other check; a redirect of another kind may be anybody's.
            return Err(ApiError { no_effect: matches!(self.status, 301 | 400), ..not_let_in });
        }
        match self.status {
            200..=299 => Ok(self),
            400..=499 => Err(self.refusal()),
            500..=599 => Err(ApiError {
                // A plain 500 comes back for the same request; the others pass.
                transient: self.status != 500,
                retry_after: self.retry_after,
                ..self.with_status(unavailable("Validibot failed to answer"))
            }),
            _ => Err(not_understood(self.status)),
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// An answer that was put together here.
    pub(super) fn made(body: Bytes) -> Self {
        Self { status: 200, html: false, retry_after: None, replay_of: None, body, _place: None }
    }

    /// The request that this answer was given to at first, where it is a replay.
    pub(super) fn replay_of(&self) -> Option<&str> {
        self.replay_of.as_deref()
    }

    /// By which code it is counted, where it is no success.
    pub(super) fn code(&self) -> Option<Cow<'static, str>> {
        match self.status {
            200..=299 => None,
            400..=499 => Some(self.refusal().code),
            500..=599 => Some(code::UPSTREAM_UNAVAILABLE.into()),
            _ => Some(code::API_ERROR.into()),
        }
    }

    /// Whether it is a refusal with this code.
    pub(super) fn says(&self, code: &str) -> bool {
        (400..500).contains(&self.status)
            && json::read::<Map<String, Value>>(&self.body, MAX_NODES_OF_REFUSAL)
                .is_ok_and(|body| body.get("code").is_some_and(|said| said == code))
    }

    /// What a refusal of one of the two identities says. It is compared, and never shown.
    pub(super) fn unauthorized_body(&self) -> Option<Bytes> {
        (self.status == 401).then(|| self.body.clone())
    }

    /// A list whose entries stand for themselves: those that are not `good` are left out.
    fn list(self, good: impl Fn(&Value) -> bool) -> Result<Vec<Value>, ApiError> {
        let mut entries: Entries =
            serde_json::from_slice(&self.body).map_err(|_| not_understood(self.status))?;
        entries.retain(good);
        let Entries { list, left_out } = entries;
        if left_out > 0 {
            tracing::warn!(left_out, read = list.len(), "entries of Validibot's list could not be read");
        }
        if list.is_empty() && left_out > 0 { Err(not_understood(self.status)) } else { Ok(list) }
    }

    fn object(self) -> Result<Map<String, Value>, ApiError> {
        json::read(&self.body, MAX_NODES).map_err(|error| {
            tracing::warn!(status = self.status, %error, "an answer of Validibot could not be read");
            not_understood(self.status)
        })
    }

    /// A run, which may be condensed where it has more structure than is read.
    fn run_object(mut self) -> Result<Map<String, Value>, ApiError> {
        let mut scan = Scan::default();
        scan.take(&self.body);
        if scan.nodes() > MAX_NODES {
            let mut condenser = Condenser::default();
            if condenser.take(&self.body).is_err() {
                return Err(too_large(self.status, &condenser));
            }
            self.body = condenser.into_bytes().into();
        }
        self.object()
    }

    fn with_status(&self, error: ApiError) -> ApiError {
        ApiError { status: Some(self.status), ..error }
    }

    /// A definite no: Validibot did nothing.
    fn refusal(&self) -> ApiError {
        let body: Option<Map<String, Value>> = json::read(&self.body, MAX_NODES_OF_REFUSAL).ok();
        let known = body.is_some();
        let body = body.unwrap_or_default();
        let said = detail(&body);
        let (ours, fallback): (&'static str, &str) = match self.status {
            400 => (code::INVALID_PARAMS, "Validibot does not accept the request"),
            // The same answer for all causes; that a user was accepted a moment ago makes it our identity.
            401 => (
                code::SERVICE_AUTH_FAILED,
                "Validibot does not accept this server's identity, or not for this user. An operator has to compare \
                 the two configurations",
            ),
            402 => (code::PAYMENT_REQUIRED, "This workflow has to be paid for"),
            403 => (code::FORBIDDEN, "Validibot does not allow this"),
            404 if known => (code::NOT_FOUND, "There is no such workflow or run, or it is not yours to see"),
            409 => (code::CONFLICT, "The workflow's state does not allow this"),
            413 => (code::INVALID_PARAMS, "The file is larger than Validibot accepts"),
            429 => (code::RATE_LIMITED, "Too many requests of this user: wait before the next one"),
            // An HTML 404 is no missing workflow: this Validibot does not have the endpoint.
            _ => (code::API_ERROR, "Validibot refused the request in a way that its API does not describe"),
        };
        // The 401's text tells an outsider which half of the proof was wrong, and nothing to the user.
        let (code, message): (Cow<'static, str>, String) = match upstream_code(&body) {
            Some(code) if self.status != 401 => (code.into(), said.unwrap_or_else(|| fallback.to_owned())),
            _ => (ours.into(), fallback.to_owned()),
        };
        let limited = self.status == 429;
        ApiError {
            retry_after: self.retry_after.or(limited.then_some(UNSAID_RETRY_AFTER)),
            transient: limited,
            no_effect: true,
            endpoint_gone: self.status == 404 && !known,
            errors: field_errors(&body, self.status),
            ..self.with_status(ApiError::new(code, message))
        }
    }
}

/// Shape 2's `code`, where it has the form of one.
fn upstream_code(body: &Map<String, Value>) -> Option<String> {
    let code = body.get("code")?.as_str()?;
    let good = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    good.then(|| code.to_owned())
}

/// The `detail` of shapes 1 and 2: a sentence for callers, by contract.
fn detail(body: &Map<String, Value>) -> Option<String> {
    let detail = body.get("detail")?.as_str()?.trim();
    (!detail.is_empty()).then(|| short(detail))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_DETAIL_CHARS).collect()
}

/// Shape 2's `errors`, or shape 3's whole body.
fn field_errors(body: &Map<String, Value>, status: u16) -> Vec<FieldError> {
    if let Some(Value::Array(errors)) = body.get("errors") {
        return errors
            .iter()
            .filter_map(|error| {
                let text = |key| error.get(key).and_then(Value::as_str).map(short);
                Some(FieldError { field: text("field")?, message: text("message")? })
            })
            .take(MAX_FIELD_ERRORS)
            .collect();
    }
    if status != 400 || body.contains_key("detail") {
        return Vec::new();
    }
    body.iter()
        .flat_map(|(field, messages)| {
            let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
            messages.iter().filter_map(move |message| {
                Some(FieldError { field: short(field), message: short(message.as_str()?) })
            })
        })
        .take(MAX_FIELD_ERRORS)
        .collect()
}

#[cfg(test)]
mod tests;
