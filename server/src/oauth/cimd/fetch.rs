//! The fetch itself: an address is looked up once, checked, and only then dialled.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::DocumentError;
use super::address::is_public;
use crate::base::http_body;

/// The draft's recommendation.
const MAX_BODY_BYTES: usize = 5 * 1024;
/// Each of the at most two requests. A person is waiting.
const DEADLINE: Duration = Duration::from_secs(5);
/// Where the headers say nothing.
const DEFAULT_FRESHNESS: Duration = Duration::from_mins(5);
/// However long the headers say.
const MAX_FRESHNESS: Duration = Duration::from_hours(24 * 7);

/// The Internet, as far as metadata documents need it: injected, so that the good path can be tested without it and no
/// switch has to turn the checks off.
#[derive(Clone)]
pub struct Outbound {
    /// Looks names up, and leads to addresses.
    pub resolver: Arc<dyn Resolver>,
    /// Whose certificates are trusted; the system's where `None`.
    pub trusted: Option<Vec<reqwest::Certificate>>,
}

/// Names and addresses.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a host name.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>>;

    /// Where a connection to an address that has passed the checks goes: there. Port 0 is the URL's own.
    fn route(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, 0)
    }
}

/// The system's resolver and the real network.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self { resolver: Arc::new(SystemResolver), trusted: None }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Internet").finish_non_exhaustive()
    }
}

pub(super) struct Fetcher {
    outbound: Outbound,
    /// By which everything goes, where there is one. It looks names up, and has to do the checks of [`Guard`].
    proxy: Option<Url>,
    /// Made when the first document is asked for: a client costs a parse of the whole CA bundle.
    http: OnceLock<Option<reqwest::Client>>,
}

pub(super) struct Fetched {
    pub(super) body: Bytes,
    pub(super) fresh_for: Duration,
}

impl Fetcher {
    pub(super) fn new(outbound: Outbound, proxy: Option<Url>) -> Self {
        Self { outbound, proxy, http: OnceLock::new() }
    }

    /// Fetches a document, over one redirect at most, which has to stay within the address's origin: users are shown that origin
    /// as what vouches for the client, and a site that redirects anywhere must not vouch for all (the draft wants no redirect).
    pub(super) async fn fetch(&self, url: Url) -> Result<Fetched, DocumentError> {
        let mut response = self.get(&url).await?;
        if response.status().is_redirection() {
            // claude.ai answers its own metadata address with a redirect from some places.
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            let next = next.ok_or(DocumentError::Unreachable("a redirect leads nowhere"))?;
            if next.origin() != url.origin() {
                return Err(DocumentError::Unreachable("a redirect leads to another site"));
            }
            response = self.get(&next).await?;
        }
        if response.status() != reqwest::StatusCode::OK {
            return Err(DocumentError::Unreachable("the answer is not 200"));
        }
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

    async fn get(&self, url: &Url) -> Result<reqwest::Response, DocumentError> {
        // An address in place of a name would not pass through the resolver, and so not through its checks.
        if url.scheme() != "https" || !matches!(url.host(), Some(Host::Domain(_))) {
            return Err(DocumentError::Forbidden);
        }
        let http = self
            .http
            .get_or_init(|| client(&self.outbound, self.proxy.as_ref()))
            .as_ref()
            .ok_or(DocumentError::Unreachable("this server has no HTTP client for it"))?;
        let request = http.get(url.clone()).header(ACCEPT, "application/json").timeout(DEADLINE);
        request.send().await.map_err(|error| {
            if is_forbidden(&error) {
                DocumentError::Forbidden
            } else if error.is_timeout() {
                DocumentError::Unreachable("no answer in time")
            } else {
                DocumentError::Unreachable("the connection failed")
            }
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this client has a resolver of its own, which the App's must not have"
)]
fn client(outbound: &Outbound, proxy: Option<&Url>) -> Option<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // Never one from the environment: behind it, the checks of the resolver would be gone without a word.
        .no_proxy()
        .https_only(true)
        // A kept connection would skip the resolver the next time.
        .pool_max_idle_per_host(0)
        .user_agent(concat!("validibot-mcp/", env!("CARGO_PKG_VERSION")));
    builder = match proxy {
        Some(proxy) => builder.proxy(reqwest::Proxy::https(proxy.clone()).ok()?),
        None => builder.dns_resolver(Guard(outbound.resolver.clone())),
    };
    if let Some(trusted) = &outbound.trusted {
        builder = builder.tls_certs_only(trusted.clone());
    }
    builder.build().inspect_err(|_| tracing::error!("no HTTP client for client metadata documents")).ok()
}

/// The resolver that checks: what it returns is what is dialled, so a name cannot change its mind in between.
struct Guard(Arc<dyn Resolver>);

/// A name leads to an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
struct NotPublic;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let network = self.0.clone();
        Box::pin(async move {
            let addresses = network.resolve(name.as_str()).await?;
            // Reject the name if any address is non-public: no honest name mixes the two.
            if addresses.is_empty() || !addresses.iter().copied().all(is_public) {
                return Err(NotPublic.into());
            }
            let routed: Vec<SocketAddr> =
                addresses.into_iter().map(|address| network.route(address)).collect();
            Ok(Box::new(routed.into_iter()) as Addrs)
        })
    }
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<NotPublic>() {
            return true;
        }
        source = error.source();
    }
    false
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
