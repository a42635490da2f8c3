//! Variables that both the deploy and a secret's environment file set.

use super::place::Place;
use crate::commands::gcp::state::State;
use crate::config::fleet::resolved::Service;

/// Stamped names that stand in a file which wins, and files that cannot be read.
pub(super) fn conflicts(place: &Place<'_>, state: &State) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, secret) in place.secrets() {
        let Some(content) = state.secrets.get(name).filter(|_| secret.wins) else { continue };
        let file = format!("{name} version {}", content.version);
        if let Some(line) = content.wrong {
            problems.push(format!(
                "{file}, line {line}: bash and the application would read this line differently"
            ));
        }
        let users: Vec<_> =
            place.fleet.services.iter().filter(|service| service.container.secret.name == name).collect();
        for (key, line, _) in &content.entries {
            let stamp = |service: &&&Service| service.container.env.iter().any(|(name, _)| name == key);
            let stamped: Vec<_> =
                users.iter().filter(stamp).map(|service| service.container.key.as_str()).collect();
            if !stamped.is_empty() {
                problems.push(format!(
                    "{file}, line {line}: {key} is written by the deploy (fleet.toml, {}), and the file would win: take it out there",
                    stamped.join(" and ")
                ));
            }
        }
    }
    problems
}
