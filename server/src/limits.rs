//! Bounds on what callers may have under way: memory is bounded twice, by bytes in flight before a body is read and by
//! structure while it streams in; calls are bounded in number; and no caller gets more than a share of either.
//!
//! What is refused is refused at once: 503 with `Retry-After`, 413 or 408, as JSON.

mod body;
mod budget;
mod leftover;
mod refusal;
mod structure;

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use sha2::{Digest, Sha256};

use self::body::Guarded;
use self::budget::Budget;
use self::leftover::Leftover;
use self::refusal::Refusal;
use self::structure::Structure;
use crate::app::App;
use crate::caller::{Caller, Fingerprint};
use crate::http_body::Held;
use crate::lifecycle::{Lifecycle, REQUESTS_END_AFTER};
use crate::tools::MAX_BODY_BYTES;
use crate::uploads;

/// What is under way on this instance.
pub struct Limits {
    /// Requests of `/mcp`, from the first header to the end of the answer.
    calls: Budget<()>,
    /// Requests of people and programs that sign in. Nobody knows who they are: they have a budget of their own.
    sign_ins: Budget<()>,
    /// The same by caller.
    callers: Budget<[u8; 32]>,
    /// Bodies, in bytes, by caller.
    bytes: Budget<[u8; 32]>,
}

/// Above Cloud Run's largest sensible concurrency for one CPU. A call that waits costs some 50 KB.
const MAX_CALLS: usize = 256;
/// An agent that waits for many runs at once stays below this; four of them fill an instance.
const MAX_CALLS_OF_ONE: usize = 64;
/// Each takes some milliseconds, or waits for Validibot.
const MAX_SIGN_INS: usize = 64;
/// A body of one large string takes about twice its size in memory while it is handled: 64 MiB of bodies keep an
/// instance below 200 MB.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Three of the largest bodies at once; the rest fits one of another caller.
const MAX_BYTES_OF_ONE: usize = 3 * MAX_BODY_BYTES;

const _: () = assert!(MAX_BYTES_OF_ONE + MAX_BODY_BYTES <= MAX_BYTES, "nobody can be starved by one other");

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: Budget::new(MAX_CALLS, MAX_CALLS),
            sign_ins: Budget::new(MAX_SIGN_INS, MAX_SIGN_INS),
            callers: Budget::new(MAX_CALLS, MAX_CALLS_OF_ONE),
            bytes: Budget::new(MAX_BYTES, MAX_BYTES_OF_ONE),
        }
    }
}

impl Limits {
    /// The requests under way, and the bytes that their bodies are charged with.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        (self.calls.used(), self.bytes.used())
    }
}

/// What comes first, before anybody is asked who is calling: bounds the calls, and takes in what is left of a body that
/// was refused, so that the client reads the answer instead of a broken connection.
pub(crate) async fn admit<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    admitted(&app.limits.calls, &app.lifecycle, request, next).await
}

/// The same for the routes of signing in.
pub(crate) async fn admit_sign_in<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    admitted(&app.limits.sign_ins, &app.lifecycle, request, next).await
}

async fn admitted<F: Future<Output = Response>>(
    budget: &Budget<()>,
    lifecycle: &Lifecycle,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let expects = expects_continue(request.headers());
    let (request, leftover) = Leftover::watch(request);
    let response = match budget.take((), 1) {
        Ok(held) => tokio::select! {
            response = next(request) => response.map(|body| Held::body(body, held)),
            () = lifecycle.stopping_for(REQUESTS_END_AFTER) => Refusal::Stopping.into_response(),
        },
        Err(full) => {
            drop(request);
            Refusal::from(full).into_response()
        }
    };
    // A client that waits for 100 Continue has sent nothing, and shall not begin; one that is too slow was waited for.
    if !expects && response.status() != StatusCode::REQUEST_TIMEOUT {
        tokio::select! {
            () = leftover.drain() => {}
            () = lifecycle.stopping_for(REQUESTS_END_AFTER) => {}
        }
    }
    response
}

/// What comes last before `/mcp`, once the caller is known and before the body is read.
pub(crate) async fn share<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let extensions = request.extensions();
    let key = extensions.get::<Caller>().and_then(|caller| key(caller, extensions.get::<Fingerprint>()));
    bounded(&app.limits, key, Some(Structure::default()), request, next).await
}

/// The same before uploads, whose bodies are files as they are. The ticket stands for its holder.
pub(crate) async fn share_upload<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let ticket = request.headers().get(uploads::HEADER);
    let key = ticket.map(|ticket| Sha256::digest(ticket.as_bytes()).into());
    bounded(&app.limits, key, None, request, next).await
}

async fn bounded<F: Future<Output = Response>>(
    limits: &Limits,
    key: Option<[u8; 32]>,
    structure: Option<Structure>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let length = request.body().size_hint().exact();
    if length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Refusal::TooLarge.into_response();
    }
    // Without a length the body may be as large as any.
    let bytes = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(MAX_BODY_BYTES);
    let held = match key {
        Some(key) => {
            limits.callers.take(key, 1).and_then(|call| Ok((Some(call), limits.bytes.take(key, bytes)?)))
        }
        // Nobody is known: switched off, nothing but the handshake is answered; without a ticket, nothing at all.
        None => limits.bytes.take([0; 32], bytes).map(|bytes| (None, bytes)),
    };
    let (call, bytes) = match held {
        Ok(held) => held,
        Err(full) => return Refusal::from(full).into_response(),
    };
    let (bytes, verdict) = (Arc::new(bytes), Arc::new(OnceLock::new()));
    let guard = |body| Guarded::new(body, MAX_BODY_BYTES, structure, bytes.clone(), verdict.clone());
    let response = next(request.map(|body| Body::new(guard(body)))).await;
    match verdict.get() {
        Some(refusal) => Refusal::into_response(*refusal),
        None => response.map(|body| Held::body(body, (call, bytes))),
    }
}

/// Tells callers apart without keeping their credentials.
fn key(caller: &Caller, bearer: Option<&Fingerprint>) -> Option<[u8; 32]> {
    let (kind, identity) = match caller {
        // Whatever token they come with.
        Caller::Subject(subject) => ("subject", subject.as_str()),
        Caller::ApiToken(_) => return bearer.map(|bearer| bearer.bytes()),
        // Those who pay have no account: together they are one caller, and cannot crowd out the members.
        Caller::Public => ("public", ""),
        Caller::Unchecked => return None,
    };
    Some(Sha256::new().chain_update(kind).chain_update([0]).chain_update(identity).finalize().into())
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
