//! Takes an upload, checks it against its ticket, and sends it on.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use moka::future::Cache;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::answer::UploadError;
use super::head;
use super::ticket::{HEADER, LIFETIME, Ticket};
use crate::app::App;
use crate::hex::hexadecimal;
use crate::validibot::{MAX_FILE_BYTES, Upload};

/// How many tickets' runs are remembered, at some 300 bytes each. A repeat of one beyond them starts another run.
const MAX_REMEMBERED: u64 = 10_000;

/// The runs of the tickets that were used on this instance.
pub(crate) struct Uploads {
    runs: Cache<String, Value>,
}

impl Uploads {
    pub(crate) fn new() -> Self {
        Self { runs: Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(LIFETIME).build() }
    }
}

/// `PUT /uploads`.
pub(crate) async fn put(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    match receive(&app, &headers, body).await {
        Ok(run) => (StatusCode::ACCEPTED, [(CACHE_CONTROL, "no-store")], Json(run)).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn receive(app: &App, headers: &HeaderMap, body: Body) -> Result<Value, UploadError> {
    if !app.settings.enabled {
        return Err(UploadError::SwitchedOff);
    }
    let ticket = open(app, headers)?;
    let length = length(headers, &ticket)?;
    // A repeat, also one that arrives while the first is under way, gets the first one's run.
    app.uploads
        .runs
        .try_get_with(ticket.id.clone(), launch(app, &ticket, length, body))
        .await
        .map_err(|error: Arc<UploadError>| (*error).clone())
}

fn open(app: &App, headers: &HeaderMap) -> Result<Ticket, UploadError> {
    let text = headers.get(HEADER).and_then(|value| value.to_str().ok()).ok_or(UploadError::Ticket(
        "The request has no upload ticket: call prepare_upload and use its curl command",
    ))?;
    let seal = app.seal.as_ref().ok_or(UploadError::Ticket("This server takes no uploads"))?;
    seal.open(text, app.clock.unix()).map_err(|_| {
        UploadError::Ticket("The upload ticket is not good, or not any more: call prepare_upload for another")
    })
}

/// Everything that can be known before the first byte is checked before it.
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

async fn launch(app: &App, ticket: &Ticket, length: u64, body: Body) -> Result<Value, UploadError> {
    let workflow = ticket.workflow().ok_or(UploadError::Ticket("The upload ticket is of another version"))?;
    let body = head::checked(&ticket.name, body).await?;
    let content = match &ticket.sha256 {
        // The bytes have to be known before Validibot hears of them; a file fits in memory, and is charged for.
        Some(expected) => verified(body, length, expected).await?.into(),
        None => reqwest::Body::wrap_stream(body.into_data_stream()),
    };
    let upload = Upload { name: ticket.name.clone(), content, length };
    let run =
        app.validibot.launch(&ticket.caller(), &workflow, upload).await.map_err(UploadError::Validibot)?;
    let get = |key: &str| run.get(key).cloned().unwrap_or_default();
    Ok(json!({
        "run_ref": get("run_ref"),
        "run_id": get("run_id"),
        "state": get("state"),
        "next": { "tool": "wait_for_run", "arguments": { "run_ref": get("run_ref") } },
    }))
}

async fn verified(body: Body, length: u64, expected: &str) -> Result<bytes::Bytes, UploadError> {
    let bytes = to_bytes(body, MAX_FILE_BYTES).await.map_err(|_| UploadError::Broken)?;
    if bytes.len() as u64 != length {
        return Err(UploadError::Broken);
    }
    let actual = hexadecimal(&Sha256::digest(&bytes));
    if bool::from(actual.as_bytes().ct_eq(expected.as_bytes())) {
        Ok(bytes)
    } else {
        Err(UploadError::Mismatch("The file has other bytes than the ticket is for: its SHA-256 differs"))
    }
}
