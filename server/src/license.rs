//! The runtime gate: no licence, no traffic (contract, A1 and D2).

pub mod command;
mod standing;

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use url::Url;

pub use self::standing::Standing;
pub(crate) use self::standing::gate;
use crate::config::{BaseUrl, Settings};

/// The feature that `validibot-pro` declares.
pub const FEATURE: &str = "mcp_server";

/// The whole exchange. Start-up must say within six seconds that it will not serve.
const DEADLINE: Duration = Duration::from_secs(5);

/// Far above any real answer; a body beyond it is not one.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Asks Validibot whether this deployment may serve MCP.
#[derive(Debug, Clone)]
pub struct LicenseGate {
    url: Url,
    http: reqwest::Client,
}

/// Why the gate is closed.
#[derive(Debug, Error)]
pub enum LicenseError {
    /// The question could not be asked or the answer not be understood.
    #[error(
        "the licence could not be checked at {url}: {reason}. Check VALIDIBOT_API_BASE_URL and that Validibot is up"
    )]
    Unreachable {
        /// What was asked.
        url: Url,
        /// What happened, in our own words.
        reason: String,
    },
    /// Validibot answered, and the feature is not in its licence.
    #[error(
        "this Validibot is the {edition} edition, which does not include MCP ({FEATURE}). \
         Install validibot-pro with a licence that does, or do not deploy this server"
    )]
    NotLicensed {
        /// The edition that Validibot named.
        edition: String,
    },
}

#[derive(Deserialize)]
struct Features {
    #[serde(default)]
    edition: String,
    #[serde(default)]
    features: Vec<String>,
}

impl LicenseGate {
    /// Remembers what to ask; asks nothing.
    pub fn new(settings: &Settings, http: reqwest::Client) -> Self {
        Self::at(&settings.api_base_url, http)
    }

    /// As [`Self::new`], for a Validibot of which nothing but its address is known.
    pub fn at(api: &BaseUrl, http: reqwest::Client) -> Self {
        Self { url: api.join("/api/v1/license/features/"), http }
    }

    /// Asks once, without a retry: the platform restarts what exits.
    pub async fn check(&self) -> Result<(), LicenseError> {
        let answer = tokio::time::timeout(DEADLINE, self.ask())
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", DEADLINE.as_secs())));
        let features =
            answer.map_err(|reason| LicenseError::Unreachable { url: self.url.clone(), reason })?;
        if features.features.iter().any(|feature| feature == FEATURE) {
            Ok(())
        } else {
            Err(LicenseError::NotLicensed { edition: edition(&features.edition) })
        }
    }

    async fn ask(&self) -> Result<Features, String> {
        let response = self.http.get(self.url.clone()).send().await.map_err(|error| reason(&error))?;
        if !response.status().is_success() {
            return Err(format!("it answered HTTP {}", response.status().as_u16()));
        }
        let body =
            crate::http_body::read(response, MAX_BODY_BYTES).await.map_err(|error| error.to_string())?;
        serde_json::from_slice(&body).map_err(|_| "its answer is not the licence JSON".to_owned())
    }
}

/// The edition as it may stand in a log and in an answer: a word, or no word at all.
fn edition(named: &str) -> String {
    let word =
        (1..=32).contains(&named.len()) && named.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if word { named.to_owned() } else { "unnamed".to_owned() }
}

/// A transport error in few words. reqwest's own text repeats the URL and nests its causes.
fn reason(error: &reqwest::Error) -> String {
    if error.is_connect() { "the connection failed" } else { "the connection broke" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::edition;

    #[test]
    fn only_a_word_is_taken_over_from_the_answer() {
        assert_eq!(edition("community"), "community");
        for odd in ["", "<script>", "a\nb", &"x".repeat(33)] {
            assert_eq!(edition(odd), "unnamed", "{odd:?}");
        }
    }
}
