//! A connection on which something has to come: hyper's own limit begins only once it knows which HTTP is spoken, and
//! until then a silent client would be kept for ever.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What HTTP/2 begins with (RFC 9113, section 3.4). Anything else is HTTP/1 from the first byte that differs.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that fails where its first bytes do not come in time.
pub(super) struct FirstBytes<S> {
    stream: S,
    /// How much of the preface was seen.
    seen: usize,
    /// Until it is known which HTTP is spoken.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S> FirstBytes<S> {
    pub(super) fn within(limit: Duration, stream: S) -> Self {
        Self { stream, seen: 0, alarm: Some(Box::pin(sleep(limit))) }
    }

    fn take(&mut self, bytes: &[u8]) {
        let left = &PREFACE[self.seen..];
        if bytes.len() < left.len() && left.starts_with(bytes) {
            self.seen += bytes.len();
        } else {
            self.alarm = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            if this.alarm.is_some() {
                this.take(&buf.filled()[before..]);
            }
            return Poll::Ready(read);
        }
        let Some(alarm) = &mut this.alarm else { return Poll::Pending };
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// What reading goes on to give once `sent` has come and nothing follows; `None` where it waits.
    async fn after(sent: &[&[u8]]) -> Option<ErrorKind> {
        let (mut client, server) = tokio::io::duplex(1024);
        let mut server = FirstBytes::within(LIMIT, server);
        let mut buffer = [0; 64];
        for piece in sent {
            client.write_all(piece).await.expect("sent");
            server.read_exact(&mut buffer[..piece.len()]).await.expect("read");
        }
        let read = tokio::time::timeout(LIMIT * 2, server.read(&mut buffer)).await;
        read.ok().map(|read| read.expect_err("nothing is there to read").kind())
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_or_stops_in_the_preface_is_not_kept() {
        assert_eq!(after(&[]).await, Some(ErrorKind::TimedOut));
        assert_eq!(after(&[b"P"]).await, Some(ErrorKind::TimedOut));
        assert_eq!(after(&[b"PRI * HT", b"TP/2.0\r\n\r\nSM"]).await, Some(ErrorKind::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn once_it_is_known_what_is_spoken_others_watch() {
        assert_eq!(after(&[b"PO"]).await, None);
        assert_eq!(after(&[b"GET /"]).await, None);
        assert_eq!(after(&[PREFACE]).await, None);
        assert_eq!(after(&[&PREFACE[..10], &PREFACE[10..]]).await, None);
    }
}
