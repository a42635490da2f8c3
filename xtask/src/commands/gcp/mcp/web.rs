//! What the web application is told about the MCP server: it must be the same to the letter on both sides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Config;
use crate::commands::gcp::service::Live;
use crate::config::stage::Names;

/// What the web application's service says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Web {
    /// The variables that speak of the MCP server.
    pub(crate) env: BTreeMap<String, String>,
}

/// One value on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Comparison {
    /// The variable of the web application.
    pub(crate) variable: &'static str,
    /// What it has to be (or, for a list, to hold).
    pub(crate) wanted: String,
    /// What it is; `None` where the service's own environment does not say.
    pub(crate) found: Option<String>,
    /// Whether that is the same.
    pub(crate) same: bool,
}

const AUDIENCE: &str = "MCP_OIDC_AUDIENCE";
const ACCOUNTS: &str = "MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS";
const BASE_URL: &str = "VALIDIBOT_MCP_BASE_URL";

impl Web {
    /// Takes what matters from the web application's service.
    pub(crate) fn of(live: &Live) -> Self {
        let ours = |name: &&str| live.spec.env.contains_key(*name);
        let env = [AUDIENCE, ACCOUNTS, BASE_URL].into_iter().filter(ours);
        Self { env: env.map(|name| (name.to_owned(), live.spec.env[name].clone())).collect() }
    }

    /// Each value beside the one that the MCP server uses.
    pub(crate) fn compare(&self, names: &Names, config: &Config) -> Vec<Comparison> {
        let account = names.service_account();
        [(AUDIENCE, config.audience.clone()), (ACCOUNTS, account), (BASE_URL, config.base_url.clone())]
            .into_iter()
            .map(|(variable, wanted)| {
                let found = self.env.get(variable).cloned();
                // A list: other accounts may call Validibot, too.
                let same = found.as_ref().is_some_and(|found| match variable {
                    ACCOUNTS => found.split(',').any(|account| account.trim() == wanted),
                    _ => *found == wanted,
                });
                Comparison { variable, wanted, found, same }
            })
            .collect()
    }
}

impl Comparison {
    /// For people; `None` where both sides agree.
    pub(crate) fn problem(&self) -> Option<String> {
        let Self { variable, wanted, found, same } = self;
        match found {
            _ if *same => None,
            Some(found) if *variable == ACCOUNTS => {
                Some(format!("{variable} is '{found}' there, without '{wanted}'"))
            }
            Some(found) => Some(format!("{variable} is '{found}' there, and '{wanted}' here")),
            None => Some(format!(
                "{variable} is not in the service's environment: it has to be '{wanted}' in the secret that it reads"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::stage::Stage;

    #[test]
    fn a_slash_at_the_end_is_a_difference() {
        let names = Names::new("acme", "us-west1", "validibot", "r", Stage::Dev);
        let config = Config {
            api_base_url: "https://app.example.com".into(),
            base_url: "https://mcp.example.com".into(),
            enabled: true,
            audience: "https://app.example.com".into(),
            hosts: Vec::new(),
        };
        let web = Web {
            env: BTreeMap::from([
                (AUDIENCE.into(), "https://app.example.com/".into()),
                (ACCOUNTS.into(), "x@y, validibot-mcp-dev@acme.iam.gserviceaccount.com".into()),
            ]),
        };
        let problems: Vec<_> = web
            .compare(&names, &config)
            .iter()
            .map(Comparison::problem)
            .map(Option::unwrap_or_default)
            .collect();
        expect_test::expect![[r"
            MCP_OIDC_AUDIENCE is 'https://app.example.com/' there, and 'https://app.example.com' here

            VALIDIBOT_MCP_BASE_URL is not in the service's environment: it has to be 'https://mcp.example.com' in the secret that it reads"]]
        .assert_eq(&problems.join("\n"));
    }
}
