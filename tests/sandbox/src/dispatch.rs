//! One request's way: record, misbehave if scripted, answer.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;

use crate::answer::{self, Answer};
use crate::api::{self, Call, Payload};
use crate::connection::{Control, Cut};
use crate::fault::Fault;
use crate::fixtures::HTML_MARKER;
use crate::json::with_wrong_types;
use crate::route;
use crate::state::State;

/// Django's `DATA_UPLOAD_MAX_MEMORY_SIZE`, in bytes of the whole body (contract, A5, surprise 3).
const MAX_BODY: usize = 10_485_760;

/// How much of a body that is over the limit is read and thrown away, so that its sender comes to read the
/// answer. Beyond it the connection just closes.
const MAX_DISCARDED: usize = 64 << 20;

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) state: Arc<State>,
    pub(crate) control: Arc<Control>,
    pub(crate) address: IpAddr,
}

/// Handles one request.
pub(crate) async fn dispatch(Shared(peer): Shared<Peer>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let id = peer.state.log.arrived(&head);
    let payload = read(body).await;
    if let Payload::Whole(bytes) = &payload {
        peer.state.log.completed(id, bytes);
    }
    let target = route::resolve(head.uri.path());
    let fault = peer.state.faults.take(target.route());
    let call = Call { state: &peer.state, address: peer.address, head: &head, payload };
    match fault {
        None => api::answer(call, target).await.into_response(),
        Some(fault) => misbehave(fault, &peer.control, api::answer(call, target)).await,
    }
}

/// The body, as far as it may be kept.
pub(crate) async fn read(mut body: Body) -> Payload {
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Payload::Broken };
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if seen <= MAX_DISCARDED {
            kept = BytesMut::new();
        } else {
            break;
        }
    }
    if seen > MAX_BODY { Payload::TooLarge } else { Payload::Whole(kept.freeze()) }
}

/// `right` is the answer that a fault spoils; the ones that never answer do not ask for it.
pub(crate) async fn misbehave(
    fault: Fault,
    control: &Control,
    right: impl Future<Output = Answer>,
) -> Response<Body> {
    let answer = match fault {
        Fault::Status(status) => answer::detail(code(status), "This answer is scripted."),
        Fault::StatusWithRetryAfter(status, seconds) => {
            answer::detail(code(status), "This answer is scripted.")
                .with(header::RETRY_AFTER, &seconds.to_string())
        }
        Fault::Coded(status, name) => answer::coded(code(status), &name, "This answer is scripted."),
        Fault::Body { status, content_type, bytes } => Answer::new(code(status), &content_type, bytes),
        Fault::Html(status) => Answer::html(code(status), format!("<!doctype html><h1>{HTML_MARKER}</h1>\n")),
        Fault::Delay(length) => {
            tokio::time::sleep(length).await;
            right.await
        }
        Fault::Hang => pending().await,
        Fault::Cut => {
            control.cut(Cut::Before);
            Answer::html(StatusCode::OK, Bytes::new())
        }
        Fault::CutMidway => {
            let right = right.await;
            control.cut(Cut::AfterBody(right.body.len() / 2));
            right
        }
        Fault::TruncatedJson => {
            let mut right = right.await;
            right.body.truncate(right.body.len() / 2);
            right
        }
        Fault::WrongTypes => {
            let mut right = right.await;
            let value = serde_json::from_slice(&right.body).unwrap_or_default();
            right.body = with_wrong_types(value).to_string().into();
            right
        }
        Fault::Redirect(location) => {
            Answer::html(StatusCode::FOUND, Bytes::new()).with(header::LOCATION, &location)
        }
        Fault::Oversized(size) => return oversized(size),
    };
    answer.into_response()
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a scripted status is between 100 and 999")
}

/// A JSON string of `size` bytes, made while it is sent, so that it costs the sandbox nothing.
fn oversized(size: usize) -> Response<Body> {
    const CHUNK: &[u8] = &[b'a'; 64 * 1024];
    let middle = size.saturating_sub(2);
    let whole = std::iter::repeat_n(Bytes::from_static(CHUNK), middle / CHUNK.len());
    let rest = Bytes::from_static(&CHUNK[..middle % CHUNK.len()]);
    let quote = || std::iter::once(Bytes::from_static(b"\""));
    let chunks = quote().chain(whole).chain(std::iter::once(rest)).chain(quote());
    let mut response = Response::new(Body::from_stream(stream::iter(chunks.map(Ok::<_, std::io::Error>))));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CONTENT_LENGTH, (middle + 2).into());
    response
}
