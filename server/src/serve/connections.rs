//! Accepts connections and serves HTTP/1 and HTTP/2 (Cloud Run's end-to-end h2c) on them, with bounds on what a
//! connection may cost.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::response::IntoResponse as _;
use futures_util::{FutureExt as _, poll};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::activity::{Activity, Arriving, IDLE, IDLE_IN_A_CROWD, Leaving};
use super::host;
use super::house::House;
use super::observed::{LINGER, Observed};

/// Per connection, for a head and for pieces of bodies. A bearer has 8 KB at most, an address for signing in 4 KB. hyper's own
/// limit of 400 KB adds up: 64 uploads took 40 MB of buffers alone, and half a head costs as much as the buffer.
const MAX_BUFFER: usize = 16 * 1024;
/// The same for a head of HTTP/2.
const MAX_HEAD: u32 = 16 * 1024;
/// The same for the body of a stream of HTTP/2.
pub(super) const WINDOW: u32 = 64 * 1024;
/// Of a connection of HTTP/2, at once. Its window has room for all of theirs: an upload that waits for Validibot must not hold up
/// the others that a proxy sends on the same connection. As many as one caller's calls.
pub(super) const STREAMS: u32 = 64;
/// As many connections as calls may be under way: with more, idle ones are not kept for long.
pub(super) const CROWD: usize = 256;
/// How long a connection whose end has been announced may stay without a request: for HTTP/2's acknowledgement.
pub(super) const GOODBYE: Duration = Duration::from_secs(30);
/// A pause after a failed accept: mostly there are no file descriptors left, and trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

const _: () = assert!(GOODBYE.as_secs() > LINGER.as_secs(), "the last answer can be read");

/// Serves until `stop` is done, then lets what is under way finish. Returns when all connections are closed.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let connections = Connections::new(router);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => connections.spawn(stream),
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("no connection could be accepted: {error}");
                connections.house.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Clients that the system has accepted already would otherwise be cut off.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        connections.spawn(stream);
    }
    drop(listener);
    connections.stop().await;
}

pub(super) struct Connections {
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    house: Arc<House>,
    /// Whether the instance stops. Each open connection has a receiver.
    stopping: Arc<watch::Sender<bool>>,
}

impl Connections {
    pub(super) fn new(router: Router) -> Self {
        Self::in_house(House::new(), router)
    }

    /// With so much room.
    pub(super) fn in_house(house: Arc<House>, router: Router) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        // The time for a head is taken in `Activity`: hyper's runs while a connection is idle as well.
        builder.http1().header_read_timeout(None).max_buf_size(MAX_BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(MAX_HEAD)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(STREAMS * WINDOW);
        Self { builder: Arc::new(builder), router, house, stopping: Arc::new(watch::Sender::new(false)) }
    }

    fn spawn(&self, stream: tokio::net::TcpStream) {
        // Without TCP_NODELAY, an SSE answer waits 40 ms for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        tokio::spawn(self.attend(stream));
    }

    /// One connection, from its beginning to its end.
    pub(super) fn attend<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
    ) -> impl Future<Output = ()> + use<S> {
        let activity = Activity::new(self.house.answers());
        let service = service_fn({
            let (router, activity, house) = (self.router.clone(), activity.clone(), self.house.clone());
            let stopping = self.stopping.clone();
            move |request: Request<Incoming>| {
                let under_way = activity.begin();
                let on_http1 = request.version() < Version::HTTP_2;
                let (mut head, body) = request.into_parts();
                let judged = host::judge(&head);
                head.extensions.insert(activity.engaged().clone());
                let body = Body::new(Arriving::new(body, under_way.clone()));
                let answer = judged.map(|()| router.clone().oneshot(Request::from_parts(head, body)));
                let (activity, stopping, house) = (activity.clone(), stopping.clone(), house.clone());
                async move {
                    let mut answer = match answer {
                        Ok(answer) => answer.await?,
                        Err(refusal) => refusal.into_response(),
                    };
                    // hyper closes after a body that nobody has read to its end, and does not say so. A client that had
                    // sent the rest meanwhile would take the connection for the next request.
                    if on_http1 && (*stopping.borrow() || activity.leaves_bytes()) {
                        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    house.make_room_for_an_answer();
                    Ok::<_, Infallible>(answer.map(|body| Leaving::new(body, under_way)))
                }
            }
        });
        let (builder, connections) = (self.builder.clone(), self.stopping.clone());
        let mut place = self.house.enter(activity.clone());
        // Counted from here on, and told of a stop that comes before its first turn.
        let mut stopping = self.stopping.subscribe();
        async move {
            let stream = TokioIo::new(Observed::new(stream, activity.clone()));
            // How a connection breaks is the client's affair.
            let mut connection = pin!(builder.serve_connection(stream, service));
            loop {
                let told = *stopping.borrow();
                let idle = || if connections.receiver_count() > CROWD { IDLE_IN_A_CROWD } else { IDLE };
                tokio::select! {
                    biased;
                    _ = connection.as_mut() => return,
                    _ = stopping.wait_for(|stopping| *stopping), if !told => {}
                    () = place.taken_away() => return,
                    () = activity.until(|| earlier(activity.overdue_at(idle(), told), activity.unread_at())) => {}
                }
                // Something may have come in while this process got no time: it is read before anything is judged.
                yield_now().await;
                if poll!(connection.as_mut()).is_ready() {
                    return;
                }
                if activity.unread_at().is_some_and(|at| at <= Instant::now()) {
                    return;
                }
                if activity.overdue_at(idle(), *stopping.borrow()).is_some_and(|at| at <= Instant::now()) {
                    if activity.is_in_a_head() {
                        return;
                    }
                    break;
                }
            }
            connection.as_mut().graceful_shutdown();
            let announced = Instant::now();
            let gone = || activity.quiet_since().map(|since| since.max(announced) + GOODBYE);
            tokio::select! {
                biased;
                _ = connection => {}
                () = place.taken_away() => {}
                () = activity.until(|| earlier(gone(), activity.unread_at())) => {}
            }
        }
    }

    /// Tells every connection that it ends, and waits for that.
    pub(super) async fn stop(self) {
        self.stopping.send_replace(true);
        self.stopping.closed().await;
    }
}

/// The earlier of two moments, of which each may never come.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Errors of the connection that was to be accepted, not of the listener (accept(2)).
fn of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
