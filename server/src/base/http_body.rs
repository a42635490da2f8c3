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

/// The body, which holds on to something until it is out or nobody wants the rest of it.
pub(crate) fn holding<T: Send + Unpin + 'static>(body: Body, held: T) -> Body {
    watched(body, move |_| drop(held))
}

/// The body, and what is done once it is out or nobody wants the rest of it, which is handed over, if anything is left.
pub(crate) fn watched<F: FnOnce(Option<Body>) + Send + Unpin + 'static>(body: Body, then: F) -> Body {
    Body::new(Watched { body: Some(body), then: Some(then) })
}

struct Watched<F: FnOnce(Option<Body>)> {
    /// None once it has ended.
    body: Option<Body>,
    then: Option<F>,
}

impl<F: FnOnce(Option<Body>) + Unpin> http_body::Body for Watched<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl<F: FnOnce(Option<Body>)> Drop for Watched<F> {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !http_body::Body::is_end_stream(body));
        if let Some(then) = self.then.take() {
            then(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http_body_util::BodyExt as _;

    use super::*;

    /// What is left of a body when so many of its frames were taken.
    async fn left_after(frames: usize, body: Body) -> Option<usize> {
        let left = Arc::new(Mutex::new(None));
        let kept = left.clone();
        let mut body = watched(body, move |left| *kept.lock().expect("not poisoned") = left);
        for _ in 0..frames {
            let _ = body.frame().await;
        }
        assert!(left.lock().expect("not poisoned").is_none(), "it is still read");
        drop(body);
        let left = left.lock().expect("not poisoned").take()?;
        Some(left.collect().await.expect("the rest").to_bytes().len())
    }

    #[tokio::test]
    async fn what_nobody_wants_comes_back_and_what_is_out_does_not() {
        assert_eq!(left_after(0, Body::from("four")).await, Some(4));
        assert_eq!(left_after(1, Body::from("four")).await, None);
        assert_eq!(left_after(0, Body::empty()).await, None);
        let streamed =
            || Body::from_stream(futures_util::stream::iter(["a", "bc"].map(Ok::<_, axum::Error>)));
        assert_eq!(left_after(1, streamed()).await, Some(2));
        assert_eq!(left_after(3, streamed()).await, None);
    }

    #[tokio::test]
    async fn what_is_held_is_held_to_the_end() {
        let held = Arc::new(());
        let mut body = holding(Body::from("four"), held.clone());
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(4));
        let _ = body.frame().await;
        assert_eq!(Arc::strong_count(&held), 2);
        drop(body);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
