//! Accepts connections and serves HTTP/1 and HTTP/2 (Cloud Run's end-to-end h2c) on them, with bounds on what a
//! connection may cost.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use futures_util::FutureExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use super::first_bytes::FirstBytes;

/// Per connection. hyper's own limit of 400 KB adds up: 64 uploads took 40 MB of buffers alone.
const MAX_BUFFER: usize = 64 * 1024;
/// The same for a stream of HTTP/2.
const WINDOW: u32 = 64 * 1024;
/// Who has connected and sends no head is not served.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// A pause after a failed accept: mostly there are no file descriptors left, and trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop` is done, then lets what is under way finish. Returns when all connections are closed.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let builder = builder();
    let connections = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => spawn(&builder, stream, &router, connections.watcher()),
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("no connection could be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Clients that the system has accepted already would otherwise be cut off.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        spawn(&builder, stream, &router, connections.watcher());
    }
    drop(listener);
    // They get their first turn before they are told to finish.
    tokio::task::yield_now().await;
    connections.shutdown().await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(MAX_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW);
    builder
}

fn spawn(builder: &Builder<TokioExecutor>, stream: TcpStream, router: &Router, watcher: Watcher) {
    // Without TCP_NODELAY, an SSE answer waits 40 ms for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service =
        router.clone().map_request(|request: Request<hyper::body::Incoming>| request.map(Body::new));
    let stream = TokioIo::new(FirstBytes::within(HEADERS_WITHIN, stream));
    let connection = builder.serve_connection(stream, TowerToHyperService::new(service)).into_owned();
    tokio::spawn(async move {
        // A connection that breaks is the client's affair.
        let _ = watcher.watch(connection).await;
    });
}

/// Errors of the connection that was to be accepted, not of the listener (accept(2)).
fn of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
