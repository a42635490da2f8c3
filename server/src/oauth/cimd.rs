//! Client ID Metadata Documents: a client id that is an https URL, and the client's metadata behind it
//! (draft-ietf-oauth-client-id-metadata-document; MCP authorization, client registration).
//!
//! Whoever asks for a sign-in chooses the URL, so fetching it is the one request that strangers can make us send.

mod document;
mod fetch;
mod slots;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::future::Cache;
use thiserror::Error;
use url::Url;

pub(super) use self::document::Document;
use self::slots::Slots;
use crate::base::clock::SharedClock;
use crate::base::outbound::{Fetcher, Outbound};
use crate::config::redirect_uri::AppSchemes;

/// Bounds the memory of documents, at 5 KB an entry at most.
const MAX_ENTRIES: u64 = 500;
/// The least time between two warnings: strangers cause them.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// Fetches metadata documents, and keeps the good ones as long as their headers allow.
pub(super) struct Documents {
    fetcher: Fetcher,
    cache: Cache<String, CacheEntry>,
    fetching: Slots,
    schemes: AppSchemes,
    clock: SharedClock,
    warned: Mutex<Option<Duration>>,
}

#[derive(Clone)]
struct CacheEntry {
    document: Arc<Document>,
    until: Duration,
}

/// Why there is no document. The text goes on the page that the user sees, and is the same however the fetch failed: else it would
/// tell strangers which names and addresses there are in this server's network. The log tells the operator.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum DocumentError {
    #[error("the app's metadata document could not be fetched")]
    Forbidden,
    #[error("the app's metadata document could not be fetched")]
    Unreachable(&'static str),
    #[error("the app's metadata document could not be fetched")]
    Busy,
    #[error("the app's metadata document cannot be used: {0}")]
    Unusable(&'static str),
}

impl DocumentError {
    /// For the log.
    fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden => "its name does not lead to public addresses alone",
            Self::Unreachable(reason) | Self::Unusable(reason) => reason,
            Self::Busy => "too many documents are being fetched, or too many of this host",
        }
    }
}

impl Documents {
    pub(super) fn new(
        outbound: Outbound,
        proxy: Option<Url>,
        schemes: AppSchemes,
        clock: SharedClock,
    ) -> Self {
        Self {
            fetcher: Fetcher::new(outbound, proxy),
            cache: Cache::new(MAX_ENTRIES),
            fetching: Slots::default(),
            schemes,
            clock,
            warned: Mutex::default(),
        }
    }

    /// The document of the client `id`, whose URL is `url`. Requests at the same time share one fetch; a failure is
    /// not kept.
    pub(super) async fn get(&self, id: &str, url: Url) -> Result<Arc<Document>, DocumentError> {
        if self.cache.get(id).await.is_some_and(|kept| kept.until <= self.clock.now()) {
            self.cache.invalidate(id).await;
        }
        let fetch = async {
            let host = url.host_str().unwrap_or_default().to_owned();
            let fetched = self.fetch(&host, id, url).await;
            fetched.inspect_err(|error| self.warn(&host, error))
        };
        let kept = self
            .cache
            .try_get_with_by_ref(id, fetch)
            .await
            .map_err(|error: Arc<DocumentError>| DocumentError::clone(&error))?;
        Ok(kept.document)
    }

    async fn fetch(&self, host: &str, id: &str, url: Url) -> Result<CacheEntry, DocumentError> {
        let slot = self.fetching.take(host).await.ok_or(DocumentError::Busy)?;
        let fetched = slot.with(fetch::fetch(&self.fetcher, url)).await.ok_or(DocumentError::Busy)??;
        let document = Document::parse(&fetched.body, id, &self.schemes)?;
        Ok(CacheEntry { document: Arc::new(document), until: self.clock.now() + fetched.fresh_for })
    }

    /// Tells the operator, who alone can mend a server without a way out. The host is of a parsed URL: letters, digits and dots.
    fn warn(&self, host: &str, error: &DocumentError) {
        let now = self.clock.now();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|before| now < before + BETWEEN_WARNINGS) {
            return;
        }
        *warned = Some(now);
        tracing::warn!(
            host,
            reason = error.reason(),
            "the metadata document of an app could not be had, so that its users cannot sign in. Where this server has no way \
             to the Internet, set VALIDIBOT_OAUTH_CLIENT_DOCUMENTS=false, and apps register; where a proxy is the way, set \
             VALIDIBOT_OAUTH_CLIENT_DOCUMENTS_PROXY"
        );
    }
}

/// Reads a document without fetching it.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn document(body: &[u8], id: &str) -> Result<Document, DocumentError> {
    Document::parse(body, id, &AppSchemes::default())
}
