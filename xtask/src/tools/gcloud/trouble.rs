//! Why a read failed, and what to do about it; which of several failures share one cause.

use super::Advice;

/// Why the state is unknown, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What was asked for, as a person says it.
    pub what: String,
    /// The kind of failure.
    pub advice: Advice,
    /// gcloud's own words, the last lines.
    pub said: String,
    /// The command, ready to paste.
    pub command: String,
}

impl Trouble {
    /// What to do next. Of an API that is off, which one: `gcp setup` turns on the server's own alone.
    pub fn advice_text(&self) -> String {
        if self.advice != Advice::EnableApi {
            return self.advice.text().to_owned();
        }
        match self.api() {
            Some(api) if !super::apis::APIS.contains(&api.as_str()) => {
                let project = self.command.split(' ').skip_while(|word| *word != "--project").nth(1);
                let project = project.map(|project| format!(" --project {project}")).unwrap_or_default();
                format!("turn the API on: gcloud services enable {api}{project}")
            }
            _ => self.advice.text().to_owned(),
        }
    }

    /// Whether an answer to another question failed for the very same reason, so that it needs to be told once.
    pub fn shares_cause_with(&self, other: &Self) -> bool {
        let general = matches!(
            self.advice,
            Advice::LogIn
                | Advice::EnableApi
                | Advice::Billing
                | Advice::QuotaProject
                | Advice::Perimeter
                | Advice::ProjectGone
                | Advice::CheckNetwork
        );
        general && self.advice == other.advice && self.api() == other.api()
    }

    /// The API that is off, as the message names it, or else as the command needs it.
    pub fn api(&self) -> Option<String> {
        if self.advice != Advice::EnableApi {
            return None;
        }
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
        let named = self.said.split(|c| !is_name(c)).map(|word| word.trim_matches('.'));
        let mut named =
            named.filter(|word| word.strip_suffix(".googleapis.com").is_some_and(|api| !api.is_empty()));
        if let Some(api) = named.next() {
            return Some(api.to_owned());
        }
        let group = self.command.split(' ').skip_while(|word| *word != "gcloud").nth(1)?;
        let api = match group {
            "compute" => "compute",
            "scheduler" => "cloudscheduler",
            "tasks" => "cloudtasks",
            "sql" => "sqladmin",
            _ => return None,
        };
        Some(format!("{api}.googleapis.com"))
    }
}

/// gcloud's words without what only its makers can use: the headers of an answer, and advice about a network that has just carried
/// one.
pub fn plainly(said: &str) -> String {
    let lines =
        said.lines().filter(|line| !line.starts_with("This may be due to network connectivity issues."));
    let lines: Vec<String> = lines
        .map(|line| match (line.split_once(": response: <{"), line.split_once("}>, content <")) {
            (Some((asked, _)), Some((_, content))) if asked.contains("HttpError accessing <") => {
                format!("{asked}: {}", content.strip_suffix('>').unwrap_or(content))
            }
            _ => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_s_headers_help_nobody() {
        let said = "ERROR: (gcloud.run.services.replace) HttpError accessing <http://x/y?alt=json>: response: \
                    <{'content-length': '95', 'status': 503}>, content <{\"error\":{\"code\":503}}>\n\
                    This may be due to network connectivity issues. Please check your network settings, and the status.\n";
        let plain = "ERROR: (gcloud.run.services.replace) HttpError accessing <http://x/y?alt=json>: \
                     {\"error\":{\"code\":503}}";
        assert_eq!(plainly(said), plain);
        assert_eq!(plainly("ERROR: (gcloud.x) NOT_FOUND: y"), "ERROR: (gcloud.x) NOT_FOUND: y");
    }

    #[test]
    fn an_api_that_setup_does_not_turn_on_is_named() {
        let trouble = |said: &str, command: &str| Trouble {
            what: "it".to_owned(),
            advice: Advice::of(said),
            said: said.to_owned(),
            command: command.to_owned(),
        };
        let off = "ERROR: (gcloud.x) PERMISSION_DENIED: API has not been used in project 1 before or it is disabled";
        let compute = trouble(off, "gcloud compute url-maps describe m --project acme");
        assert_eq!(
            compute.advice_text(),
            "turn the API on: gcloud services enable compute.googleapis.com --project acme"
        );
        let named =
            trouble(&format!("{off}\n  service: cloudtasks.googleapis.com"), "gcloud x --project acme");
        assert!(named.advice_text().contains("enable cloudtasks.googleapis.com"), "{}", named.advice_text());
        assert!(!named.shares_cause_with(&compute) && compute.shares_cause_with(&compute.clone()));
        let own = trouble(&format!("{off}\n  service: run.googleapis.com"), "gcloud run x --project acme");
        assert!(own.advice_text().contains("cargo xtask gcp setup"), "{}", own.advice_text());
        let roles = trouble("PERMISSION_DENIED: Permission 'p' denied", "gcloud x");
        assert!(!roles.shares_cause_with(&roles.clone()), "each needs a role of its own");
    }
}
