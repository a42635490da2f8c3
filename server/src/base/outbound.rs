//! Requests to addresses that others have named: an address is looked up once, checked, and only then dialled.

mod address;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{ACCEPT, LOCATION};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use self::address::is_public;

/// The Internet, as far as addresses of others need it: injected, so that the good path can be tested without it and no
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

/// A client for such requests: to public addresses alone, over https, with no credential.
pub(crate) struct Fetcher {
    outbound: Outbound,
    /// By which everything goes, where there is one. It looks names up, and has to do the checks of [`Guard`].
    proxy: Option<Url>,
    /// Made when the first request is: a client costs a parse of the whole CA bundle.
    http: OnceLock<Option<reqwest::Client>>,
}

/// Why there is no answer with status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// The address is not one of a public host, or leads to one that is not.
    Forbidden,
    /// What happened, for the log.
    Unreachable(&'static str),
    /// Another status than 200.
    Status(u16),
}

impl Fetcher {
    pub(crate) fn new(outbound: Outbound, proxy: Option<Url>) -> Self {
        Self { outbound, proxy, http: OnceLock::new() }
    }

    /// The head of an answer with status 200, over one redirect at most, which has to stay within the address's origin. Each of
    /// the at most two requests has this long, to the end of its body.
    pub(crate) async fn get(
        &self,
        url: &Url,
        accept: &'static str,
        deadline: Duration,
    ) -> Result<reqwest::Response, FetchError> {
        let mut response = self.send(url, accept, deadline).await?;
        if response.status().is_redirection() {
            // claude.ai answers its own metadata address with a redirect from some places.
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            let next = next.ok_or(FetchError::Unreachable("a redirect leads nowhere"))?;
            if next.origin() != url.origin() {
                return Err(FetchError::Unreachable("a redirect leads to another site"));
            }
            response = self.send(&next, accept, deadline).await?;
        }
        match response.status() {
            reqwest::StatusCode::OK => Ok(response),
            status => Err(FetchError::Status(status.as_u16())),
        }
    }

    async fn send(
        &self,
        url: &Url,
        accept: &'static str,
        deadline: Duration,
    ) -> Result<reqwest::Response, FetchError> {
        // An address in place of a name would not pass through the resolver, and so not through its checks.
        if url.scheme() != "https" || !matches!(url.host(), Some(Host::Domain(_))) {
            return Err(FetchError::Forbidden);
        }
        let http = self
            .http
            .get_or_init(|| client(&self.outbound, self.proxy.as_ref()))
            .as_ref()
            .ok_or(FetchError::Unreachable("this server has no HTTP client for it"))?;
        let request = http.get(url.clone()).header(ACCEPT, accept).timeout(deadline);
        request.send().await.map_err(|error| {
            if is_forbidden(&error) {
                FetchError::Forbidden
            } else if error.is_timeout() {
                FetchError::Unreachable("no answer in time")
            } else {
                FetchError::Unreachable("the connection failed")
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
    builder.build().inspect_err(|_| tracing::error!("no HTTP client for addresses that others name")).ok()
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
