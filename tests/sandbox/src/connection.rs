//! A TCP connection that a fault can cut, before the answer or in the middle of it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::state::lock;

/// How an answer is to be cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Nothing is written; the connection is closed in the ordinary way.
    Before,
    /// The head and this many bytes of the body are written, then the connection is reset.
    AfterBody(usize),
}

/// Tells a connection, from inside a request, how to treat the answer.
#[derive(Default)]
pub(crate) struct Control {
    cut: Mutex<Option<Cut>>,
}

impl Control {
    pub(crate) fn cut(&self, how: Cut) {
        *lock(&self.cut) = Some(how);
    }
}

/// The stream under one HTTP connection.
pub(crate) struct Connection {
    stream: TcpStream,
    control: Arc<Control>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, control: Arc<Control>) -> Self {
        Self { stream, control }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let cut = *lock(&self.control.cut);
        let allowed = match cut {
            None => buf.len(),
            Some(Cut::Before) => 0,
            // The head is written in one piece with what follows; without a head, this is body already.
            Some(Cut::AfterBody(body)) => {
                buf.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4) + body
            }
        };
        let allowed = allowed.min(buf.len());
        if allowed == 0 && cut.is_some() {
            if matches!(cut, Some(Cut::AfterBody(_))) {
                // A close becomes a reset: the client must not take the half for an orderly end.
                self.stream.set_zero_linger()?;
            }
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]))?;
        if let Some(Cut::AfterBody(_)) = cut {
            self.control.cut(Cut::AfterBody(0));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}
