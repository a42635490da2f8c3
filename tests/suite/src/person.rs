//! A person with as much of a browser as a sign-in needs: cookies, redirects when told to, and forms.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};

use crate::net::one_connection_each;

/// Somebody who signs in.
#[derive(Debug, Default)]
pub struct Person {
    /// What servers have asked to keep.
    pub cookies: BTreeMap<String, String>,
}

/// What the browser shows.
#[derive(Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The document.
    pub body: String,
}

impl Page {
    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        let location = self.headers.get(LOCATION);
        location.unwrap_or_else(|| panic!("no redirect: {self:?}")).to_str().expect("text")
    }

    /// Where the page's link leads.
    pub fn onward(&self) -> String {
        let (_, rest) = self.body.split_once("<a href=\"").unwrap_or_else(|| panic!("no link: {self:?}"));
        rest.split_once('"').expect("an address").0.replace("&amp;", "&")
    }

    /// The hidden field of the consent form.
    pub fn ticket(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"ticket\" value=\"").expect("a consent form");
        rest.split_once('"').expect("a value").0.to_owned()
    }
}

impl Person {
    /// Opens an address.
    pub async fn get(&mut self, url: &str) -> Page {
        self.send(one_connection_each().get(url)).await
    }

    /// Presses a button of the consent page.
    pub async fn decide(&mut self, base: &str, ticket: &str, decision: &str) -> Page {
        let form = [("ticket", ticket), ("decision", decision)];
        self.send(one_connection_each().post(format!("{base}/consent")).form(&form)).await
    }

    /// Sends a request with the cookies, and keeps the ones that come back.
    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
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
