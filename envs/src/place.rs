//! Where a server runs, and what its environment files hold there.

use crate::{HeldIn, VARIABLES, Variable};

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
    /// The value in the template.
    pub value: &'static str,
    /// Whether the line takes effect, or is shown behind a `#`.
    pub active: bool,
}

impl Place {
    /// Every kind, in the order in which documents list them.
    pub const ALL: [Self; 3] = [Self::Local, Self::SelfHosted, Self::GoogleCloud];
    /// The kinds without Google Cloud, where the server reads only its own file.
    pub const OWN_MACHINE: [Self; 2] = [Self::Local, Self::SelfHosted];

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
                let value = variable.example_for(self);
                Line { variable, value, active: self.activates(variable, file) && !value.is_empty() }
            })
            .collect()
    }

    /// Whether a file of this kind of environment may hold the variable. Without a deploy that stamps it, a variable that
    /// `.mcp` can hold is not in `.build`.
    fn has(self, variable: &Variable, file: HeldIn) -> bool {
        let stamped = self == Self::GoogleCloud || !variable.held_in.contains(&HeldIn::Mcp);
        variable.places.contains(&self) && (file != HeldIn::Build || stamped)
    }

    /// Whether the template's line takes effect. On Google Cloud a deploy stamps `.build`'s value over `.mcp`'s.
    fn activates(self, variable: &Variable, file: HeldIn) -> bool {
        let overridden =
            self == Self::GoogleCloud && file == HeldIn::Mcp && variable.held_in.contains(&HeldIn::Build);
        variable.active_in.contains(&self) && !overridden
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
