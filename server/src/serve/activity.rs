//! What goes on on one connection: whether requests are under way on it, and since when it is silent.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until};

use crate::limits::Engaged;

/// How long a client may leave what is written for it, until it has read so much that the system takes more: an answer that
/// nobody reads would be kept for ever. On HTTP/2, a client that opens no window holds its streams up before they come here: an
/// answer may wait as long for that (`Activity::unread_at`).
pub(super) const UNREAD: Duration = Duration::from_mins(1);

/// Who has begun a request's head and does not finish it is not served.
pub(super) const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long a connection is kept on which nothing is under way. Longer than any client or proxy keeps one for later
/// (Google's load balancers: 600 s): whoever sends a request in the moment in which we close gets no answer to it.
pub(super) const IDLE: Duration = Duration::from_secs(620);
/// The same while there are many connections: each is a file descriptor.
pub(super) const IDLE_IN_A_CROWD: Duration = Duration::from_secs(30);
/// What HTTP/2 begins with (RFC 9113, section 3.4). Anything else is HTTP/1 from the first byte that differs.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Shared by a connection's stream, its requests and its task.
pub(super) struct Activity {
    state: Mutex<State>,
    /// Of the connection's task: requests of HTTP/2 end in tasks of their own.
    task: AtomicWaker,
    engaged: Engaged,
    /// Answers that are not out, on this connection and on all others.
    answers: Arc<AtomicUsize>,
}

struct State {
    /// Requests whose body is still read, or whose answer is not out.
    under_way: usize,
    /// When the last one ended, or the connection began.
    quiet_since: Instant,
    /// When the last bytes came in.
    heard_at: Instant,
    /// Answers of which a piece is there that the client has not made room for, and since when.
    unread_answers: BTreeMap<u64, Instant>,
    next_answer: u64,
    /// When the first bytes of a request came whose head is not complete.
    head_since: Option<Instant>,
    spoken: Spoken,
    /// Whether the client may still be sending a body that nobody reads.
    unread: bool,
    /// Whether a request has ever come in as far as its head.
    asked: bool,
}

enum Spoken {
    /// So much of the preface was seen, and nothing else.
    Unknown(usize),
    Http1,
    Http2,
}

impl Activity {
    /// `answers` counts those of all connections.
    pub(super) fn new(answers: Arc<AtomicUsize>) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            under_way: 0,
            quiet_since: now,
            heard_at: now,
            unread_answers: BTreeMap::new(),
            next_answer: 0,
            head_since: None,
            spoken: Spoken::Unknown(0),
            unread: false,
            asked: false,
        };
        let engaged = Engaged::default();
        Arc::new(Self { state: Mutex::new(state), task: AtomicWaker::new(), engaged, answers })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These bytes were read.
    pub(super) fn heard(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.heard_at = Instant::now();
        if let Spoken::Unknown(seen) = state.spoken {
            let left = &PREFACE[seen..];
            state.spoken = if bytes.starts_with(left) {
                Spoken::Http2
            } else if left.starts_with(bytes) {
                Spoken::Unknown(seen + bytes.len())
            } else {
                Spoken::Http1
            };
        }
        if matches!(state.spoken, Spoken::Http2) {
            // From here on bytes may be pings and settings: only requests count.
            state.head_since = None;
        } else if state.under_way == 0 && !state.unread && !bytes.is_empty() {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    /// A request is under way until what this gives, and each clone of it, is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut state = self.state();
        state.head_since = None;
        state.unread = false;
        state.asked = true;
        state.under_way += 1;
        drop(state);
        UnderWay(self.clone())
    }

    /// Whether the client has begun a request that has not come in whole.
    pub(super) fn is_in_a_head(&self) -> bool {
        self.state().head_since.is_some()
    }

    /// Whether the client may be sending something that nobody is going to read.
    pub(super) fn leaves_bytes(&self) -> bool {
        let state = self.state();
        state.unread || state.head_since.is_some()
    }

    /// Which slots its requests hold.
    pub(super) fn engaged(&self) -> &Engaged {
        &self.engaged
    }

    /// What decides who goes where there is no room: whether anything was ever asked for, and when something was heard last, or
    /// the last request ended.
    pub(super) fn claim(&self) -> (bool, Instant) {
        let state = self.state();
        (state.asked, state.heard_at.max(state.quiet_since))
    }

    /// When a client has left an answer unread for too long. On HTTP/2 it opens no window for it, and nothing of it gets as far
    /// as the system: an answer whose next piece is not asked for is waiting for its client.
    pub(super) fn unread_at(&self) -> Option<Instant> {
        self.state().unread_answers.values().min().map(|since| *since + UNREAD)
    }

    /// How many answers wait for the client.
    pub(super) fn unread_answers(&self) -> usize {
        self.state().unread_answers.len()
    }

    /// Since when no request is under way.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.under_way == 0).then_some(state.quiet_since)
    }

    /// When the connection has been silent for too long, if nothing happens until then. Whose request is half here is
    /// not told that the instance stops before it is whole.
    pub(super) fn overdue_at(&self, idle: Duration, stopping: bool) -> Option<Instant> {
        let state = self.state();
        match state.head_since {
            Some(begun) => Some(begun + HEAD_WITHIN),
            None if stopping => Some(state.quiet_since),
            None if state.under_way > 0 => None,
            None => Some(state.quiet_since + idle),
        }
    }

    /// Waits until the time that `at` gives has come. It may change with everything that happens here, and is asked for
    /// again from time to time, for what happens elsewhere.
    pub(super) async fn until(&self, at: impl Fn() -> Option<Instant>) {
        let mut alarm = pin!(sleep_until(Instant::now() + IDLE_IN_A_CROWD));
        poll_fn(|cx| {
            self.task.register(cx.waker());
            loop {
                let now = Instant::now();
                let Some(at) = at() else { return Poll::Pending };
                if at <= now {
                    return Poll::Ready(());
                }
                if at < alarm.deadline() {
                    alarm.as_mut().reset(at);
                }
                ready!(alarm.as_mut().poll(cx));
                alarm.as_mut().reset(at.min(now + IDLE_IN_A_CROWD));
            }
        })
        .await;
    }
}

