//! Ports and the HTTP client.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::time::Duration;

/// A loopback port that was free a moment ago, for the cases in which it must be known before the program
/// starts. Where it need not be, let the program take port 0.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A client that goes nowhere but where it is told: no proxy, no redirects.
pub fn http_client() -> reqwest::Client {
    // Below the time after which a server closes an idle connection: none is used in the moment of its end.
    plain().pool_idle_timeout(Duration::from_secs(10)).build().expect("an HTTP client")
}

/// The same, with a connection of its own for each request, as apps and browsers have theirs.
pub fn one_connection_each() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| plain().pool_max_idle_per_host(0).build().expect("an HTTP client"))
}

#[expect(clippy::disallowed_methods, reason = "the tests' own client, apart from the server's")]
fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

/// Whether this Validibot, at its base URL, has the API for agents that pay.
///
/// # Panics
///
/// When it does not answer.
pub async fn agents_may_pay(validibot: &str) -> bool {
    let url = format!("{validibot}/api/v1/agent/workflows/");
    let answer = http_client().get(url).send().await.expect("Validibot answers");
    answer.status() == reqwest::StatusCode::OK
}
