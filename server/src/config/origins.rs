//! The web origins that may call this server.

use axum::http::HeaderMap;
use axum::http::header::ORIGIN;

use super::{Settings, WebOrigin};

/// The origins that may call: the base URL's own, and those of the setting.
#[derive(Debug)]
pub(crate) struct Origins(Vec<WebOrigin>);

impl Origins {
    pub(crate) fn of(settings: &Settings) -> Self {
        // A base URL is one.
        let own = WebOrigin::parse(&settings.base_url.origin_with_port()).ok();
        Self(own.into_iter().chain(settings.allowed_origins.iter().cloned()).collect())
    }

    /// Whether a request may come from where it says. Without an `Origin` it comes from no page.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => {
                origin.to_str().is_ok_and(|origin| self.0.iter().any(|allowed| allowed.is(origin)))
            }
            (Some(_), Some(_)) => false,
        }
    }
}
