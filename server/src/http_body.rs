//! Reads an upstream's body without trusting its size.

use bytes::{Bytes, BytesMut};
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
