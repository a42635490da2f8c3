//! As much of a browser as a sign-in needs: cookies, redirects when told to, and forms.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};

use crate::stack::http_client;

/// One person's browser.
#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

/// What the browser shows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Page {
    /// Where a redirect leads.
    pub(crate) fn location(&self) -> &str {
        let location = self.headers.get(LOCATION);
        location.unwrap_or_else(|| panic!("no redirect: {self:?}")).to_str().expect("text")
    }

    /// The hidden field of the consent form.
    pub(crate) fn ticket(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"ticket\" value=\"").expect("a consent form");
        rest.split_once('"').expect("a value").0.to_owned()
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, url: &str) -> Page {
        self.send(http_client().get(url)).await
    }

    /// Presses a button of the consent page.
    pub(crate) async fn decide(&mut self, base: &str, ticket: &str, decision: &str) -> Page {
        let form = [("ticket", ticket), ("decision", decision)];
        self.send(http_client().post(format!("{base}/consent")).form(&form)).await
    }

    pub(crate) async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(ACCEPT, "text/html").header(COOKIE, cookies.join("; "));
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().expect("a value");
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Page { status, headers, body: response.text().await.expect("a body") }
    }
}
