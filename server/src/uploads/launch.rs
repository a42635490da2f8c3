//! The run of a ticket: started once on an instance, and remembered with the digest of its file.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::answer::UploadError;
use super::head;
use super::ticket::Announced;
use crate::base::hex::hexadecimal;
use crate::validibot::{ApiError, Content, Intent, MAX_FILE_BYTES, Upload, Validibot};

/// A run that is being started, or was.
#[derive(Clone)]
pub(super) struct Launch {
    /// Of the file, in bytes.
    pub(super) length: u64,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<Started, UploadError>;

/// A run that was started.
#[derive(Clone)]
pub(super) struct Started {
    /// What the client is told.
    pub(super) answer: Value,
    /// SHA-256 of the file; `None` where Validibot did not want all of it.
    pub(super) digest: Option<[u8; 32]>,
}

impl Launch {
    /// One whose outcome is to be reported.
    pub(super) fn of(length: u64) -> (watch::Sender<Option<Outcome>>, Self) {
        let (report, outcome) = watch::channel(None);
        (report, Self { length, outcome })
    }

    /// Waits for what came of it.
    pub(super) async fn outcome(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let known = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        // Nobody reports after a panic.
        known.ok().flatten().unwrap_or_else(|| Err(UploadError::Validibot(ApiError::internal())))
    }
}

/// Sends the file on, and starts the run with it.
pub(super) async fn run(validibot: &Validibot, announced: &Announced, body: Body) -> Outcome {
    let Announced { ticket, length } = announced;
    let workflow = ticket.workflow().ok_or(UploadError::Ticket("The upload ticket is of another version"))?;
    let body = head::checked(&ticket.name, body).await?;
    let seen = Seen::default();
    let content: Content = if let Some(expected) = &ticket.sha256 {
        // The bytes have to be known before Validibot hears of them; a file fits in memory, and is charged for.
        verified(body, *length, expected, &seen).await?.into()
    } else {
        let seen = seen.clone();
        reqwest::Body::wrap_stream(body.into_data_stream().inspect_ok(move |piece| seen.take(piece))).into()
    };
    let intent = Intent::Ticket(ticket.id.clone());
    let upload = Upload { name: ticket.name.clone(), content, length: *length, intent };
    let started = validibot.launch(&ticket.caller(), &workflow, upload).await;
    let run = started.map_err(refused)?;
    let get = |key: &str| run.get(key).cloned().unwrap_or_default();
    let answer = json!({
        "run_ref": get("run_ref"),
        "run_id": get("run_id"),
        "state": get("state"),
        "next": { "tool": "wait_for_run", "arguments": { "run_ref": get("run_ref") } },
    });
    Ok(Started { answer, digest: seen.digest(*length) })
}

/// Another instance may have taken the ticket with another file: then Validibot knows.
fn refused(error: ApiError) -> UploadError {
    if error.is_another_file() { UploadError::Used } else { UploadError::Validibot(error) }
}

async fn verified(body: Body, length: u64, expected: &str, seen: &Seen) -> Result<Bytes, UploadError> {
    let bytes = to_bytes(body, MAX_FILE_BYTES).await.map_err(|_| UploadError::Broken)?;
    seen.take(&bytes);
    let digest = seen.digest(length).ok_or(UploadError::Broken)?;
    if bool::from(hexadecimal(&digest).as_bytes().ct_eq(expected.as_bytes())) {
        Ok(bytes)
    } else {
        Err(UploadError::Mismatch("The file has other bytes than the ticket is for: its SHA-256 differs"))
    }
}

/// The digest of a body that nobody keeps.
pub(super) async fn digest(body: Body, length: u64) -> Result<[u8; 32], UploadError> {
    let seen = Seen::default();
    let whole = body.into_data_stream().try_for_each(|piece| {
        seen.take(&piece);
        std::future::ready(Ok(()))
    });
    whole.await.map_err(|_| UploadError::Broken)?;
    seen.digest(length).ok_or(UploadError::Broken)
}

/// A file's bytes, as they pass by. By aws-lc, as [`crate::caller::Fingerprint`].
#[derive(Clone)]
struct Seen(Arc<Mutex<(u64, Context)>>);

impl Default for Seen {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((0, Context::new(&SHA256)))))
    }
}

impl Seen {
    fn take(&self, piece: &Bytes) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0 += piece.len() as u64;
        seen.1.update(piece);
    }

    /// SHA-256, where so many bytes have passed.
    fn digest(&self, length: u64) -> Option<[u8; 32]> {
        let (seen, context) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        context.finish().as_ref().try_into().ok().filter(|_| seen == length)
    }
}
