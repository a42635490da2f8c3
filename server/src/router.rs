//! A flat list of routes.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, put};

use crate::app::App;
use crate::{caller, oauth, public, tools, uploads};

/// Every route that the server answers. What is not listed is 404.
pub fn router(app: &Arc<App>) -> Router {
    let mcp = tools::route(app)
        // Chain 1 comes first: every method of /mcp is 401 without a caller, before any transport check.
        // On the route alone: a layer would answer 401 for paths that do not exist, too.
        .route_layer(from_fn_with_state(app.clone(), caller::authenticate));
    Router::new()
        .route("/", get(public::root))
        .route("/livez", get(public::livez))
        .route("/readyz", get(public::readyz))
        .route("/version", get(public::version))
        .route("/uploads", put(uploads::put))
        .merge(mcp)
        .merge(app.oauth.clone().map_or_else(Router::new, oauth::routes))
        .with_state(app.clone())
}
