//! The settings of the one HTTP client.

/// To each host, as many as one caller may have calls under way: with fewer, a busy instance closes connections and opens
/// others all the time (with 10, at 16 calls at once, one for every tenth call).
const IDLE_CONNECTIONS: usize = 64;

/// No redirects: a redirect from Validibot's API is a misconfiguration, and following one would carry our
/// credentials to wherever it points. No proxy: identity and service headers go to configured hosts only.
#[expect(clippy::disallowed_methods, reason = "the one place that builds an HTTP client")]
pub(crate) fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(std::time::Duration::from_secs(5))
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        // Below the time after which common servers close an idle connection (uvicorn: 5 s): a launch that is sent in the
        // moment of that end is of unknown fate, and is not sent again. Time in which we are frozen counts.
        .pool_idle_timeout(std::time::Duration::from_secs(4))
        .tcp_nodelay(true)
        .user_agent(concat!("validibot-mcp/", env!("CARGO_PKG_VERSION")))
        .build()
}
