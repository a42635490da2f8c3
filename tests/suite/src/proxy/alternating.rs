//! A proxy that sends each request to the next server: the worst that a load balancer can do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::net;

/// The largest request that a test sends through.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// On the proxy's own answer where no server gave one.
pub const FAILED: &str = "x-proxy-failed";

/// A mistake to make on purpose, at one of so many requests, so that a test can show that it would be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The answer is not passed on: the connection closes.
    DroppedAnswer,
    /// A connection is opened and never closed.
    LeakedDescriptor,
}

/// How often a bug shows.
const ONE_OF: usize = 5;

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Alternating {
    targets: Arc<Targets>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Targets {
    http: reqwest::Client,
    bases: Mutex<Vec<String>>,
    turn: AtomicUsize,
    bug: Mutex<Option<Bug>>,
    leaked: Mutex<Vec<TcpStream>>,
}

impl Alternating {
    /// Listens; [`Self::set`] says where requests go.
    pub fn start(listener: TcpListener) -> Self {
        let targets = Arc::new(Targets {
            http: net::http_client(),
            bases: Mutex::default(),
            turn: AtomicUsize::new(0),
            bug: Mutex::default(),
            leaked: Mutex::default(),
        });
        let router = Router::new().fallback(forward).with_state(targets.clone());
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Self { targets, task }
    }

    /// Where requests go from now on.
    pub fn set(&self, bases: Vec<String>) {
        *self.targets.bases.lock().unwrap_or_else(PoisonError::into_inner) = bases;
    }

    /// Makes a mistake on purpose from now on.
    pub fn misbehave(&self, bug: Bug) {
        *self.targets.bug.lock().unwrap_or_else(PoisonError::into_inner) = Some(bug);
    }

    /// How many requests have gone through.
    pub fn requests(&self) -> usize {
        self.targets.turn.load(Ordering::SeqCst)
    }
}

impl Drop for Alternating {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Forwards everything as it is, the Host header too. A server that is not there is passed over; one that breaks off is
/// 502, for what it has done nobody knows.
async fn forward(State(targets): State<Arc<Targets>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.expect("the request is complete");
    let turn = targets.turn.fetch_add(1, Ordering::SeqCst);
    let bases = targets.bases.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let strikes = turn % ONE_OF == ONE_OF - 1;
    for server in 0..bases.len() {
        let base = &bases[(turn + server) % bases.len()];
        let answer = match send(&targets.http, base, &head, body.clone()).await {
            Err(error) if error.is_connect() => continue,
            Err(_) => break,
            Ok(answer) => answer,
        };
        let bug = *targets.bug.lock().unwrap_or_else(PoisonError::into_inner);
        match bug.filter(|_| strikes) {
            None => {}
            Some(Bug::DroppedAnswer) => return broken(),
            Some(Bug::LeakedDescriptor) => targets.leak(base).await,
        }
        return answer;
    }
    (StatusCode::BAD_GATEWAY, [(FAILED, "1")]).into_response()
}

async fn send(http: &reqwest::Client, base: &str, head: &Parts, body: Bytes) -> reqwest::Result<Response> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = http.request(head.method.clone(), format!("{base}{path}")).headers(head.headers.clone());
    let answer = request.body(body).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    // Whole or not at all: half an answer would be passed on as one.
    let body = answer.bytes().await?;
    let mut response = (status, body).into_response();
    *response.headers_mut() = headers;
    Ok(response)
}

/// An answer that ends before it has begun.
fn broken() -> Response {
    let error = std::io::Error::other("dropped on purpose");
    Response::new(Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(error)])))
}

impl Targets {
    async fn leak(&self, base: &str) {
        if let Ok(stream) = TcpStream::connect(base.trim_start_matches("http://")).await {
            self.leaked.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        }
    }
}
