//! What arrived, for a test to look at.

use std::fmt;
use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, Method, request};

use crate::state::lock;

/// One request, as it arrived.
#[derive(Clone)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query without its `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty when the client went away before its end, or when it was over the limit.
    pub body: Bytes,
}

impl Received {
    /// A header's first value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, with anything that is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Names and sizes alone: headers carry tokens.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(http::HeaderName::as_str).collect();
        write!(f, "{} {} {names:?} {} bytes", self.method, self.path, self.body.len())
    }
}

/// The requests so far, numbered in order of arrival.
pub(crate) struct Log {
    on: bool,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    next: u64,
    list: Vec<(u64, Received)>,
}

impl Log {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, entries: Mutex::default() }
    }

    /// Whether anything is kept: a process that lives long keeps nothing.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Notes a request as soon as its head is here, so that one that dies midway is counted too.
    pub(crate) fn arrived(&self, head: &request::Parts) -> u64 {
        if !self.on {
            return 0;
        }
        let mut entries = lock(&self.entries);
        let id = entries.next;
        entries.next += 1;
        let received = Received {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            body: Bytes::new(),
        };
        entries.list.push((id, received));
        id
    }

    /// Adds the body, once it is complete.
    pub(crate) fn completed(&self, id: u64, body: &Bytes) {
        if self.on
            && let Some((_, received)) = lock(&self.entries).list.iter_mut().rev().find(|(n, _)| *n == id)
        {
            received.body = body.clone();
        }
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        lock(&self.entries).list.iter().map(|(_, received)| received.clone()).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.entries).list.clear();
    }
}
