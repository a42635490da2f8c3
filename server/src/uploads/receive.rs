//! Takes an upload, checks it against its ticket, and sends it on.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Uploads;
use super::answer::UploadError;
use super::launch::{self, Launch};
use super::ticket::{Announced, HEADER, Ticket};
use crate::caller::{Caller, Fingerprint};
use crate::limits::Work;
use crate::validibot::MAX_FILE_BYTES;

/// Judges the head of an upload, and puts its caller into the request; or the answer. Nothing is charged before.
pub(crate) fn admit(uploads: &Uploads, mut request: Request) -> Result<Request, Response> {
    // Any other method is the route's to refuse.
    if request.method() != Method::PUT {
        return Ok(request);
    }
    let announced = announced(uploads, request.headers()).map_err(IntoResponse::into_response)?;
    let caller = announced.ticket.caller();
    let extensions = request.extensions_mut();
    // As a bearer of the same token: all that one caller does has one share.
    if let Caller::ApiToken(token) = &caller {
        extensions.insert(Fingerprint::of(token));
    }
    extensions.insert(caller);
    extensions.insert(Arc::new(announced));
    Ok(request)
}

/// Everything that can be known before the first byte is checked before it.
fn announced(uploads: &Uploads, headers: &HeaderMap) -> Result<Announced, UploadError> {
    if !uploads.enabled {
        return Err(UploadError::SwitchedOff);
    }
    let ticket = open(uploads, headers)?;
    if is_encoded(headers) {
        return Err(UploadError::Encoded);
    }
    let length = length(headers, &ticket)?;
    Ok(Announced { ticket, length })
}

fn open(uploads: &Uploads, headers: &HeaderMap) -> Result<Ticket, UploadError> {
    let text = headers.get(HEADER).and_then(|value| value.to_str().ok()).ok_or(UploadError::Ticket(
        "The request has no upload ticket: call prepare_upload and use its curl command",
    ))?;
    let seal = uploads.seal.as_ref().ok_or(UploadError::Ticket("This server does not accept uploads"))?;
    seal.open(text, uploads.clock.unix()).map_err(|_| {
        UploadError::Ticket("The upload ticket is not good, or not any more: call prepare_upload for another")
    })
}

/// Whether a coding was applied; `identity` and an empty list name none.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}

fn length(headers: &HeaderMap, ticket: &Ticket) -> Result<u64, UploadError> {
    let length: u64 = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .ok_or(UploadError::LengthRequired)?;
    if length > MAX_FILE_BYTES as u64 {
        return Err(UploadError::TooLarge);
    }
    if length == 0 {
        return Err(UploadError::Mismatch("The file is empty: there is nothing to validate"));
    }
    if ticket.size.is_some_and(|size| size != length) {
        return Err(UploadError::Mismatch("The file has another size than the ticket is for"));
    }
    Ok(length)
}

/// `PUT /uploads`, once [`admit`] has let it in.
pub(crate) async fn put(
    State(uploads): State<Arc<Uploads>>,
    Extension(announced): Extension<Arc<Announced>>,
    Extension(work): Extension<Arc<Work>>,
    request: Request,
) -> Response {
    match receive(uploads, announced, work, request.into_body()).await {
        Ok(run) => (StatusCode::ACCEPTED, [(CACHE_CONTROL, "no-store")], Json(run)).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn receive(
    uploads: Arc<Uploads>,
    announced: Arc<Announced>,
    work: Arc<Work>,
    body: Body,
) -> Result<serde_json::Value, UploadError> {
    let (report, launch) = Launch::of(announced.length);
    let entry = uploads.launches.entry_by_ref(&announced.ticket.id).or_insert(launch).await;
    let first = entry.is_fresh();
    let launch = entry.into_value();
    if first {
        // A task of its own: once the body is in, the launch goes on whether the client waits for it or not.
        tokio::spawn(async move {
            let outcome = launch::run(&uploads.validibot, &announced, body).await;
            if outcome.is_err() {
                uploads.launches.invalidate(&announced.ticket.id).await;
            }
            report.send_replace(Some(outcome));
            drop(work);
        });
        return launch.outcome().await.map(|started| started.answer);
    }
    // A repeat, also one that arrives while the first is under way, gets the first one's run, if it is the same file.
    if launch.length != announced.length {
        return Err(UploadError::Used);
    }
    let (digest, outcome) = tokio::join!(launch::digest(body, announced.length), launch.outcome());
    let started = outcome?;
    if started.digest == Some(digest?) { Ok(started.answer) } else { Err(UploadError::Used) }
}
