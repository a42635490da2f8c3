//! What `gcp setup` makes, and who may do what with it.

use super::super::finding::Finding;
use super::{CloudChecks, unknown};
use crate::commands::gcp::setup::live::{Live, Part};
use crate::core::error::Result;
use crate::tools::gcloud::apis::APIS;
use crate::tools::gcloud::{ACCESSOR, INVOKER};

/// Reads it; `None` if it cannot be read yet.
pub(super) fn read(look: &CloudChecks<'_>, findings: &mut Vec<Finding>) -> Result<Option<Live>> {
    let live = Live::read(look.context, look.at_once, &look.names)?;
    let blind = unknown::findings(&live.troubles);
    let shared = blind.iter().any(|finding| finding.code != "could-not-tell");
    findings.extend(blind);
    if shared {
        return Ok(None);
    }
    let off: Vec<&str> = APIS.into_iter().filter(|api| !live.apis.iter().any(|on| on == api)).collect();
    // A list that could not be read says nothing about any of them.
    if !live.apis.is_empty() && !off.is_empty() {
        findings.push(Finding::error(
            "api-off",
            format!("{} off: {}", if off.len() == 1 { "an API is" } else { "APIs are" }, off.join(", ")),
            "its resources cannot be read, created or used",
            look.place("the APIs"),
            look.command("setup"),
        ));
        return Ok(None);
    }
    findings.extend(missing(look, &live));
    findings.extend(access(look, &live));
    if !live.docker {
        let finding = Finding::error(
            "docker-not-logged-in",
            format!("docker does not use gcloud's login at {}", look.names.registry()),
            "an image that is built on this machine cannot be pushed",
            "docker's config.json",
            format!("gcloud auth configure-docker {}", look.names.registry()),
        );
        findings.push(finding.into_warning());
    }
    Ok(Some(live))
}

/// What a first deploy needs, and is not there.
fn missing(look: &CloudChecks<'_>, live: &Live) -> Vec<Finding> {
    let names = &look.names;
    let account = format!("service account {}", names.service_account());
    let repository = format!("image repository {}", names.repository());
    let secret = format!("secret {}", names.secret());
    let web = format!("service {}", names.web_service());
    let setup = || look.command("setup");
    let deploy = || "deploy Validibot to this stage, then try again".to_owned();
    let unseen = |what: &str| live.troubles.iter().any(|trouble| trouble.what.contains(what));
    let parts = [
        (
            "no-service-account",
            account,
            live.account,
            "the service account",
            "the server runs as it",
            setup(),
        ),
        (
            "no-repository",
            repository,
            live.repository,
            "the image repository",
            "images are kept there",
            setup(),
        ),
        (
            "no-secret",
            secret,
            live.secret.part(),
            "the secret's policy",
            "the server reads its settings from it",
            setup(),
        ),
        (
            "no-web-application",
            web,
            live.web.part(),
            &names.web_service(),
            "the server asks it for its licence, and exits without",
            deploy(),
        ),
    ];
    let mut findings = Vec::new();
    for (code, what, there, asked_as, why, fix) in parts {
        if there == Part::Absent && !unseen(asked_as) {
            findings.push(Finding::error(code, format!("there is no {what}"), why, look.place(&what), fix));
        }
    }
    findings
}

/// The two roles of the server's account, and the one that it must not have.
fn access(look: &CloudChecks<'_>, live: &Live) -> Vec<Finding> {
    let names = &look.names;
    let account = names.service_account();
    let mut findings = Vec::new();
    let everywhere = live.project.grants(ACCESSOR, &account);
    let there = |part| part == Part::Present && live.account == Part::Present;
    if there(live.secret.part()) && !live.secret.grants(ACCESSOR, &account) && !everywhere {
        findings.push(Finding::error(
            "secret-not-readable",
            format!("{account} may not read secret {}", names.secret()),
            "no instance starts: its settings are mounted from there",
            look.place(&format!("secret {}", names.secret())),
            look.command("setup"),
        ));
    }
    if there(live.web.part())
        && !live.web.grants(INVOKER, &account)
        && !live.web.grants_everybody(INVOKER)
        && !live.project.grants(INVOKER, &account)
    {
        findings.push(Finding::error(
            "web-not-callable",
            format!("{account} may not call {}", names.web_service()),
            "Google answers 403 in Validibot's place: the licence stays unknown, and the server exits",
            look.place(&format!("service {}", names.web_service())),
            look.command("setup"),
        ));
    }
    if everywhere {
        let finding = Finding::error(
            "account-reads-every-secret",
            format!("{account} holds {ACCESSOR} on the whole project"),
            "anyone who takes over the server can read every secret of the project",
            look.place("the policy"),
            look.command("setup"),
        );
        findings.push(finding.into_warning());
    }
    findings
}
