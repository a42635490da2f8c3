//! The bare proxy: the least that a server between a client and a REST API has to do.

use std::error::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

struct Proxy {
    http: reqwest::Client,
    backend: String,
}

/// As much of a tool call as it takes to ask the backend.
#[derive(Deserialize)]
struct Call {
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    arguments: Arguments,
}

#[derive(Deserialize)]
struct Arguments {
    workflow_ref: String,
}

pub(crate) async fn serve(listener: TcpListener, backend: &str) -> Result<(), Box<dyn Error>> {
    let proxy = Proxy { http: crate::http_client()?, backend: backend.to_owned() };
    let router = Router::new()
        .route("/readyz", get(|| async { "ok" }))
        .route("/mcp", post(forward))
        .with_state(Arc::new(proxy));
    Ok(axum::serve(listener.tap_io(crate::no_delay), router).await?)
}

async fn forward(State(proxy): State<Arc<Proxy>>, Json(call): Json<Call>) -> Response {
    let url = crate::workflow_url(&proxy.backend, &call.params.arguments.workflow_ref);
    let body = async { proxy.http.get(url).send().await?.error_for_status()?.bytes().await };
    match body.await {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
