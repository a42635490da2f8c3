//! The runtime gate: no licence, no traffic (contract, A1 and D2).

mod standing;

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

pub(crate) use self::standing::ASK_AGAIN_AFTER;
pub use self::standing::Standing;
use crate::base::http_body;
use crate::base::json;
use crate::base::trouble;
use crate::config::{BaseUrl, Reach, Settings};

/// The feature that `validibot-pro` declares.
pub const FEATURE: &str = "mcp_server";

/// The whole exchange. A start whose question is answered, or that nobody answers, says within six seconds that it goes on
/// or waits.
const DEADLINE: Duration = Duration::from_secs(5);

/// Far above any real answer; a body beyond it is not one.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Between two questions at the start.
const AT_THE_START: Duration = Duration::from_secs(1);

/// Asks Validibot whether this deployment may serve MCP.
#[derive(Debug, Clone)]
pub struct LicenseGate {
    url: Url,
    reach: Reach,
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
        /// Whether a Validibot that starts may have been the cause.
        passing: bool,
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

/// Why there is no answer, and whether there may be one in a moment.
struct Trouble {
    reason: String,
    passing: bool,
}

impl Trouble {
    fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passing: false }
    }

    fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passing: true }
    }
}

impl LicenseGate {
    /// Remembers what to ask; asks nothing.
    pub fn new(settings: &Settings, http: reqwest::Client) -> Self {
        Self::at(&settings.api_base_url, settings.reach.clone(), http)
    }

    /// As [`Self::new`], for a Validibot of which nothing but its address is known.
    pub fn at(api: &BaseUrl, reach: Reach, http: reqwest::Client) -> Self {
        Self { url: api.join("/api/v1/license/features/"), reach, http }
    }

    /// Asks until there is an answer, but not after `patience`: a Validibot that starts beside us does not listen yet, or
    /// takes its first request slowly. What would be the same in a moment is not asked again.
    ///
    /// # Errors
    /// The last answer.
    pub async fn check_within(&self, patience: Duration) -> Result<(), LicenseError> {
        let deadline = Instant::now() + patience;
        loop {
            let answer = self.check().await;
            match &answer {
                Err(error @ LicenseError::Unreachable { passing: true, .. })
                    if Instant::now() + AT_THE_START <= deadline =>
                {
                    tracing::warn!("{error}. It is asked again");
                }
                _ => return answer,
            }
            sleep(AT_THE_START).await;
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why the gate is closed.
    pub async fn check(&self) -> Result<(), LicenseError> {
        let late = || Trouble::passing(format!("no answer within {} s", DEADLINE.as_secs()));
        let answer = timeout(DEADLINE, self.ask()).await.unwrap_or_else(|_| Err(late()));
        let features = answer.map_err(|Trouble { reason, passing }| LicenseError::Unreachable {
            url: self.url.clone(),
            reason,
            passing,
        })?;
        if features.features.iter().any(|feature| feature == FEATURE) {
            Ok(())
        } else {
            Err(LicenseError::NotLicensed { edition: edition(&features.edition) })
        }
    }

    async fn ask(&self) -> Result<Features, Trouble> {
        let request = self.reach.say(&self.url, self.http.get(self.url.clone()));
        let response = request.send().await.map_err(|error| Trouble::passing(trouble::reason(&error)))?;
        let status = response.status();
        if !status.is_success() {
            let refusal = self.reach.refusal(status.as_u16(), http_body::is_html(response.headers()));
            let reason = refusal.unwrap_or_else(|| format!("it answered HTTP {}", status.as_u16()));
            // What a proxy says before whom nobody listens yet.
            let passing = matches!(status.as_u16(), 502..=504);
            return Err(Trouble { reason, passing });
        }
        let body = http_body::read(response, MAX_BODY_BYTES).await;
        let body = body.map_err(|error| Trouble::lasting(error.to_string()))?;
        features(&body)
    }
}

fn features(body: &[u8]) -> Result<Features, Trouble> {
    json::document(body).map_err(|_| Trouble::lasting("its answer is not the licence JSON"))
}

/// The edition as it may stand in a log and in an answer: a word, or no word at all.
fn edition(named: &str) -> String {
    let word =
        (1..=32).contains(&named.len()) && named.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if word { named.to_owned() } else { "unnamed".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{edition, features};
    use crate::base::testing::spoilt;

    #[test]
    fn an_answer_about_the_licence_costs_no_more_than_its_bytes() {
        let good = r#"{"edition":"pro","features":["mcp_server"]}"#;
        assert!(features(good.as_bytes()).is_ok());
        assert!(spoilt(good).iter().all(|bad| features(bad.as_bytes()).is_err()));
    }

    #[test]
    fn only_a_word_is_taken_over_from_the_answer() {
        assert_eq!(edition("community"), "community");
        for odd in ["", "<script>", "a\nb", &"x".repeat(33)] {
            assert_eq!(edition(odd), "unnamed", "{odd:?}");
        }
    }
}