/// A request that is under way.
pub(super) struct UnderWay(Arc<Activity>);

impl Clone for UnderWay {
    fn clone(&self) -> Self {
        self.0.state().under_way += 1;
        Self(self.0.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        if state.under_way == 0 {
            state.quiet_since = Instant::now();
            drop(state);
            self.0.task.wake();
        }
    }
}

/// An answer's body, as it goes out. It is the client's turn while the next piece is not asked for.
///
/// On HTTP/2, hyper hands a piece on, whole, once the client has made room for one byte of it, and asks for the next one at
/// once. So pieces are short there, and the last byte is a piece of its own: it goes on when there is room for all the rest, and
/// until then the body is not let go of.
pub(super) struct Leaving {
    body: Body,
    on_http2: bool,
    /// Of the body's last piece, what has not gone on yet.
    rest: Bytes,
    number: u64,
    request: UnderWay,
}

impl Leaving {
    pub(super) fn new(body: Body, request: UnderWay) -> Self {
        let mut state = request.0.state();
        let number = state.next_answer;
        state.next_answer += 1;
        state.unread_answers.insert(number, Instant::now());
        request.0.answers.fetch_add(1, Ordering::Relaxed);
        let on_http2 = matches!(state.spoken, Spoken::Http2);
        drop(state);
        if on_http2 {
            // Its requests are in tasks of their own.
            request.0.task.wake();
        }
        Self { body, on_http2, rest: Bytes::new(), number, request }
    }
}

/// The longest piece on HTTP/2, in bytes: a frame of the size that every client takes (RFC 9113, section 6.5.2). A client that
/// makes room for so much in `UNREAD` is one that reads.
const PIECE: usize = 16 * 1024;

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

impl Leaving {
    /// Keeps back what is more than one piece.
    fn in_pieces(&mut self, polled: Polled) -> Polled {
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled };
        let frame = match frame.into_data() {
            Ok(data) => {
                self.rest = data;
                Frame::data(self.next_piece())
            }
            Err(trailers) => trailers,
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn next_piece(&mut self) -> Bytes {
        let all_but_one = self.rest.len().saturating_sub(1);
        self.rest.split_to(all_but_one.clamp(self.rest.len().min(1), PIECE))
    }
}

impl http_body::Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = if self.rest.is_empty() {
            let polled = Pin::new(&mut self.body).poll_frame(cx);
            if self.on_http2 { self.in_pieces(polled) } else { polled }
        } else {
            Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
        };
        let mut state = self.request.0.state();
        if polled.is_pending() {
            state.unread_answers.remove(&self.number);
        } else {
            state.unread_answers.insert(self.number, Instant::now());
        }
        drop(state);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.request.0.state().unread_answers.remove(&self.number);
        self.request.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request's body, as it comes in.
pub(super) struct Arriving {
    body: Incoming,
    ended: bool,
    request: UnderWay,
}

impl Arriving {
    pub(super) fn new(body: Incoming, request: UnderWay) -> Self {
        Self { body, ended: false, request }
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.ended |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let mut state = self.request.0.state();
        // On HTTP/2 a stream ends by itself.
        if !self.ended && !self.body.is_end_stream() && !matches!(state.spoken, Spoken::Http2) {
            state.unread = true;
        }
    }
}
