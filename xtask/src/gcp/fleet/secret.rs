//! What a secret's environment file says, as far as a deploy is concerned: names, lines, and one address.

use super::facts::Facts;
use super::place::Place;
use crate::fleet::Secret;
use crate::gcp::secrets::version::Version;
use crate::gcp::service::Live;

/// A secret's newest version. Values stay out of it, but for the ones that are compared.
#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) version: u64,
    /// Names with their lines; the value is kept only to be compared with an address.
    entries: Vec<(String, usize, crate::secret::Secret)>,
    /// The line that cannot be read, where there is one.
    wrong: Option<usize>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {}", self.version)
    }
}

impl Content {
    /// Reads a version's name in the first line, and the file after it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, file) = text.split_once('\n')?;
        let version = name.rsplit('/').next()?.trim().parse().ok()?;
        Some(match envs::file::parse(file) {
            Ok(lines) => {
                let entry = |line: &envs::file::Assignment| {
                    (line.key().to_owned(), line.line(), crate::secret::Secret::new(line.value()))
                };
                Self { version, entries: lines.iter().map(entry).collect(), wrong: None }
            }
            Err(errors) => {
                Self { version, entries: Vec::new(), wrong: errors.first().map(|error| error.line) }
            }
        })
    }

    /// The newest version that can be read, without its content.
    pub(super) fn newest(versions: &[Version]) -> Option<Self> {
        let version =
            versions.iter().filter(|version| version.enabled).map(|version| version.number).max()?;
        Some(Self { version, ..Self::default() })
    }

    /// The first of these variables that is set.
    fn first_of(&self, names: &[String]) -> Option<(&str, usize, &str)> {
        names.iter().find_map(|name| {
            let entry = self
                .entries
                .iter()
                .rev()
                .find(|(known, _, value)| known == name && !value.expose().is_empty());
            entry.map(|(name, line, value)| (name.as_str(), *line, value.expose()))
        })
    }
}

/// Stamped names that stand in a file which wins, and files that cannot be read.
pub(super) fn conflicts(place: &Place<'_>, facts: &Facts) -> Vec<String> {
    let mut problems = Vec::new();
    for (secret, name) in place.secrets() {
        let Some(content) = facts.secrets.get(&name).filter(|_| secret.wins) else { continue };
        let file = format!("{name} version {}", content.version);
        if let Some(line) = content.wrong {
            problems.push(format!(
                "{file}, line {line}: bash and the application would read this line differently"
            ));
        }
        let users: Vec<_> =
            place.fleet.services.iter().filter(|service| service.container.secret == secret.key).collect();
        for (key, line, _) in &content.entries {
            let stamp = |service: &&&crate::fleet::Service| {
                service.container.env.iter().any(|stamp| stamp.name == *key)
            };
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

/// The address that the scheduler's target accepts tokens for: one of its own, as its secret says.
pub(super) fn audience(
    secret: &Secret,
    content: &Content,
    target: &Live,
    name: &str,
) -> Result<String, String> {
    let mut addresses: Vec<&str> = vec![&target.url];
    addresses.extend(target.urls.iter().map(String::as_str));
    let file = format!("{name} version {}", content.version);
    let Some(first) = secret.address.first() else { return Ok(target.url.clone()) };
    let wanted = secret.address.last().unwrap_or(first);
    match content.first_of(&secret.address) {
        Some((_, _, said)) if addresses.contains(&said) => Ok(said.to_owned()),
        Some((key, line, said)) => Err(format!(
            "{file}, line {line}: {key} is '{said}', and the tokens of the scheduler would be refused; write {}",
            target.url
        )),
        None => Err(format!("{file}: {wanted} is not set; write {wanted}={}", target.url)),
    }
}
