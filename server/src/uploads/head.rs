//! An upload's first bytes, looked at before Validibot hears of it.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use super::answer::UploadError;
use crate::validibot::{HEAD_BYTES, Media};

/// The body again, unless it begins in a way that Validibot fails on in a file of this name.
pub(super) async fn checked(file_name: &str, body: Body) -> Result<Body, UploadError> {
    let mut rest = body.into_data_stream();
    let mut head = BytesMut::new();
    while head.len() < HEAD_BYTES
        && let Some(piece) = rest.next().await
    {
        head.extend_from_slice(&piece.map_err(|_| UploadError::Broken)?);
    }
    if Media::of(file_name).trips(&head).is_some() {
        return Err(UploadError::Mismatch(
            "The file begins as a program, an archive or a PDF document does, and its name says that it is text, where \
             Validibot does not accept that. If it is text, let it begin otherwise: put the first name of a table in quotation \
             marks, or a blank line before the first one. If it is not, call prepare_upload with the right extension",
        ));
    }
    let head: Bytes = head.freeze();
    Ok(Body::from_stream(stream::once(std::future::ready(Ok(head))).chain(rest)))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn through(name: &str, pieces: &[&'static [u8]]) -> Option<Bytes> {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece))).collect();
        let body = checked(name, Body::from_stream(stream::iter(pieces))).await.ok()?;
        Some(to_bytes(body, 100).await.expect("a body"))
    }

    #[tokio::test]
    async fn the_body_goes_on_whole_however_it_is_cut() {
        for pieces in [&[&b"a"[..], b"", b"b", b"cdefgh"][..], &[b"abcdefgh"], &[b"abcde", b"fgh"]] {
            assert_eq!(through("t.csv", pieces).await.as_deref(), Some(&b"abcdefgh"[..]));
        }
        assert_eq!(through("t.csv", &[b"a"]).await.as_deref(), Some(&b"a"[..]));
        assert_eq!(through("t.csv", &[b"P", b"K", b"\x03", b"\x04rest"]).await, None);
        assert!(through("t.zip", &[b"PK\x03\x04"]).await.is_some());
    }
}
