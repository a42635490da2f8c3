//! The listener: one task for each connection, all ended by one token.

use std::io;
use std::net::{IpAddr, SocketAddr};
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

/// Something that listens until it is stopped or dropped.
pub(crate) struct Server {
    /// `http://ADDRESS:PORT`
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Cuts every connection; the port is refused once this returns.
    pub(crate) async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Starts a sandbox.
pub(crate) async fn start(settings: Builder) -> io::Result<Sandbox> {
    let mut shared = None;
    let server = listen(settings.bind, |url| {
        let state = Arc::clone(shared.insert(Arc::new(State::new(settings, url.to_owned()))));
        move |control: Arc<Control>, address: IpAddr| {
            let peer = Peer { state: Arc::clone(&state), control, address };
            Router::new().fallback(dispatch::dispatch).with_state(peer)
        }
    })
    .await?;
    let state = shared.expect("it was made once the port was known");
    Ok(Sandbox { server, state })
}

/// Binds, and serves in the background: `routes` gets the URL and makes what makes each connection's router.
pub(crate) async fn listen<F, R>(bind: SocketAddr, routes: F) -> io::Result<Server>
where
    F: FnOnce(&str) -> R,
    R: Fn(Arc<Control>, IpAddr) -> Router + Send + 'static,
{
    let listener = TcpListener::bind(bind).await?;
    let address = listener.local_addr()?;
    let url = url_of(address);
    let routes = routes(&url);
    let server = Server { url, address, shutdown: CancellationToken::new(), tasks: TaskTracker::new() };
    server.tasks.spawn(accept(listener, routes, server.shutdown.clone(), server.tasks.clone()));
    server.tasks.close();
    Ok(server)
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

async fn accept(
    listener: TcpListener,
    routes: impl Fn(Arc<Control>, IpAddr) -> Router,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let control = Arc::new(Control::default());
                let serving = connection(stream, Arc::clone(&control), routes(control, address.ip()));
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

async fn connection(stream: TcpStream, control: Arc<Control>, router: Router) {
    // Small answers must not wait for the peer's delayed acknowledgement. It is a matter of speed alone.
    let _ = stream.set_nodelay(true);
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new());
    let io = TokioIo::new(Connection::new(stream, control));
    // An error here is a client that went away, or a fault that cut it off.
    let _ = http.serve_connection(io, TowerToHyperService::new(router)).await;
}
