//! What is told to the person at the browser, because it cannot be sent back to the client.

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::error::OauthError;
pub(super) use crate::base::page::page;

/// Something that cannot be sent back to the client, because we do not know that it is the client: told here.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// The error code, for the client's author.
    pub(super) code: &'static str,
    /// What went wrong, in a person's words.
    pub(super) title: &'static str,
    /// What happened and what to do.
    pub(super) text: String,
    /// Where the person can go on to, if they want that: an address, and what is there.
    pub(super) onward: Option<(String, Markup)>,
}

impl Problem {
    /// As a page, or as JSON where the request asks for that and not for a page.
    pub(super) fn answer(self, headers: &HeaderMap) -> Response {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("application/json") && !accept.contains("text/html") {
            return OauthError::new(self.status, self.code, self.text).into_response();
        }
        let main = html! {
            h1 { (self.title) }
            p.lead { (self.text) }
            @if let Some((address, place)) = &self.onward {
                p { a href=(address) rel="noreferrer" { "Go back to " (place) } }
            }
            p.fine { "You can close this window. Nothing was shared with the app. Error code: " code { (self.code) } }
        };
        page(self.status, self.title, &main)
    }
}
