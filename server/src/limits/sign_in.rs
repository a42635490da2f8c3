//! The routes of signing in: the body first, then a slot for the work.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::poll;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use thiserror::Error;
use tokio::time::timeout;

use super::arriving::Arriving;
use super::budget::Share;
use super::engaged::{Engaged, Engagement};
use super::refusal::Refusal;
use super::{Limits, MAX_FORM_BYTES};

/// For the whole body: 32 KB at 32 kbit/s. Most come with their head.
pub(super) const FORM_WITHIN: Duration = Duration::from_secs(10);

/// What comes last before the routes of signing in.
pub(crate) async fn sign_in<F: Future<Output = Response>>(
    limits: &Limits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let mut request = match with_body_in(limits, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let connection = request.extensions().get::<Engaged>().cloned();
    // Its answers are whole in memory, as small pages and documents are.
    match limits.sign_ins.take((), 1) {
        Ok(slot) => {
            let engagement = Mutex::new(connection.as_ref().map(Engaged::begin));
            let aside = limits.aside.clone();
            let sign_in = Arc::new(SignIn { slot, aside, connection, engagement });
            request.extensions_mut().insert(sign_in.clone());
            let response = next(request).await;
            drop(sign_in);
            response
        }
        Err(full) => Refusal::from(full).into_response(),
    }
}

/// A request extension: the slot of a request that is worked on.
pub(crate) struct SignIn {
    slot: Share<()>,
    aside: Arc<Arriving>,
    connection: Option<Engaged>,
    engagement: Mutex<Option<Engagement>>,
}

/// Too many others wait, or are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("The server has too much to do just now: nothing was done, try again in a moment.")]
pub(crate) struct Crowded;

impl SignIn {
    /// Waits for somebody whom the request names, at nobody's cost: the slot is given back for as long, and where too many wait,
    /// the longest wait ends. What is there already is not waited for.
    pub(crate) async fn aside<T>(&self, there: impl Future<Output = T>) -> Result<T, Crowded> {
        let mut there = pin!(there);
        if let Poll::Ready(there) = poll!(there.as_mut()) {
            return Ok(there);
        }
        self.slot.resize(0);
        self.engage(None);
        let place = self.aside.join();
        let there = tokio::select! {
            there = there => there,
            () = place.taken_away() => return Err(Crowded),
        };
        self.slot.set(1).map_err(|_| Crowded)?;
        self.engage(self.connection.as_ref().map(Engaged::begin));
        Ok(there)
    }

    fn engage(&self, engagement: Option<Engagement>) {
        *self.engagement.lock().unwrap_or_else(PoisonError::into_inner) = engagement;
    }
}

/// The request with its body in memory. It is waited for at nobody's cost: where too many are, the longest wait ends.
async fn with_body_in(limits: &Limits, request: Request) -> Result<Request, Refusal> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let mut reading: Pin<&mut _> = pin!(read(body));
    let body = match poll!(reading.as_mut()) {
        Poll::Ready(body) => body?,
        Poll::Pending => {
            let place = limits.forms.join();
            tokio::select! {
                body = timeout(FORM_WITHIN, reading) => body.map_err(|_| Refusal::TooSlow)??,
                () = place.taken_away() => return Err(Refusal::TooSlow),
            }
        }
    };
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// All of it, or a little more than any of the routes takes: what is wrong with that, each says in its own words.
async fn read(mut body: Body) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    while whole.len() <= MAX_FORM_BYTES
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|_| Refusal::Broken)?;
        if let Some(piece) = frame.data_ref() {
            whole.extend_from_slice(piece);
        }
    }
    Ok(whole.freeze())
}
