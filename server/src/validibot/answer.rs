//! Validibot's answers, decoded: three shapes of error body, and none of them trusted (contract, section a).

mod entries;
mod shape;

use std::borrow::Cow;

use bytes::Bytes;
use reqwest::RequestBuilder;
use reqwest::header::RETRY_AFTER;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use self::entries::Entries;
use super::error::{ApiError, FieldError, code};
use crate::http_body;
use crate::json;

/// Far above any catalogue or run: what is larger is not an answer of the contract.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
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

/// An HTTP answer, read to its end.
pub(super) struct Answer {
    status: u16,
    retry_after: Option<u64>,
    body: Bytes,
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
            "Validibot cannot be reached"
        } else {
            "The connection to Validibot broke"
        })
    })?;
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let body = http_body::read(response, MAX_BODY_BYTES).await.map_err(|error| match error {
        http_body::BodyError::TooLarge(_) => not_understood(status),
        http_body::BodyError::Broken => {
            ApiError { transient: true, ..unavailable("The connection to Validibot broke") }
        }
    })?;
    Ok(Answer { status, retry_after, body })
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
    pub(super) fn checked(self) -> Result<Self, ApiError> {
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
            // An HTML 404 is no missing workflow: this Validibot does not have the helper API.
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
