//! The fetch itself.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE};
use bytes::Bytes;
use url::Url;

use super::DocumentError;
use crate::base::http_body;
use crate::base::outbound::{FetchError, Fetcher};

/// The draft's recommendation.
const MAX_BODY_BYTES: usize = 5 * 1024;
/// Each of the at most two requests. A person is waiting.
const DEADLINE: Duration = Duration::from_secs(5);
/// Where the headers say nothing.
const DEFAULT_FRESHNESS: Duration = Duration::from_mins(5);
/// However long the headers say.
const MAX_FRESHNESS: Duration = Duration::from_hours(24 * 7);

pub(super) struct Fetched {
    pub(super) body: Bytes,
    pub(super) fresh_for: Duration,
}

/// Fetches a document. A redirect stays within its origin: users are shown that origin as what vouches for the client, and a site
/// that redirects anywhere must not vouch for all (the draft wants no redirect).
pub(super) async fn fetch(fetcher: &Fetcher, url: Url) -> Result<Fetched, DocumentError> {
    let response = fetcher.get(&url, "application/json", DEADLINE).await?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type != "application/json" && !media_type.ends_with("+json") {
        return Err(DocumentError::Unusable("its content type is not JSON"));
    }
    let fresh_for = freshness(response.headers());
    let body = http_body::read(response, MAX_BODY_BYTES).await.map_err(|error| match error {
        http_body::BodyError::TooLarge(_) => DocumentError::Unusable("it is larger than 5 KB"),
        http_body::BodyError::Broken => DocumentError::Unreachable("the answer ended early"),
    })?;
    Ok(Fetched { body, fresh_for })
}

impl From<FetchError> for DocumentError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Forbidden => Self::Forbidden,
            FetchError::Unreachable(reason) => Self::Unreachable(reason),
            FetchError::Status(_) => Self::Unreachable("the answer is not 200"),
        }
    }
}

/// How long an answer may be kept (RFC 9111, section 5.2.2).
fn freshness(headers: &HeaderMap) -> Duration {
    let directives: Vec<String> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|directive| directive.trim().to_ascii_lowercase()))
        .collect();
    if directives.iter().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Duration::ZERO;
    }
    let seconds = |name: &str| {
        directives.iter().find_map(|directive| directive.strip_prefix(name)?.parse::<u64>().ok())
    };
    let Some(max_age) = seconds("s-maxage=").or_else(|| seconds("max-age=")) else {
        return DEFAULT_FRESHNESS;
    };
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_secs(max_age.saturating_sub(age)).min(MAX_FRESHNESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_follows_the_headers_within_bounds() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().expect("a value"));
            }
            freshness(&headers)
        };
        assert_eq!(of(&[]), DEFAULT_FRESHNESS);
        assert_eq!(of(&[("cache-control", "public, Max-Age=60")]), Duration::from_mins(1));
        assert_eq!(of(&[("cache-control", "max-age=60"), ("age", "50")]), Duration::from_secs(10));
        assert_eq!(of(&[("cache-control", "max-age=60, no-store")]), Duration::ZERO);
        assert_eq!(of(&[("cache-control", "max-age=99999999")]), MAX_FRESHNESS);
        assert_eq!(of(&[("cache-control", "max-age=0")]), Duration::ZERO);
    }
}
