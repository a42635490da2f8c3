//! Values that are well formed, and cannot work together.

use envs::{HeldIn, Variable, deploy, oauth, server};

use super::finding::{Finding, Severity};
use super::hosts;
use crate::commands::env::{self, Checked};
use crate::config::context::Context;
use crate::config::env::{EnvFile, Environment, Found, Layers, Location};
use crate::config::gate::Gate;
use crate::config::stage::{Names, Target};

/// Where the checks read values.
struct Values<'a> {
    context: &'a Context,
    stage: Target,
    checked: &'a Checked,
}

/// Compares what has to agree.
pub(super) fn examine(context: &Context, stage: Target, checked: &Checked, findings: &mut Vec<Finding>) {
    let values = Values { context, stage, checked };
    let base = values.get(&server::MCP_BASE_URL);
    if let Some(base) = &base {
        findings.extend(values.public_address(base));
    }
    // The local stack decides by itself where its Validibot is, whatever its file says.
    if stage == Target::SelfHosted {
        findings.extend(values.get(&server::API_BASE_URL).and_then(|api| inner_address(&api)));
    }
    if let Some(theirs) = env::neighbour_file(context, stage) {
        findings.extend(values.theirs(&theirs, base.as_ref()));
    }
    if stage != Target::Local {
        findings.extend(values.gate());
    }
}

impl Values<'_> {
    /// A value that is set and well formed.
    fn get(&self, variable: &Variable) -> Option<Found> {
        let files = self.checked.files.iter().filter(|(file, _)| variable.held_in.contains(file));
        // Files only: what a shell exports does not reach a server elsewhere.
        let nothing = Environment::default();
        let layers = Layers::new(&nothing, files.map(|(_, file)| file));
        let found = layers.get(variable)?;
        let text = found.value.expose().trim();
        let written = !text.is_empty() && !Variable::is_placeholder(text) && variable.problem(text).is_none();
        written.then_some(found)
    }

    fn public_address(&self, base: &Found) -> Option<Finding> {
        let url = base.value.expose().trim();
        let finding = |code, what: &str, why: &str, fix: String| {
            let (what, why, place) = (what.to_owned(), why.to_owned(), base.origin.clone().into());
            Some(Finding { code, severity: Severity::Error, what, why, place, fix })
        };
        let name = server::MCP_BASE_URL.name;
        let address = url.trim_end_matches('/');
        if let Some(base) = address.strip_suffix("/mcp") {
            return finding(
                "base-url-with-path",
                &format!("{name} ends with /mcp"),
                "the server adds /mcp itself: clients would be sent to /mcp/mcp",
                format!("write {name}={base}"),
            );
        }
        let loopback = ["http://localhost", "http://127.", "http://[::1]"]
            .iter()
            .any(|start| address.starts_with(start));
        let oauth = self.get(&oauth::CLIENT_SECRET).is_some();
        if oauth && address.starts_with("http://") && !loopback {
            return finding(
                "sign-in-without-https",
                &format!("{name} is plain http, and OAuth is on"),
                "tokens would cross the network in the clear: the server does not start with these settings",
                format!("write {name}=https://… , the address of a proxy with a certificate"),
            );
        }
        if self.stage != Target::Local && loopback {
            return finding(
                "base-url-is-loopback",
                &format!("{name} is an address of this machine only"),
                "clients elsewhere are sent to their own machines",
                format!("write {name}=https://<the public name>"),
            );
        }
        None
    }

    /// The application's file beside ours.
    fn theirs(&self, theirs: &EnvFile, base: Option<&Found>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut differs = |name: &str, expected: &str, origin: &str, why: &str| {
            let Some(entry) = theirs.get(name).filter(|entry| !entry.value.expose().trim().is_empty()) else {
                return;
            };
            if entry.value.expose() != expected {
                let place = theirs.at(entry).into();
                findings.push(Finding {
                    code: "values-differ",
                    severity: Severity::Error,
                    what: format!("{name} is not {expected}, the value in {origin}"),
                    why: why.to_owned(),
                    fix: format!("write {name}={expected} there, then restart Validibot"),
                    place,
                });
            }
        };
        if let Some(issuer) = self.get(&oauth::AUTHORIZATION_SERVER_URL) {
            let expected = issuer.value.expose().trim().trim_end_matches('/').to_owned();
            // Validibot cuts the slash itself.
            let same = theirs
                .get("SITE_URL")
                .is_some_and(|site| site.value.expose().trim_end_matches('/') == expected);
            if !same {
                let why = "tokens carry SITE_URL as their iss: every one of them is a 401 invalid_token";
                differs("SITE_URL", &expected, &issuer.origin.to_string(), why);
            }
        }
        if let Some(base) = base {
            let url = base.value.expose().trim().trim_end_matches('/');
            let origin = base.origin.to_string();
            let why = "tokens carry it as their aud: every one of them is a 401 invalid_token";
            differs("IDP_OIDC_MCP_RESOURCE_AUDIENCE", &format!("{url}/mcp"), &origin, why);
            findings.extend(redirect(theirs, url));
        }
        findings.extend(self.service_account(theirs));
        findings.extend(hosts::not_allowed(&|variable| self.get(variable), theirs));
        findings
    }

    /// Validibot lets in only the service accounts that it lists.
    fn service_account(&self, theirs: &EnvFile) -> Option<Finding> {
        let Target::GoogleCloud(stage) = self.stage else { return None };
        let audience = theirs.get("MCP_OIDC_AUDIENCE").is_some_and(|entry| !entry.value.expose().is_empty());
        let text =
            |variable: &Variable| self.get(variable).map(|found| found.value.expose().trim().to_owned());
        let project = text(&deploy::GCP_PROJECT_ID).filter(|_| audience)?;
        let app = text(&deploy::GCP_APP_NAME).unwrap_or_default();
        let account = Names::new(project, "", app, "", stage).service_account();
        let list = theirs.get("MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS");
        let listed = list.is_some_and(|list| {
            list.value.expose().split(',').any(|entry| entry.trim().eq_ignore_ascii_case(&account))
        });
        if listed {
            return None;
        }
        Some(Finding {
            code: "service-account-not-allowed",
            severity: Severity::Error,
            what: format!("MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS does not hold {account}"),
            why:
                "Validibot answers 401 on /api/v1/mcp/* to every other account, and an empty list allows none"
                    .to_owned(),
            place: list.map_or_else(|| Location::file(theirs.path()), |list| theirs.at(list)).into(),
            fix: format!("add {account} to MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS there, then deploy Validibot"),
        })
    }

    fn gate(&self) -> Option<Finding> {
        let build = self.checked.files.iter().find(|(file, _)| *file == HeldIn::Build).map(|(_, file)| file);
        // A word that is neither on nor off was found with its line already.
        let gate = Gate::read(&self.context.environment, build).ok().filter(|gate| !gate.open)?;
        let path = self.context.tree.path(self.stage, HeldIn::Build).unwrap_or_default();
        Some(Finding {
            code: "gate-closed",
            severity: Severity::Warning,
            what: "the build gate is closed".to_owned(),
            why: "every command that would build, start or deploy the server is skipped".to_owned(),
            place: gate.origin.into(),
            fix: format!("write {}=true into {}", deploy::ENABLE_MCP_SERVER.name, path.display()),
        })
    }
}

