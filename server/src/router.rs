//! A flat list of routes.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, put};
use rmcp::ServerHandler;
use tower::ServiceBuilder;

use crate::app::App;
use crate::telemetry::metrics::measure;
use crate::tools::Tools;
use crate::{caller, license, limits, oauth, payments, public, tools, uploads};

/// Every route that the server answers. What is not listed is 404.
pub fn router(app: &Arc<App>) -> Router {
    router_with(app, Tools::new(app))
}

/// The same before another handler of MCP requests: a test puts the conformance suite's fixtures around [`Tools`].
pub fn router_with<H: ServerHandler + Clone>(app: &Arc<App>, handler: H) -> Router {
    let mcp = tools::route(app, "/mcp", handler)
        // Chain 1 comes first: every method of /mcp is 401 without a caller, before any transport check.
        // On the route alone: a layer would answer 401 for paths that do not exist, too.
        .route_layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(app.clone(), limits::admit))
                .layer(from_fn_with_state(app.clone(), license::gate))
                .layer(from_fn_with_state(app.clone(), caller::authenticate))
                .layer(from_fn_with_state(app.clone(), limits::share)),
        );
    let uploads = Router::new().route("/uploads", put(uploads::put)).route_layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(app.clone(), limits::admit))
            .layer(from_fn_with_state(app.clone(), license::gate))
            .layer(from_fn_with_state(app.clone(), limits::share_upload)),
    );
    let paid = app.payments.as_ref().map(|_| {
        tools::route(app, "/public-mcp", Tools::for_payers(app)).route_layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(app.clone(), limits::admit))
                .layer(from_fn_with_state(app.clone(), license::gate))
                // In place of chain 1.
                .layer(from_fn(payments::open_door))
                .layer(from_fn_with_state(app.clone(), limits::share)),
        )
    });
    let sign_in = app.oauth.clone().map(|oauth| {
        oauth::routes(oauth).route_layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(app.clone(), limits::admit_sign_in))
                .layer(from_fn_with_state(app.clone(), license::gate)),
        )
    });
    Router::new()
        .route("/", get(public::root))
        .route("/livez", get(public::livez))
        .route("/readyz", get(public::readyz))
        .route("/version", get(public::version))
        .merge(mcp)
        .merge(uploads)
        .merge(paid.unwrap_or_default())
        .merge(sign_in.unwrap_or_default())
        .layer(from_fn_with_state(app.clone(), measure))
        .with_state(app.clone())
}
