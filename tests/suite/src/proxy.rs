//! Proxies: one that adds a bearer token, for programs that cannot send one; one that takes turns; and one that cuts answers
//! off.

mod alternating;
mod cutting;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::alternating::{Alternating, Bug, FAILED};
pub use self::cutting::Cutting;
use crate::net;

/// The largest request that a test sends through.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    task: JoinHandle<()>,
}

struct Target {
    http: reqwest::Client,
    base: String,
    authorization: HeaderValue,
}

impl Proxy {
    /// Listens on a free port that has been chosen with [`listener`], so that its target could be told.
    pub fn start(listener: TcpListener, base: &str, token: &str) -> Self {
        let url = url(&listener);
        let authorization = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header value");
        let target = Target { http: net::http_client(), base: base.to_owned(), authorization };
        let router = Router::new().fallback(forward).with_state(Arc::new(target));
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Self { url, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A listener on a free port of loopback.
pub async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port")
}

/// `http://127.0.0.1:PORT` of a listener.
pub fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().expect("its address"))
}

/// Forwards everything as it is, the Host header too: it is part of what is tested.
async fn forward(State(target): State<Arc<Target>>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    head.headers.insert(AUTHORIZATION, target.authorization.clone());
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.expect("the request is complete");
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", target.base);
    let sent = target.http.request(head.method, url).headers(head.headers).body(body).send().await;
    let answer = sent.expect("the server answers");
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.extend(answer.headers().clone());
    }
    response.body(Body::from_stream(answer.bytes_stream())).expect("a response")
}
