//! A request's body that keeps to the limits while it comes in.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::budget::Share;
use super::refusal::Refusal;
use super::structure::Structure;

/// 15 MB at 2 Mbit/s. While a body comes in, it holds a part of everybody's budget.
pub(super) const DEADLINE: Duration = Duration::from_mins(1);
/// Between two pieces: who says nothing for so long has gone.
pub(super) const IDLE: Duration = Duration::from_secs(10);
/// What counts as a piece: 13 kbit/s. Whoever drips is as good as gone. The end of a body counts whatever it is.
pub(super) const PIECE: usize = 16 * 1024;

/// A request's body, checked while it streams by.
pub(super) struct Guarded {
    body: Body,
    max: usize,
    seen: usize,
    /// What there has to be until a piece has come.
    piece_at: usize,
    /// Where the body is JSON.
    structure: Option<Structure>,
    charge: Arc<Share<[u8; 32]>>,
    verdict: Arc<OnceLock<Refusal>>,
    deadline: Instant,
    /// When the next piece has to be there.
    next: Instant,
    /// Set where a piece has to be waited for. Most bodies are there with their head, and a timer that is earlier than all
    /// others wakes the runtime: a write to the system for each call.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    /// `charge` becomes the real size, and that of the tree, once they are known; `verdict` says what was wrong, where something was.
    pub(super) fn new(
        body: Body,
        max: usize,
        structure: Option<Structure>,
        charge: Arc<Share<[u8; 32]>>,
        verdict: Arc<OnceLock<Refusal>>,
    ) -> Self {
        let now = Instant::now();
        let (deadline, next) = (now + DEADLINE, now + IDLE);
        Self { body, max, seen: 0, piece_at: PIECE, structure, charge, verdict, deadline, next, alarm: None }
    }

    fn check(&mut self, data: &Bytes) -> Result<(), Refusal> {
        self.seen += data.len();
        if self.seen > self.max {
            Err(Refusal::TooLarge)
        } else {
            self.structure.as_mut().map_or(Ok(()), |structure| structure.take(data))?;
            let now = Instant::now();
            // What is here although it is late has waited for whoever reads this.
            if self.seen >= self.piece_at || now >= self.next {
                self.piece_at = self.seen + PIECE;
                self.next = self.deadline.min(now + IDLE);
            }
            Ok(())
        }
    }

    /// The whole body is there: it is charged with what it takes from here on.
    fn settle(&self) -> Result<(), Refusal> {
        let tree = self.structure.as_ref().map_or(0, Structure::cost);
        self.charge.set(self.seen + tree).map_err(Refusal::from)
    }

    /// Waits for the moment when the next piece has to be there.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = self.next;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(next)));
        if alarm.deadline() != next {
            alarm.as_mut().reset(next);
        }
        alarm.as_mut().poll(cx)
    }

    fn refuse<T>(&self, refusal: Refusal) -> Poll<Option<Result<T, BoxError>>> {
        let _ = self.verdict.set(refusal);
        Poll::Ready(Some(Err("the body is outside the limits, or broken".into())))
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref().map(|data| this.check(data)) {
                Some(Err(refusal)) => this.refuse(refusal),
                Some(Ok(())) | None => Poll::Ready(Some(Ok(frame))),
            },
            Poll::Ready(Some(Err(_))) => this.refuse(Refusal::Broken),
            Poll::Ready(None) => match this.settle() {
                Ok(()) => Poll::Ready(None),
                Err(full) => this.refuse(full),
            },
            Poll::Pending => match this.overdue(cx) {
                Poll::Ready(()) => this.refuse(Refusal::TooSlow),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
