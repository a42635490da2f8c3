//! The listener: one task for each connection, all ended by one token.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::builder::Builder;
use crate::connection::{Connection, Control};
use crate::dispatch::{self, Peer};
use crate::running::Sandbox;
use crate::state::State;

/// Binds, and serves in the background.
pub(crate) async fn start(settings: Builder) -> io::Result<Sandbox> {
    let listener = TcpListener::bind(settings.bind).await?;
    let url = url_of(listener.local_addr()?);
    let state = Arc::new(State::new(settings, url.clone()));
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(accept(listener, Arc::clone(&state), shutdown.clone(), tasks.clone()));
    tasks.close();
    Ok(Sandbox { url, state, shutdown, tasks })
}

/// The address as a client on this machine reaches it.
fn url_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

async fn accept(listener: TcpListener, state: Arc<State>, shutdown: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let serving = connection(stream, address, Arc::clone(&state));
                let shutdown = shutdown.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        () = shutdown.cancelled() => {}
                    }
                });
            }
            // Out of file descriptors, mostly: accepting again at once would only spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, address: SocketAddr, state: Arc<State>) {
    // Small answers must not wait for the peer's delayed acknowledgement. It is a matter of speed alone.
    let _ = stream.set_nodelay(true);
    let control = Arc::new(Control::default());
    let peer = Peer { state, control: Arc::clone(&control), address: address.ip() };
    let router = Router::new().fallback(dispatch::dispatch).with_state(peer);
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new());
    let io = TokioIo::new(Connection::new(stream, control));
    // An error here is a client that went away, or a fault that cut it off.
    let _ = http.serve_connection(io, TowerToHyperService::new(router)).await;
}
