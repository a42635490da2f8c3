//! How requests have to look for a Validibot at an inner, plain http address to take them.
//!
//! In production it answers 400 to a `Host` that is not in its `DJANGO_ALLOWED_HOSTS`, and redirects to https what does not
//! say that it came by it. A reverse proxy in front of it says both; whoever calls past the proxy has to say them, too.

use http::header::{HOST, HeaderName, HeaderValue};
use http::uri::Authority;
use reqwest::RequestBuilder;
use url::{Origin, Url};

use super::url::BaseUrl;
use crate::base::env::Env;

/// Django's `SECURE_PROXY_SSL_HEADER`, in Validibot's production settings.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What is said to Validibot's inner address, besides the request itself. Nothing, where the address is an https one.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    inner: Option<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    origin: Origin,
    /// The host name in the address, where no other is to be said.
    own: String,
    host: Option<HeaderValue>,
}

impl Reach {
    /// For Validibot at `api`. `host` is the name to call it by; where there is none, that of its public https address,
    /// `site`, since browsers have to be able to call it by that.
    ///
    /// # Errors
    /// What is wrong with `host`, as what follows its variable in a sentence.
    pub fn new(api: &BaseUrl, host: Option<&str>, site: Option<&str>) -> Result<Self, String> {
        let host = host.map(str::trim).filter(|host| !host.is_empty());
        if api.is_https() {
            return match host {
                None => Ok(Self::default()),
                Some(_) => Err(format!(
                    "is for a plain http address, and {} is https: leave it out",
                    envs::server::API_BASE_URL.name
                )),
            };
        }
        let host = match host {
            Some(host) => Some(header(host).ok_or("is no host name: write name or name:port")?),
            None => site.and_then(public_host),
        };
        let url = api.join("/");
        Ok(Self { inner: Some(Inner { origin: url.origin(), own: authority(&url), host }) })
    }

    /// The same from an environment, for the commands that know nothing else of a server's settings.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn from_env(api: &BaseUrl, env: &dyn Env) -> Result<Self, String> {
        let name = envs::server::API_HOST.name;
        let site = env.get(envs::oauth::AUTHORIZATION_SERVER_URL.name);
        Self::new(api, env.get(name).as_deref(), site.as_deref())
            .map_err(|problem| format!("{name} {problem}"))
    }

    /// Adds to a request for `url` what has to be said there; other addresses are told nothing.
    pub(crate) fn say(&self, url: &Url, request: RequestBuilder) -> RequestBuilder {
        let Some(inner) = self.inner.as_ref().filter(|inner| inner.origin == url.origin()) else {
            return request;
        };
        let request = request.header(FORWARDED_PROTO, HeaderValue::from_static("https"));
        match &inner.host {
            Some(host) => request.header(HOST, host),
            None => request,
        }
    }

    /// What an answer means that production settings give to requests which they do not let in, and which line to change.
    /// `html` is whether it is a page: the API itself answers in JSON.
    pub(crate) fn refusal(&self, status: u16, html: bool) -> Option<String> {
        let inner = self.inner.as_ref();
        match (status, inner) {
            (400, _) if html => {
                let host = inner.map_or("of its address", |inner| {
                    inner.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or(&inner.own)
                });
                Some(format!(
                    "Validibot does not take the host name {host} (HTTP 400): add it to DJANGO_ALLOWED_HOSTS in Validibot's \
                     .django, or set {} to a name that stands there",
                    envs::server::API_HOST.name
                ))
            }
            (301, Some(_)) => Some(format!(
                "Validibot redirects to https (HTTP {status}) although X-Forwarded-Proto: https was sent: set \
                 DJANGO_SECURE_SSL_REDIRECT=false in Validibot's .django, or {} to its https address",
                envs::server::API_BASE_URL.name
            )),
            (301 | 302 | 307 | 308, _) => Some(format!(
                "it redirects elsewhere (HTTP {status}), and redirects are not followed: {} has to be the address that it \
                 redirects to, without a path",
                envs::server::API_BASE_URL.name
            )),
            _ => None,
        }
    }
}

fn header(host: &str) -> Option<HeaderValue> {
    let authority: Authority = host.parse().ok()?;
    // Neither a user nor a port that is none.
    let whole = authority
        .port_u16()
        .map_or_else(|| authority.host().len(), |port| format!("{}:{port}", authority.host()).len());
    let plain = !authority.host().is_empty() && whole == host.len();
    plain.then(|| HeaderValue::from_str(host).ok())?
}

/// The host of a public address. A development address is reached as it is.
fn public_host(site: &str) -> Option<HeaderValue> {
    let site = BaseUrl::parse(site.trim()).ok().filter(BaseUrl::is_https)?;
    header(&authority(&site.join("/")))
}

/// Host and port, as `Host` has them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(reach: &Reach, url: &str) -> (Option<String>, Option<String>) {
        let url = Url::parse(url).expect("a URL");
        let client = crate::base::http_client::http_client().expect("a client");
        let request = reach.say(&url, client.get(url.clone())).build().expect("a request");
        let header = |name| {
            request.headers().get(name).map(|value: &HeaderValue| value.to_str().expect("text").to_owned())
        };
        (header(HOST), header(FORWARDED_PROTO))
    }

    fn base(url: &str) -> BaseUrl {
        BaseUrl::parse(url).expect("a base URL")
    }

    #[test]
    fn an_inner_address_is_called_by_the_public_name_and_as_https() {
        let api = base("http://web:8000");
        let https = Some("https".to_owned());
        for (host, site, expected) in [
            (None, None, None),
            (Some("validibot.acme.example"), None, Some("validibot.acme.example")),
            (None, Some("https://app.acme.example/"), Some("app.acme.example")),
            (Some("web"), Some("https://app.acme.example"), Some("web")),
            (Some("  "), Some("https://app.acme.example:8443"), Some("app.acme.example:8443")),
            (None, Some("http://localhost:8000"), None),
        ] {
            let reach = Reach::new(&api, host, site).expect("good");
            let expected = expected.map(str::to_owned);
            assert_eq!(
                said(&reach, "http://web:8000/api/v1/x/"),
                (expected, https.clone()),
                "{host:?} {site:?}"
            );
            assert_eq!(said(&reach, "http://web:9000/x"), (None, None), "another address");
            assert_eq!(said(&reach, "https://facilitator.example/"), (None, None));
        }
        let outer =
            Reach::new(&base("https://app.acme.example"), None, Some("https://x.example")).expect("good");
        assert_eq!(said(&outer, "https://app.acme.example/api/"), (None, None));
    }

    #[test]
    fn a_host_that_is_none_is_refused() {
        for host in ["http://web", "a b", "u@web", "web/path", "web:port"] {
            assert!(Reach::new(&base("http://web:8000"), Some(host), None).is_err(), "{host}");
        }
        assert!(Reach::new(&base("https://app.acme.example"), Some("app.acme.example"), None).is_err());
    }
}
