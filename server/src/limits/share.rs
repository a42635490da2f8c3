//! A caller's share: of the calls under way, and of the bytes.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::poll;
use http_body::Body as _;
use sha2::{Digest, Sha256};

use super::body::Guarded;
use super::budget::{Full, Share};
use super::engaged::{Engaged, Engagement};
use super::refusal::Refusal;
use super::structure::Structure;
use super::{Limits, MAX_BODY_BYTES};
use crate::base::http_body::holding;
use crate::caller::{Caller, Fingerprint};

/// Finds out who is calling. Who is known already, or refused as it stands, waits for nobody and costs nothing; the others
/// are asked about, so many at once.
pub(crate) async fn introduced<F: Future<Output = Result<Request, Response>>>(
    limits: &Limits,
    request: Request,
    ask: impl FnOnce(Request) -> F,
) -> Result<Request, Response> {
    let engaged = request.extensions().get::<Engaged>().cloned();
    let mut asking = pin!(ask(request));
    if let Poll::Ready(known) = poll!(asking.as_mut()) {
        return known;
    }
    let _place = limits.strangers.take((), 1).map_err(|full| Refusal::from(full).into_response())?;
    let _engagement = engaged.as_ref().map(Engaged::begin);
    asking.await
}

/// What comes last before `/mcp`, once the caller is known and before the body is read.
pub(crate) async fn share<F: Future<Output = Response>>(
    limits: &Limits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    bounded(limits, Some(Structure::default()), request, next).await
}

/// The same before uploads, whose bodies are files as they are. A request extension holds on to the [`Work`], for what goes
/// on when the client has gone.
pub(crate) async fn share_file<F: Future<Output = Response>>(
    limits: &Limits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    bounded(limits, None, request, next).await
}

async fn bounded<F: Future<Output = Response>>(
    limits: &Limits,
    structure: Option<Structure>,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let length = request.body().size_hint().exact();
    if length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Refusal::TooLarge.into_response();
    }
    // Without a length the body may be as large as any.
    let bytes = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(MAX_BODY_BYTES);
    let extensions = request.extensions();
    let key = extensions.get::<Caller>().and_then(|caller| key(caller, extensions.get::<Fingerprint>()));
    let engagement = extensions.get::<Engaged>().map(Engaged::begin);
    let (work, bytes) = match Work::begin(limits, key, bytes, engagement) {
        Ok(begun) => begun,
        Err(full) => return Refusal::from(full).into_response(),
    };
    if structure.is_none() {
        request.extensions_mut().insert(work.clone());
    }
    let (bytes, verdict) = (Arc::new(bytes), Arc::new(OnceLock::new()));
    if structure.is_some() {
        request.extensions_mut().insert(Charge(bytes.clone()));
    }
    let guard = |body| Guarded::new(body, MAX_BODY_BYTES, structure, bytes.clone(), verdict.clone());
    let response = next(request.map(|body| Body::new(guard(body)))).await;
    if let Some(refusal) = verdict.get() {
        return Refusal::into_response(*refusal);
    }
    match response.body().size_hint().exact().map(|length| usize::try_from(length).unwrap_or(usize::MAX)) {
        // It is whole in memory, and the work is done. How fast the client reads is its own affair, but what it leaves in
        // memory stays charged to it.
        Some(length) => {
            drop(work);
            bytes.resize(length);
            if length == 0 { response } else { response.map(|body| holding(body, bytes)) }
        }
        None => response.map(|body| holding(body, (work, bytes))),
    }
}

/// A request extension: what a call is charged with in bytes, for a call that takes in more than its body.
#[derive(Debug, Clone)]
pub(crate) struct Charge(Arc<Share<[u8; 32]>>);

impl Charge {
    /// Takes so many bytes more, until the answer is there; `false` where there are none, or none for this caller.
    pub(crate) fn grow(&self, by: usize) -> bool {
        self.0.grow(by).is_ok()
    }
}

/// A call that is worked on, until the last one who does drops it.
pub(crate) struct Work {
    _call: Share<()>,
    _of_the_caller: Option<Share<[u8; 32]>>,
    _connection: Option<Engagement>,
}

impl Work {
    fn begin(
        limits: &Limits,
        key: Option<[u8; 32]>,
        bytes: usize,
        connection: Option<Engagement>,
    ) -> Result<(Arc<Self>, Share<[u8; 32]>), Full> {
        let call = limits.calls.take((), 1)?;
        // Nobody is known where the server is switched off: nothing but the handshake is answered.
        let of_the_caller = key.map(|key| limits.callers.take(key, 1)).transpose()?;
        let bytes = limits.bytes.take(key.unwrap_or_default(), bytes)?;
        Ok((Arc::new(Self { _call: call, _of_the_caller: of_the_caller, _connection: connection }), bytes))
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
