//! A refused request's body, taken in and thrown away. A server that answers before it has read everything, and then
//! closes, makes the client's system throw the answer away with the connection (RFC 9112, section 9.6).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::base::http_body::watched;

/// Beyond this a client has not read what the limits are, and gets its answer while it sends.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The same in time.
const MAX_TIME: Duration = Duration::from_secs(10);
/// Who sends nothing for so long may be waiting for the answer, and gets it. If it goes on sending instead, that is taken in
/// once the answer is out (`serve::observed`).
const IDLE: Duration = Duration::from_secs(1);

type Slot = Arc<Mutex<Option<Body>>>;

/// Where the body comes back to when nobody wants the rest of it.
pub(super) struct Leftover(Slot);

impl Leftover {
    pub(super) fn watch(request: Request) -> (Request, Self) {
        let slot = Slot::default();
        let back = slot.clone();
        let give_back = move |left| *back.lock().unwrap_or_else(PoisonError::into_inner) = left;
        (request.map(|body| watched(body, give_back)), Self(slot))
    }

    /// What is left of the body, if anything is.
    pub(super) fn body(self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Takes in a body, within bounds.
pub(super) async fn drain(mut body: Body) {
    let drain = async {
        let mut seen = 0;
        while let Ok(Some(Ok(frame))) = timeout(IDLE, body.frame()).await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > MAX_BYTES {
                break;
            }
        }
    };
    // Too slow is the client's loss.
    let _ = timeout(MAX_TIME, drain).await;
}