/// A server in a container reaches Validibot by its service's name.
fn inner_address(api: &Found) -> Option<Finding> {
    let url = api.value.expose().trim();
    let itself = ["://localhost", "://127.", "://[::1]", "://0.0.0.0"].iter().any(|name| url.contains(name));
    itself.then(|| Finding {
        code: "api-is-the-container",
        severity: Severity::Error,
        what: format!("{} is localhost", server::API_BASE_URL.name),
        why: "inside its container that is the MCP server itself: the licence stays unknown, and it exits"
            .to_owned(),
        place: api.origin.clone().into(),
        fix: format!("write {}=http://web:8000, the compose service", server::API_BASE_URL.name),
    })
}

/// The list of redirect URIs, where the application has one of its own.
fn redirect(theirs: &EnvFile, base: &str) -> Option<Finding> {
    let list = theirs.get("IDP_OIDC_MCP_SERVER_REDIRECT_URIS")?;
    let text = list.value.expose().trim();
    let wanted = format!("{base}/auth/callback");
    if text.is_empty() || text.split([',', ' ']).any(|uri| uri == wanted) {
        return None;
    }
    Some(Finding {
        code: "redirect-uri-not-registered",
        severity: Severity::Error,
        what: format!("IDP_OIDC_MCP_SERVER_REDIRECT_URIS does not hold {wanted}"),
        why: "the sign-in ends with Mismatching redirect URI".to_owned(),
        place: theirs.at(list).into(),
        fix: format!("add {wanted} there, then run manage.py ensure_oidc_clients"),
    })
}
