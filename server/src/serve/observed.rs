//! A connection's stream: what comes in is noted, what goes out has to be read, and at its end the client gets to read
//! the last answer.

use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::{Activity, UNREAD};

/// How long a client may take to read its last answer and close, while it still sends what nobody reads.
pub(super) const LINGER: Duration = Duration::from_secs(20);
/// The same in bytes: beyond this a client has not read what the limits are, and gets a broken connection.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// A stream that closes in two steps where the client may be sending still: closed with bytes unread, or sent to
/// afterwards, a connection is reset, and the client's system throws the answer away with it (RFC 9112, section 9.6).
pub(super) struct Observed<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Runs while nothing more can be written.
    stalled: Option<Pin<Box<Sleep>>>,
    end: End,
}

enum End {
    /// It has not come.
    Open,
    /// Our side is closed; what comes in is thrown away.
    Lingering {
        alarm: Pin<Box<Sleep>>,
        left: usize,
    },
    Closed,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity, stalled: None, end: End::Open }
    }

    /// What became of a write; an error where nothing could be written for too long.
    fn patiently<T>(&mut self, cx: &mut Context<'_>, polled: Poll<Result<T>>) -> Poll<Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let alarm = self.stalled.get_or_insert_with(|| Box::pin(sleep(UNREAD)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.activity.heard(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Observed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.patiently(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.end {
                End::Open => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.end = if this.activity.leaves_bytes() {
                        End::Lingering { alarm: Box::pin(sleep(LINGER)), left: LINGER_BYTES }
                    } else {
                        End::Closed
                    };
                }
                End::Lingering { alarm, left } => {
                    let mut space = [0; 8 * 1024];
                    let mut buf = ReadBuf::new(&mut space);
                    match Pin::new(&mut this.stream).poll_read(cx, &mut buf) {
                        Poll::Ready(Ok(())) if !buf.filled().is_empty() && buf.filled().len() <= *left => {
                            *left -= buf.filled().len();
                        }
                        Poll::Ready(_) => this.end = End::Closed,
                        Poll::Pending => {
                            ready!(alarm.as_mut().poll(cx));
                            this.end = End::Closed;
                        }
                    }
                }
                End::Closed => return Poll::Ready(Ok(())),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.patiently(cx, polled)
    }
}
