//! The runtime gate: no licence, no traffic (contract, A1 and D2). It finds out by the way which API Validibot has.

mod probe;
mod standing;

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use url::Url;

use self::probe::{FEATURES, METADATA, Probe, Said, Trouble};
pub(crate) use self::standing::ASK_AGAIN_AFTER;
pub use self::standing::Standing;
use crate::base::json;
use crate::config::{BaseUrl, Reach, Settings};

/// The feature that `validibot-pro` declares.
pub const FEATURE: &str = "mcp_server";

/// Between two questions at the start.
const AT_THE_START: Duration = Duration::from_secs(1);

/// How often a Validibot without a licence has to say so that is not asked for it directly: while instances of two versions
/// answer side by side, each of them denies what the other has.
const ROUNDS: u32 = 3;
/// Between two of those rounds.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(500);

/// What 0.16 is called where it is not licensed: it names no edition.
const NEWER: &str = "0.16 or later";

/// Which of its APIs Validibot is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The helper API of 0.14 and 0.15.
    Helper {
        /// The edition that Validibot named.
        edition: String,
    },
    /// The public REST API, the only one from 0.16 on.
    Rest {
        /// The public address of Validibot, as its metadata says.
        site: String,
    },
}

/// Asks Validibot whether this deployment may serve MCP.
#[derive(Debug, Clone)]
pub struct LicenseGate {
    probe: Probe,
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
        /// Whether it is production settings that do not let this server in; the reason says which line to change.
        not_let_in: bool,
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
    /// A Validibot of 0.16 or later that does not show that it is licensed.
    #[error(
        "the Validibot at {api} is {NEWER} (it has no {FEATURES}), and it does not serve {METADATA}, as one that is licensed for \
         MCP ({FEATURE}) does: it is the community edition, or its licence does not include MCP, or a proxy before it hides that \
         address. Install validibot-pro with a licence that does and restart Validibot, let that address through, or do not deploy \
         this server"
    )]
    NoMetadata {
        /// Where it was asked.
        api: String,
    },
    /// Something else answers there.
    #[error(
        "what answers at {api} is no Validibot that this server knows (0.14 or later): it has neither {FEATURES}, as 0.14 and 0.15, \
         nor the metadata and the REST API of 0.16 and later. Check VALIDIBOT_API_BASE_URL"
    )]
    NotValidibot {
        /// Where it was asked.
        api: String,
    },
}

impl LicenseError {
    /// What has no licence, where Validibot has said that there is none: the edition, or the version that names none.
    fn unlicensed(&self) -> Option<String> {
        match self {
            Self::NotLicensed { edition } => Some(edition.clone()),
            Self::NoMetadata { .. } => Some(NEWER.to_owned()),
            Self::Unreachable { .. } | Self::NotValidibot { .. } => None,
        }
    }
}

impl From<Trouble> for LicenseError {
    fn from(Trouble { url, reason, passing, not_let_in }: Trouble) -> Self {
        Self::Unreachable { url, reason, passing, not_let_in }
    }
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
        Self::at(&settings.api_base_url, settings.reach.clone(), http)
    }

    /// As [`Self::new`], for a Validibot of which nothing but its address is known.
    pub fn at(api: &BaseUrl, reach: Reach, http: reqwest::Client) -> Self {
        Self { probe: Probe::new(api, reach, http) }
    }

    /// Asks until there is an answer, but not after `patience`: a Validibot that starts beside us does not listen yet, or
    /// takes its first request slowly. What would be the same in a moment is not asked again.
    ///
    /// # Errors
    /// The last answer.
    pub async fn check_within(&self, patience: Duration) -> Result<Found, LicenseError> {
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
    pub async fn check(&self) -> Result<Found, LicenseError> {
        let mut round = 1;
        loop {
            match self.look().await {
                Err(LicenseError::NoMetadata { .. }) if round < ROUNDS => {}
                answer => return answer,
            }
            round += 1;
            sleep(BETWEEN_ROUNDS).await;
        }
    }

    /// The order of the contract of 0.16, A2: the licence of 0.14 and 0.15, then what only a licensed 0.16 has, then whether it is
    /// a Validibot at all.
    async fn look(&self) -> Result<Found, LicenseError> {
        let probe = &self.probe;
        match probe.ask(FEATURES).await? {
            Said::Yes(body) => {
                let said = features(&body).ok_or_else(|| {
                    probe.trouble(FEATURES, false, "its answer is not the licence JSON".to_owned())
                })?;
                let edition = edition(&said.edition);
                return if said.features.iter().any(|feature| feature == FEATURE) {
                    Ok(Found::Helper { edition })
                } else {
                    Err(LicenseError::NotLicensed { edition })
                };
            }
            Said::Refused => {
                return Err(probe.trouble(FEATURES, false, "it asks for a sign-in".to_owned()).into());
            }
            Said::Gone => {}
        }
        let api = probe.base().as_str().to_owned();
        match probe.site().await? {
            Some(site) if probe.has_rest().await? => Ok(Found::Rest { site }),
            None if probe.is_validibot().await? => Err(LicenseError::NoMetadata { api }),
            Some(_) | None => Err(LicenseError::NotValidibot { api }),
        }
    }
}

fn features(body: &[u8]) -> Option<Features> {
    json::document(body).ok()
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
        assert!(features(good.as_bytes()).is_some());
        assert!(spoilt(good).iter().all(|bad| features(bad.as_bytes()).is_none()));
    }

    #[test]
    fn only_a_word_is_taken_over_from_the_answer() {
        assert_eq!(edition("community"), "community");
        for odd in ["", "<script>", "a\nb", &"x".repeat(33)] {
            assert_eq!(edition(odd), "unnamed", "{odd:?}");
        }
    }
}
