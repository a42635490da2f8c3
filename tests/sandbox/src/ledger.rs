//! A network's token, a node of it and a facilitator, on loopback, scripted: what payments with x402 are tested against.
//!
//! There is one ledger behind the three, so that what the facilitator settles is what the node shows. Signatures are not
//! checked; the suite has a test with a real token, a real node and a real facilitator for that.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use sandbox::ledger::Ledger;
//! use sandbox::{Fault, Route};
//!
//! let ledger = Ledger::start().await?;
//! ledger.misbehave(Route::Settle, Fault::Status(500));
//! // … start the server under test with ledger.facilitator() and ledger.rpc() …
//! assert!(ledger.transfers().is_empty());
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod book;
mod facilitator;
mod node;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use self::book::Book;
pub use self::book::Transfer;
pub use self::facilitator::Settling;
use crate::answer::{self, Answer};
use crate::api::Payload;
use crate::connection::Control;
use crate::dispatch::{misbehave, read};
use crate::fault::{Fault, Faults};
use crate::received::{Log, Received};
use crate::route::Route;
use crate::serve::{self, Server};
use crate::state::lock;

/// A ledger that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct Ledger {
    server: Server,
    shared: Arc<State>,
}

/// What its requests share.
struct State {
    book: Mutex<Book>,
    settling: Mutex<Settling>,
    faults: Faults,
    log: Log,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Starts one on a free port.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::new(State {
            book: Mutex::default(),
            settling: Mutex::default(),
            faults: Faults::default(),
            log: Log::new(true),
        });
        let state = Arc::clone(&shared);
        let server = serve::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |_| {
            move |control: Arc<Control>, _: IpAddr| {
                Router::new().fallback(dispatch).with_state((Arc::clone(&state), control))
            }
        })
        .await?;
        Ok(Self { server, shared })
    }

    /// The facilitator's base URL.
    pub fn facilitator(&self) -> &str {
        &self.server.url
    }

    /// The node's URL.
    pub fn rpc(&self) -> String {
        format!("{}/rpc", self.server.url)
    }

    /// Every transfer of the token, in order.
    pub fn transfers(&self) -> Vec<Transfer> {
        lock(&self.shared.book).transfers()
    }

    /// How the facilitator settles from now on.
    pub fn settle(&self, how: Settling) {
        *lock(&self.shared.settling) = how;
    }

    /// Mines what is pending.
    pub fn mine(&self) {
        lock(&self.shared.book).mine();
    }

    /// Uses an authorization without the facilitator: for somebody else, say, or for another amount.
    pub fn use_up(&self, from: &str, nonce: &str, to: &str, value: u64) {
        lock(&self.shared.book).transfer(from, nonce, to, value, true);
    }

    /// The same in the block of a past time, in seconds since the Unix epoch.
    pub fn use_up_at(&self, from: &str, nonce: &str, to: &str, value: u64, time: u64) {
        lock(&self.shared.book).transfer_at(from, nonce, to, value, time);
    }

    /// Makes [`Route::Verify`], [`Route::Settle`] or [`Route::Rpc`] misbehave until [`Self::behave`].
    pub fn misbehave(&self, route: Route, fault: Fault) {
        self.shared.faults.add(route, fault, None);
    }

    /// Makes it misbehave for the next `times` requests.
    pub fn misbehave_times(&self, route: Route, fault: Fault, times: u32) {
        self.shared.faults.add(route, fault, Some(times));
    }

    /// Ends all misbehaviour, of settling too.
    pub fn behave(&self) {
        self.shared.faults.clear();
        self.settle(Settling::Mined);
    }

    /// Every request that arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.log.all()
    }

    /// How many requests a path got.
    pub fn asked(&self, path: &str) -> usize {
        self.shared.log.all().iter().filter(|request| request.path == path).count()
    }

    /// Forgets the requests so far.
    pub fn clear_received(&self) {
        self.shared.log.clear();
    }

    /// Stops: the port is refused once this returns.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn dispatch(
    Shared((state, control)): Shared<(Arc<State>, Arc<Control>)>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let id = state.log.arrived(&head);
    let Payload::Whole(body) = read(body).await else {
        return answer::detail(StatusCode::BAD_REQUEST, "The body is too large or ended early.")
            .into_response();
    };
    state.log.completed(id, &body);
    let route = match head.uri.path() {
        "/verify" => Route::Verify,
        "/settle" => Route::Settle,
        "/rpc" => Route::Rpc,
        _ => Route::Other,
    };
    let question: Value = serde_json::from_slice(&body).unwrap_or_default();
    let right = async {
        if head.method != Method::POST {
            return answer::detail(StatusCode::METHOD_NOT_ALLOWED, "Only POST is possible here.");
        }
        match route {
            Route::Verify => facilitator::verify(&mut lock(&state.book), &question),
            Route::Settle => {
                let how = lock(&state.settling).clone();
                facilitator::settle(&mut lock(&state.book), &how, &question)
            }
            Route::Rpc => Answer::json(StatusCode::OK, &node::answer(&mut lock(&state.book), &question)),
            _ => answer::detail(StatusCode::NOT_FOUND, "There is nothing here."),
        }
    };
    match state.faults.take(route) {
        None => right.await.into_response(),
        Some(fault) => misbehave(fault, &control, right).await,
    }
}
