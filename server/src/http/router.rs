//! A flat list of routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, put};
use rmcp::ServerHandler;

use super::authenticate::authenticate;
use super::license_gate::gate;
use super::measure::measure;
use super::{absent, browsers, card, people, public};
use crate::app::App;
use crate::mcp::Tools;
use crate::{limits, mcp, oauth, payments, uploads};

/// Every route that the server answers. What is not listed is 404.
pub fn router(app: &Arc<App>) -> Router {
    router_with(app, Tools::new(app.backend()))
}

/// The same before another handler of MCP requests: a test puts the conformance suite's fixtures around [`Tools`].
pub fn router_with<H: ServerHandler + Clone>(app: &Arc<App>, handler: H) -> Router {
    // On the routes alone: a layer would answer 401 for paths that do not exist, too.
    let mcp = mcp::route(&app.settings, &app.origins, "/mcp", Tools::new(app.backend()), handler)
        .route_layer(from_fn_with_state(app.clone(), before_mcp));
    let uploads = Router::new()
        .route("/uploads", put(uploads::put))
        .route("/uploads/", put(uploads::put))
        .with_state(app.uploads.clone())
        .route_layer(from_fn_with_state(app.clone(), before_uploads));
    let paid = app.backend.payments.as_ref().map(|_| {
        let tools = Tools::for_payers(app.backend());
        mcp::route(&app.settings, &app.origins, "/public-mcp", tools.clone(), tools)
            .route_layer(from_fn_with_state(app.clone(), before_public_mcp))
    });
    let sign_in = app.oauth.clone().map(|oauth| {
        let documents = oauth::documents(oauth.clone());
        let before = |routes: Router<_>| routes.route_layer(from_fn_with_state(app.clone(), before_sign_in));
        documents
            .route_layer(from_fn_with_state(app.clone(), before_documents))
            .merge(oauth::routes(oauth, before))
    });
    Router::new()
        .route("/", get(public::root))
        .route("/livez", get(public::livez))
        .route("/readyz", get(public::readyz))
        .route("/version", get(public::version))
        .merge(card::routes().route_layer(from_fn_with_state(app.clone(), before_documents)))
        .merge(mcp)
        .merge(uploads)
        .merge(paid.unwrap_or_default())
        .merge(sign_in.unwrap_or_else(oauth::routes_where_off))
        .fallback(absent::path)
        .method_not_allowed_fallback(absent::method)
        .layer(from_fn_with_state(app.clone(), around))
        .with_state(app.clone())
}

/// Around every route.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let routes = |request| people::pages(request, |request| next.run(request));
    measure(&app.metrics, request, |request| browsers::open(&app, request, routes)).await
}

// What stands before a route, in order. One middleware for all of it: as one each, axum puts every one into boxes of its
// own, and takes some 5,000 instructions for it.

/// Chain 1 comes before any check of the transport: every method of `/mcp` is 401 without a caller.
async fn before_mcp(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let app = &app;
    let licensed = |request| async move {
        match limits::introduced(&app.limits, request, |request| authenticate(app, request)).await {
            Ok(request) => limits::share(&app.limits, request, |request| next.run(request)).await,
            Err(refusal) => refusal,
        }
    };
    limits::answered(&app.limits, &app.lifecycle, request, |request| gate(app, request, licensed)).await
}

/// In place of chain 1, a door that takes payments.
async fn before_public_mcp(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let app = &app;
    let paid = |request| limits::share(&app.limits, request, |request| next.run(request));
    let licensed = |request| payments::open_door(request, paid);
    limits::answered(&app.limits, &app.lifecycle, request, |request| gate(app, request, licensed)).await
}

/// In place of chain 1, the ticket.
async fn before_uploads(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let app = &app;
    let licensed = |request| async move {
        match uploads::admit(&app.uploads, request) {
            Ok(request) => limits::share_file(&app.limits, request, |request| next.run(request)).await,
            Err(refusal) => refusal,
        }
    };
    limits::answered(&app.limits, &app.lifecycle, request, |request| gate(app, request, licensed)).await
}

async fn before_sign_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let app = &app;
    let licensed = |request| limits::sign_in(&app.limits, request, |request| next.run(request));
    limits::answered(&app.limits, &app.lifecycle, request, |request| gate(app, request, licensed)).await
}

/// Documents that are the same for everybody wait for nobody.
async fn before_documents(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    gate(&app, request, |request| next.run(request)).await
}
