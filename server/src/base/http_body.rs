//! Bodies: an upstream's, read without trusting its size, and our answers'.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::{Frame, SizeHint};
use thiserror::Error;

/// Why a body could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// More bytes than any good answer has.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The connection ended in the middle of it.
    #[error("the answer ended early")]
    Broken,
}

/// Whether the headers announce a page.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The whole body, as long as it has at most `max` bytes.
pub(crate) async fn read(mut response: reqwest::Response, max: usize) -> Result<Bytes, BodyError> {
    if response.content_length().is_some_and(|length| length > max as u64) {
        return Err(BodyError::TooLarge(max));
    }
    // Most answers come in one piece: then nothing is copied.
    let Some(first) = chunk(&mut response).await? else { return Ok(Bytes::new()) };
    let Some(second) = chunk(&mut response).await? else { return within(first, max) };
    let mut whole = BytesMut::from(first.as_ref());
    whole.extend_from_slice(&second);
    while whole.len() <= max {
        match chunk(&mut response).await? {
            Some(piece) => whole.extend_from_slice(&piece),
            None => return within(whole.freeze(), max),
        }
    }
    Err(BodyError::TooLarge(max))
}

async fn chunk(response: &mut reqwest::Response) -> Result<Option<Bytes>, BodyError> {
    response.chunk().await.map_err(|_| BodyError::Broken)
}

fn within(body: Bytes, max: usize) -> Result<Bytes, BodyError> {
    if body.len() > max { Err(BodyError::TooLarge(max)) } else { Ok(body) }
}

/// An answer's body that holds on to something until it is out, or nobody wants it any more.
pub(crate) struct Held<T> {
    body: Body,
    _held: T,
}

impl<T: Send + Unpin + 'static> Held<T> {
    pub(crate) fn new(body: Body, held: T) -> Self {
        Self { body, _held: held }
    }

    pub(crate) fn body(body: Body, held: T) -> Body {
        Body::new(Self::new(body, held))
    }
}

impl<T: Unpin> http_body::Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
