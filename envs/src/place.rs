//! Where a server runs, and what its environment files hold there.

use crate::{HeldIn, Required, VARIABLES, Variable, deploy, oauth, server, tests as suites, x402};

/// A kind of environment: it decides which files there are and which of their lines are switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A developer's machine.
    Local,
    /// One's own machine with docker compose.
    SelfHosted,
    /// Google Cloud, any stage.
    GoogleCloud,
}

/// One variable's line in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The variable.
    pub variable: &'static Variable,
    /// The value that stands in the template.
    pub value: &'static str,
    /// Whether the line takes effect, or is shown behind a `#`.
    pub active: bool,
}

impl Place {
    /// Every kind, in the order in which documents list them.
    pub const ALL: [Self; 3] = [Self::Local, Self::SelfHosted, Self::GoogleCloud];

    /// The files that an environment of this kind has, in the order in which one fills them in.
    pub const fn files(self) -> &'static [HeldIn] {
        match self {
            Self::Local | Self::SelfHosted => &[HeldIn::Build, HeldIn::Mcp, HeldIn::Test],
            Self::GoogleCloud => &[HeldIn::Gcp, HeldIn::Build, HeldIn::Mcp, HeldIn::Test],
        }
    }

    /// The lines of one file's template, in the table's order.
    pub fn lines(self, file: HeldIn) -> Vec<Line> {
        let all = VARIABLES.iter().flat_map(|area| area.iter()).copied();
        all.filter(|variable| variable.held_in.contains(&file) && self.has(variable, file))
            .map(|variable| {
                let value = self.example(variable);
                Line { variable, value, active: self.wants(variable, file) && !value.is_empty() }
            })
            .collect()
    }

    /// Whether a file of this place may hold the variable, where the table allows it in principle.
    fn has(self, variable: &Variable, file: HeldIn) -> bool {
        // What only a stack with docker compose has.
        if [deploy::NETWORK.name, deploy::PUBLISH.name].contains(&variable.name) {
            return self == Self::SelfHosted;
        }
        match (self, file) {
            // The build file of a stack without a deploy step has nothing to stamp: `.mcp` says it.
            (Self::Local | Self::SelfHosted, HeldIn::Build) => {
                !variable.held_in.contains(&HeldIn::Mcp) && variable.name != "VALIDIBOT_MCP_API_BASE_URL"
            }
            _ => true,
        }
    }

    /// Whether the template's line takes effect.
    fn wants(self, variable: &Variable, file: HeldIn) -> bool {
        if file == HeldIn::Test {
            // The samples are the stand-in's: elsewhere nobody knows what passes.
            let samples = [suites::E2E_WORKFLOW.name, suites::E2E_GOOD_FILE.name, suites::E2E_BAD_FILE.name];
            return self == Self::Local || !samples.contains(&variable.name);
        }
        if variable.name == server::ENABLED.name {
            return self != Self::Local && (file == HeldIn::Build) == (self == Self::GoogleCloud);
        }
        if self == Self::GoogleCloud && file == HeldIn::Mcp {
            // A deploy stamps these from `.build`, and an identity token takes the place of the shared key.
            let stamped = [server::API_BASE_URL.name, server::MCP_BASE_URL.name, server::SERVICE_KEY.name];
            if stamped.contains(&variable.name) {
                return false;
            }
        }
        // Payments are for those who ask for them.
        if x402::ALL.iter().any(|payments| payments.name == variable.name) {
            return false;
        }
        // With these two OAuth works wherever it is wanted; the gate stands in every template, closed.
        let spelt_out = [oauth::CLIENT_SECRET.name, oauth::SEAL_KEYS.name, "ENABLE_MCP_SERVER"];
        match variable.required {
            Required::Always | Required::When(_) => true,
            Required::No => spelt_out.contains(&variable.name),
        }
    }

    /// The value in the template; the table's own where this place has none of its own.
    fn example(self, variable: &'static Variable) -> &'static str {
        let name = variable.name;
        match self {
            Self::Local => variable.example,
            Self::SelfHosted if name == server::API_BASE_URL.name => "http://web:8000",
            Self::SelfHosted | Self::GoogleCloud => match name {
                "VALIDIBOT_MCP_BASE_URL" | "VALIDIBOT_E2E_URL" => "https://mcp.example.com",
                "VALIDIBOT_API_BASE_URL" | "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL" => {
                    "https://app.example.com"
                }
                _ => variable.example,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(place: Place, file: HeldIn) -> Vec<&'static str> {
        place.lines(file).iter().filter(|line| line.active).map(|line| line.variable.name).collect()
    }

    #[test]
    fn each_template_switches_on_what_its_place_needs() {
        assert_eq!(active(Place::Local, HeldIn::Build), ["ENABLE_MCP_SERVER"]);
        assert_eq!(
            active(Place::GoogleCloud, HeldIn::Build),
            [
                "ENABLE_MCP_SERVER",
                "VALIDIBOT_MCP_API_BASE_URL",
                "VALIDIBOT_MCP_BASE_URL",
                "VALIDIBOT_MCP_ENABLED"
            ]
        );
        let cloud = active(Place::GoogleCloud, HeldIn::Mcp);
        assert!(!cloud.contains(&"VALIDIBOT_MCP_SERVICE_KEY") && !cloud.contains(&"VALIDIBOT_API_BASE_URL"));
        assert!(active(Place::SelfHosted, HeldIn::Mcp).contains(&"VALIDIBOT_MCP_SERVICE_KEY"));
    }

    #[test]
    fn every_variable_that_a_file_holds_stands_in_some_template() {
        for variable in VARIABLES.iter().flat_map(|area| area.iter()) {
            if variable.held_in == [HeldIn::Process] {
                continue;
            }
            let shown = Place::ALL.iter().any(|place| {
                place
                    .files()
                    .iter()
                    .any(|file| place.lines(*file).iter().any(|l| l.variable.name == variable.name))
            });
            assert!(shown, "{}", variable.name);
        }
    }
}
