//! Which server is meant, and the credential for it.

use secrecy::SecretString;

use super::address::server_address;
use super::http::Http;
use crate::base::env::Env;
use crate::base::http_client::http_client;
use crate::config::BaseUrl;

/// What a client needs before its first request.
pub(crate) struct Connection {
    /// Sends requests.
    pub(crate) http: Http,
    /// The server's public address, without `/mcp`.
    pub(crate) base: BaseUrl,
    /// The user's API token, from `VALIDIBOT_E2E_TOKEN`.
    pub(crate) token: SecretString,
}

/// The server at the address that was typed, with or without `/mcp`. An error is a sentence: the address is none, the
/// token is not set, or this machine has no CA certificates.
pub(crate) fn connect(typed: &str, env: &dyn Env) -> Result<Connection, String> {
    let base = server_address(typed)?;
    let name = envs::tests::E2E_TOKEN.name;
    let token = env.get(name).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| format!("{name} is not set: {}", envs::tests::E2E_TOKEN.doc))?;
    let http = http_client().map_err(|_| "the system's CA certificates were not found".to_owned())?;
    Ok(Connection { http: Http::new(http), base, token: SecretString::from(token) })
}
