//! A proxy that sends each request to the next server: the worst that a load balancer can do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use suite::net;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The largest request that a test sends through.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A proxy that runs until it is dropped.
pub(crate) struct Alternating {
    targets: Arc<Targets>,
    task: JoinHandle<()>,
}

struct Targets {
    http: reqwest::Client,
    bases: Mutex<Vec<String>>,
    turn: AtomicUsize,
}

impl Alternating {
    pub(crate) fn start(listener: TcpListener) -> Self {
        let targets = Arc::new(Targets {
            http: net::http_client(),
            bases: Mutex::default(),
            turn: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(forward).with_state(targets.clone());
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Self { targets, task }
    }

    /// Where requests go from now on.
    pub(crate) fn set(&self, bases: Vec<String>) {
        *self.targets.bases.lock().unwrap_or_else(PoisonError::into_inner) = bases;
    }

    /// How many requests have gone through.
    pub(crate) fn requests(&self) -> usize {
        self.targets.turn.load(Ordering::SeqCst)
    }
}

impl Drop for Alternating {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Forwards everything as it is, the Host header too.
async fn forward(State(targets): State<Arc<Targets>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.expect("the request is complete");
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let turn = targets.turn.fetch_add(1, Ordering::SeqCst);
    let base = {
        let bases = targets.bases.lock().unwrap_or_else(PoisonError::into_inner);
        bases[turn % bases.len()].clone()
    };
    let sent = targets.http.request(head.method, format!("{base}{path}")).headers(head.headers).body(body);
    let answer = sent.send().await.expect("the server answers");
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.extend(answer.headers().clone());
    }
    response.body(Body::from_stream(answer.bytes_stream())).expect("a response")
}
