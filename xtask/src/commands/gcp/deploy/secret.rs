//! What a secret's environment file says, as far as a deploy is concerned: names, lines, and one address.

use std::time::Duration;

use crate::commands::gcp::secrets::version::Version;
use crate::commands::gcp::service::Live;
use crate::config::fleet::resolved::Secret;

/// A secret's newest version. Values stay out of it, but for the ones that are compared.
#[derive(Clone, Default)]
pub(in crate::commands::gcp) struct Content {
    pub(in crate::commands::gcp) version: u64,
    /// When it was made, since 1970; `None` where that is not known.
    pub(super) created: Option<Duration>,
    /// Names with their lines; the value is kept only to be compared with an address.
    pub(super) entries: Vec<(String, usize, crate::core::secret::Secret)>,
    /// The line that cannot be read, where there is one.
    pub(super) wrong: Option<usize>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {}", self.version)
    }
}

impl Content {
    /// Reads a version's name in the first line, and the file after it.
    pub(in crate::commands::gcp) fn parse(text: &str) -> Option<Self> {
        let (name, file) = text.split_once('\n')?;
        let version = name.rsplit('/').next()?.trim().parse().ok()?;
        Some(match envs::file::parse(file) {
            Ok(lines) => {
                let entry = |line: &envs::file::Assignment| {
                    (line.key().to_owned(), line.line(), crate::core::secret::Secret::new(line.value()))
                };
                Self { version, created: None, entries: lines.iter().map(entry).collect(), wrong: None }
            }
            Err(errors) => Self {
                version,
                created: None,
                entries: Vec::new(),
                wrong: errors.first().map(|error| error.line),
            },
        })
    }

    /// The newest version that can be read, without its content.
    pub(in crate::commands::gcp) fn newest(versions: &[Version]) -> Option<Self> {
        let newest =
            versions.iter().filter(|version| version.enabled).max_by_key(|version| version.number)?;
        Some(Self { version: newest.number, created: newest.created, ..Self::default() })
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

/// The address that the scheduler's target accepts tokens for: one of its own, as its secret says.
pub(super) fn audience(secret: &Secret, content: &Content, target: &Live) -> Result<String, String> {
    let mut addresses: Vec<&str> = vec![&target.url];
    addresses.extend(target.urls.iter().map(String::as_str));
    let file = format!("{} version {}", secret.name, content.version);
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

#[cfg(test)]
mod tests {
    use super::*;
    const URL: &str = "https://validibot-worker-1.us-west1.run.app";

    fn said(file: &str) -> Result<String, String> {
        let address = ["TASK_OIDC_AUDIENCE", "WORKER_URL"].map(str::to_owned).to_vec();
        let secret = Secret { name: "django-env".into(), wins: true, address };
        let content = Content::parse(&format!("projects/1/secrets/django-env/versions/7\n{file}")).unwrap();
        let other = "https://validibot-worker-abc-uw.a.run.app";
        let document = serde_json::json!({
            "kind": "Service",
            "metadata": {"annotations": {"run.googleapis.com/urls": format!("[\"{URL}\", \"{other}\"]")}},
            "spec": {"template": {"spec": {"containers": [{"image": "r/a@sha256:1"}]}}},
            "status": {"url": URL},
        });
        audience(&secret, &content, &Live::parse(&document.to_string()).unwrap())
    }

    #[test]
    fn the_schedulers_audience_is_what_the_worker_accepts() {
        assert_eq!(said(&format!("WORKER_URL={URL}\n")), Ok(URL.to_owned()));
        // Either of the service's two addresses, and the stronger variable where it is set.
        let other = "https://validibot-worker-abc-uw.a.run.app";
        assert_eq!(said(&format!("WORKER_URL=x\nTASK_OIDC_AUDIENCE={other}\n")), Ok(other.to_owned()));
        assert_eq!(
            said("A=1\nWORKER_URL=https://old.example\n"),
            Err(format!(
                "django-env version 7, line 2: WORKER_URL is 'https://old.example', and the tokens of the scheduler would \
                 be refused; write {URL}"
            ))
        );
        assert_eq!(
            said("A=1\n"),
            Err(format!("django-env version 7: WORKER_URL is not set; write WORKER_URL={URL}"))
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let content =
            Content::parse("projects/1/secrets/s/versions/7\nDJANGO_SECRET_KEY=sentinel\n").unwrap();
        assert_eq!(format!("{content:?}"), "version 7");
        assert!(Content::parse("nothing").is_none());
    }
}
